/** A summary as people read it. */
import { formatElapsed } from '../base/timer.js';
import type { RunSummary } from '../outputs/summary.js';

/** Colours, or functions that return their text as it is. */
export type SummaryPaint = Readonly<Record<'green' | 'red' | 'yellow' | 'dim', (text: string) => string>>;

const same = (text: string): string => text;
const PLAIN: SummaryPaint = { green: same, red: same, yellow: same, dim: same };

/** Several lines, without a newline at the end. `firstError`: the first error that was seen. */
export function summaryText(
  summary: RunSummary,
  firstError: string | null,
  paint: SummaryPaint = PLAIN,
): string {
  const { counts, paths } = summary;
  const { green, red, yellow, dim } = paint;
  const state =
    summary.status !== 'finished'
      ? yellow(summary.status)
      : counts.errors > 0
        ? red('finished with errors')
        : green('finished');
  const total = counts.total === null || counts.total === counts.done ? '' : ` of ${counts.total}`;
  const lines = [
    `${summary.spec.moduleName}.${summary.spec.methodName}: ${state}: ${counts.done}${total} ${plural('task', counts.total ?? counts.done)}, ${counts.ok} ok, ` +
      `${counts.errors} ${plural('error', counts.errors)} in ${duration(summary.durationMs)}`,
  ];
  if (summary.reason !== null) lines.push(`  reason     ${summary.reason}`);
  if (summary.p50Ms !== null && summary.p95Ms !== null) {
    lines.push(`  task time  p50 ${milliseconds(summary.p50Ms)}, p95 ${milliseconds(summary.p95Ms)}`);
  }
  const failures = Object.entries(summary.failures).map(([type, n]) => `${n} ${type}`);
  if (failures.length > 0) lines.push(`  failures   ${failures.join(', ')}`);
  if (firstError !== null) lines.push(`  first      ${firstError}`);
  if (paths.results !== null) lines.push(`  results    ${paths.results}`);
  if (paths.errors !== null) lines.push(`  errors     ${paths.errors}`);
  if (paths.log !== null) lines.push(`  log        ${paths.log}`);
  for (const moved of summary.moved) lines.push(dim(`  an older file of that name is now ${moved}`));
  lines.push(dim(`  run        ${paths.run}`));
  if (summary.status === 'running') lines.push(`  watch      dl_jobs attach ${summary.id}`);
  else if (summary.status !== 'finished') lines.push(`  go on      dl_jobs resume ${summary.id}`);
  return lines.join('\n');
}

/** One of something, or several. */
export function plural(noun: string, count: number): string {
  return count === 1 ? noun : `${noun}s`;
}

/** Below a minute in seconds: whole ones would say 0 of most small runs. */
export function duration(ms: number): string {
  return ms < 60_000 ? `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s` : formatElapsed(ms);
}

/** A short time, three digits. */
export function milliseconds(ms: number): string {
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  return ms < 1000 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toPrecision(3)} s`;
}

/** `task 3: RangeError: too small`, from a line of the errors file (bytes as latin1 text), in one short line. */
export function describeError(line: string, task: number): string {
  const { ERROR: error, TYPE: type } = JSON.parse(Buffer.from(line, 'latin1').toString()) as Record<
    string,
    unknown
  >;
  const text = typeof error === 'string' ? error : `returned ERROR ${JSON.stringify(error)}`;
  const [first = ''] = `${typeof type === 'string' ? `${type}: ` : ''}${text}`.split('\n');
  return `task ${task}: ${first.length > 200 ? `${first.slice(0, 200)}…` : first}`;
}
