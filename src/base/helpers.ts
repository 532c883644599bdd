import { DataError, describeValue } from './errors.js';

/** Words that mean false, in lower case. */
export const FALSE_WORDS: ReadonlySet<string> = new Set(['false', 'none', 'no', 'null', 'f', 'n', '0']);
/** Words that mean true, in lower case. */
export const TRUE_WORDS: ReadonlySet<string> = new Set(['true', 't', 'yes', 'y', '1']);

/** True when `value` is a string. */
export function isStr(value: unknown): value is string {
  return typeof value === 'string';
}

/**
 * Whether a word of the command line means yes. Booleans, whole numbers, `null` and `undefined` are returned
 * as they are; a string is false when it is one of `false none no null f n 0` in any case, else true.
 *
 * @throws DataError VALUE_INVALID for any other type.
 */
export function truthy(value: string | boolean): boolean;
export function truthy<T extends number | null | undefined>(value: T): T;
export function truthy(value: unknown): boolean | number | null | undefined;
export function truthy(value: unknown): boolean | number | null | undefined {
  if (value === null || value === undefined || typeof value === 'boolean') return value;
  if (typeof value === 'string') return !FALSE_WORDS.has(value.toLowerCase());
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new DataError(
    'VALUE_INVALID',
    `truthy: expected a string, a boolean, a whole number or null, got ${describeValue(value)}`,
    { hint: 'Pass one word, or compare the value yourself.' },
  );
}

/**
 * A true word (`true t yes y 1`, any case) becomes true, a false word (`false none no null f n 0`) false;
 * any other value is returned unchanged.
 */
export function boolStr<T>(value: T): T | boolean {
  if (typeof value !== 'string') return value;
  const word = value.toLowerCase();
  if (FALSE_WORDS.has(word)) return false;
  return TRUE_WORDS.has(word) ? true : value;
}

/**
 * A deep copy of `data`, then updated: by the entries of `update` when it is an object, or with the key `update`
 * set to `value` when it is a string. An empty `update` (`''`, `null`, `undefined`, `{}`) only copies.
 *
 * `copyUpdate({ a: 1 }, { b: 2 })` and `copyUpdate({ a: 1 }, 'b', 2)` give `{ a: 1, b: 2 }`.
 *
 * @throws DataError VALUE_INVALID when `data` is no object or holds what cannot be copied (functions), or when
 * `update` is neither object nor string.
 */
export function copyUpdate<D extends object, U extends object>(data: D, update: U): D & U;
export function copyUpdate<D extends object, K extends string>(
  data: D,
  update: K,
  value: unknown,
): D & Record<K, unknown>;
export function copyUpdate<D extends object>(
  data: D,
  update?: object | string | null,
  value?: unknown,
): D & Record<string, unknown>;
export function copyUpdate(data: object, update?: unknown, value: unknown = null): object {
  const copy = deepCopy(data);
  if (update === null || update === undefined || update === '') return copy;
  if (typeof update === 'string') {
    setKey(copy, update, value);
  } else if (typeof update === 'object' && !Array.isArray(update)) {
    for (const [key, entry] of Object.entries(update)) setKey(copy, key, entry);
  } else {
    throw new DataError(
      'VALUE_INVALID',
      `copyUpdate: expected an object or the name of a key, got ${describeValue(update)}`,
      { hint: 'Pass the entries to set as an object: copyUpdate(data, { key: value }).' },
    );
  }
  return copy;
}

/**
 * One deep copy of `data` for each of `values`: with `key`, that key set to the value; without, updated by the
 * entries of the value, which then is an object. It makes the argument lists of jobs:
 *
 * `updateList({ action: 'hello' }, [1, 2], 'id')` gives `[{ action: 'hello', id: 1 }, { action: 'hello', id: 2 }]`.
 *
 * @throws DataError VALUE_INVALID for a value that is no object where no key is given.
 */
export function updateList<D extends object, K extends string, V>(
  data: D,
  values: Iterable<V>,
  key: K,
): (D & Record<K, V>)[];
export function updateList<D extends object, V extends object>(data: D, values: Iterable<V>): (D & V)[];
export function updateList<D extends object>(
  data: D,
  values: Iterable<unknown>,
  key?: string | null,
): (D & Record<string, unknown>)[];
export function updateList(data: object, values: Iterable<unknown>, key?: string | null): object[] {
  const copies: object[] = [];
  for (const value of values) {
    if (key !== undefined && key !== null && key !== '') {
      copies.push(copyUpdate(data, key, value));
    } else if (
      value === null ||
      value === undefined ||
      (typeof value === 'object' && !Array.isArray(value))
    ) {
      copies.push(copyUpdate(data, value));
    } else {
      throw new DataError('VALUE_INVALID', `updateList: expected objects, got ${describeValue(value)}`, {
        hint: 'Name the key that takes the values: updateList(data, values, "key").',
      });
    }
  }
  return copies;
}

/** Defines, never assigns: an assignment to `__proto__` would change the prototype. */
function setKey(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function deepCopy(data: unknown): object {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new DataError('VALUE_INVALID', `expected an object to copy, got ${describeValue(data)}`, {
      hint: 'Pass the object that the copies start from as the first argument.',
    });
  }
  try {
    return structuredClone(data);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : String(cause);
    throw new DataError(
      'VALUE_INVALID',
      `expected plain data to copy, got an object that cannot be: ${reason}`,
      {
        hint: 'Arguments of tasks are data: leave out functions and symbols.',
        cause,
      },
    );
  }
}
