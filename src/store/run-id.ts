import { randomBytes } from 'node:crypto';

/** `20261123T031455`: local time, sorts by time, safe in any path. */
export function timestamp(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return (
    `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}` +
    `T${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`
  );
}

/** Letters, digits, `.`, `_`, `-` of `text`; anything else becomes `-`. At most 80 characters, never empty or hidden. */
export function safeName(text: string): string {
  const safe = text
    .normalize('NFKD')
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 80);
  return safe === '' ? 'job' : safe;
}

/** {@link timestamp} with milliseconds: `20261123T031455.123`. */
export function preciseTimestamp(date: Date): string {
  return `${timestamp(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** True for a name that {@link newRunId} may have given. */
export function isRunId(name: string): boolean {
  return /^\d{8}T\d{6}\.\d{3}-.+-[0-9a-f]{6}$/.test(name);
}

/** An id for a run: sorts by time, names the job, unique. */
export function newRunId(job: string, date: Date): string {
  return `${preciseTimestamp(date)}-${safeName(job).slice(0, 40)}-${randomBytes(3).toString('hex')}`;
}
