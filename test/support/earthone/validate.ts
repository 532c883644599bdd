/** What requests may hold; everything wrong is said in one answer. */
import { ApiError } from './http.js';
import type { Fn } from './model.js';

/** cpus → memory that is sold with them, MB. */
const SOLD: Readonly<Record<string, readonly number[]>> = {
  0.25: [512, 1024, 2048],
  0.5: gigabytes(1, 4, 1),
  1: gigabytes(1, 8, 1),
  2: gigabytes(4, 16, 1),
  4: gigabytes(8, 30, 1),
  8: gigabytes(16, 60, 4),
  16: gigabytes(32, 120, 8),
};

function gigabytes(least: number, most: number, step: number): number[] {
  const all: number[] = [];
  for (let gb = least; gb <= most; gb += step) all.push(gb * 1024);
  return all;
}

type Check = (value: unknown) => string | null;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const stringMap: Check = (value) =>
  isObject(value) && Object.values(value).every((one) => typeof one === 'string')
    ? null
    : 'Must be an object of strings';

export const object: Check = (value) => (isObject(value) ? null : 'Must be an object');

export const array: Check = (value) => (Array.isArray(value) ? null : 'Must be a list');

export const tags: Check = (value) =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '')
    ? null
    : 'Must be a list of strings';

export const text: Check = (value) =>
  typeof value === 'string' && value !== '' ? null : 'Must be a string, and not empty';

export const uuid: Check = (value) =>
  typeof value === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)
    ? null
    : 'Must be a UUID';

export const flag: Check = (value) => (typeof value === 'boolean' ? null : 'Must be true or false');

const whole =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? null
      : `Must be a whole number from ${least} to ${most}`;

const image: Check = (value) =>
  typeof value === 'string' && /^python3\.\d{1,2}:\S+$/.test(value) ? null : 'Must be a valid docker image';

const cpus: Check = (value) =>
  typeof value === 'number' && Object.hasOwn(SOLD, value)
    ? null
    : `Must be one of ${Object.keys(SOLD).join(', ')}`;

export type Rules = Readonly<Record<string, Check>>;

/** @throws ApiError 422 that names each key that is missing, unknown or wrong; null counts as missing */
export function check(
  body: Readonly<Record<string, unknown>>,
  rules: Rules,
  required: readonly string[] = [],
): void {
  const errors: Record<string, string[]> = {};
  for (const key of required) {
    if (body[key] === undefined || body[key] === null) errors[key] = ['Field is required'];
  }
  for (const [key, value] of Object.entries(body)) {
    if (!Object.hasOwn(rules, key)) errors[key] = ['Unknown field'];
    else if (value !== null) {
      const wrong = rules[key]!(value);
      if (wrong !== null) errors[key] = [wrong];
    }
  }
  if (Object.keys(errors).length > 0) throw new ApiError(422, 'Validation error', errors);
}

export const FUNCTION_CHANGES: Rules = {
  name: text,
  cpus,
  memory: whole(1, 1024 * 1024),
  maximum_concurrency: whole(1, 1000),
  timeout: whole(1, 7 * 24 * 3600),
  retry_count: whole(0, 100),
  enabled: flag,
  auto_start: flag,
  environment: stringMap,
};

export const FUNCTION_FIELDS: Rules = { ...FUNCTION_CHANGES, image };

/** A pair of cpus and memory that is not sold. */
export function checkSize({ cpus, memory }: Pick<Fn, 'cpus' | 'memory'>): void {
  const sold = SOLD[cpus] ?? [];
  if (sold.includes(memory)) return;
  throw new ApiError(422, 'Validation error', {
    memory: [`With ${cpus} cpus memory must be one of ${sold.join(', ')}, not ${memory}`],
  });
}
