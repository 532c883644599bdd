/**
 * Values of user code to JSON text. The Python host follows the same table (docs/tasks.md):
 *
 * | value | becomes |
 * |---|---|
 * | NaN, ±Infinity | `null` |
 * | Date | ISO 8601 text (an invalid one: `null`) |
 * | Map | object when all keys are strings, else a list of `[key, value]` |
 * | Set | list |
 * | typed array | list of numbers |
 * | Buffer, ArrayBuffer, DataView | base64 text |
 * | Error | `{"name", "message"}` and its own properties |
 * | RegExp, boxed primitive | its text, its value |
 * | anything with `toJSON` | what that returns |
 * | BigInt, function, symbol, promise, cycle | invalid, naming the path |
 */

import { DataError } from './errors.js';

/** A value that JSON cannot hold, with the path where it stands: `result.items[3].id`. */
export class InvalidValueError extends DataError {
  constructor(path: string, what: string) {
    super('VALUE_INVALID', `${path}: ${what}`, {
      hint: 'Convert BigInts to strings, and leave out functions, symbols and references back to a parent.',
    });
    this.name = 'InvalidResult';
  }
}

/** Deeper than this the quick check gives up, and the careful conversion looks for a cycle. */
const QUICK_DEPTH = 64;

/** `value` as JSON text in one line; `undefined` is `null`. Throws {@link InvalidValueError}. */
export function toJson(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? (Object.is(value, -0) ? '0' : String(value)) : 'null';
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'undefined':
      return 'null';
    case 'object':
      if (value === null) return 'null';
      if (isPlain(value, 0)) return JSON.stringify(value);
      break;
    default:
      // convert() names what cannot be.
      break;
  }
  try {
    return JSON.stringify(convert(value, 'result', new Set())) ?? 'null';
  } catch (error) {
    if (error instanceof RangeError) throw new InvalidValueError('result', 'is nested too deeply for JSON');
    throw error;
  }
}

/** True when JSON.stringify alone gives the right text: no special objects, no BigInt, not suspiciously deep. */
function isPlain(value: object, depth: number): boolean {
  if (depth > QUICK_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      const type = typeof item;
      if (type === 'number' || type === 'string' || type === 'boolean' || item === null) continue;
      if (type !== 'object') {
        if (type === 'undefined') continue;
        return false;
      }
      if (!isPlain(item as object, depth + 1)) return false;
    }
    return true;
  }
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null) return false;
  const record = value as Record<string, unknown>;
  // An own toJSON, or one that somebody put on Object.prototype, is a function and found below.
  for (const key in record) {
    const item = record[key];
    const type = typeof item;
    if (type === 'number' || type === 'string' || type === 'boolean' || item === null) continue;
    if (type !== 'object') {
      if (type === 'undefined') continue;
      return false;
    }
    if (!isPlain(item as object, depth + 1)) return false;
  }
  return true;
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

function memberPath(path: string, key: string): string {
  return IDENTIFIER.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

/** A copy of `value` that JSON.stringify writes as the table says. */
function convert(value: unknown, path: string, ancestors: Set<object>): unknown {
  if (typeof value === 'bigint')
    throw new InvalidValueError(path, `is a BigInt (${value}n); return a string or a number`);
  if (typeof value === 'function') throw new InvalidValueError(path, 'is a function');
  if (typeof value === 'symbol') throw new InvalidValueError(path, 'is a symbol');
  if (typeof value !== 'object' || value === null) return value;
  if (ancestors.has(value))
    throw new InvalidValueError(path, 'refers back to an object that contains it (a cycle)');
  ancestors.add(value);
  try {
    return convertObject(value, path, ancestors);
  } finally {
    ancestors.delete(value);
  }
}

function convertObject(value: object, path: string, ancestors: Set<object>): unknown {
  if (Array.isArray(value)) return convertItems(value, path, ancestors);
  if (value instanceof Map) {
    const entries = [...value];
    if (entries.every(([key]) => typeof key === 'string')) {
      return convertMembers(entries as [string, unknown][], path, ancestors);
    }
    return convertItems(entries, path, ancestors);
  }
  if (value instanceof Set) return convertItems([...value], path, ancestors);
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    return Buffer.from(value).toString('base64');
  if (ArrayBuffer.isView(value)) {
    if (value instanceof DataView) {
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
    }
    return convertItems(Array.from(value as unknown as Iterable<unknown>), path, ancestors);
  }
  if (value instanceof Promise) throw new InvalidValueError(path, 'is a promise; await it before returning');
  const toJSON = (value as { toJSON?: unknown }).toJSON;
  if (typeof toJSON === 'function') {
    const replaced: unknown = (toJSON as (key: string) => unknown).call(value, '');
    return replaced === value
      ? convertMembers(Object.entries(value), path, ancestors)
      : convert(replaced, path, ancestors);
  }
  if (value instanceof Error) {
    return convertMembers(
      [['name', value.name], ['message', value.message], ...Object.entries(value)],
      path,
      ancestors,
    );
  }
  if (value instanceof RegExp) return String(value);
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return value.valueOf();
  return convertMembers(Object.entries(value), path, ancestors);
}

function convertItems(items: readonly unknown[], path: string, ancestors: Set<object>): unknown[] {
  const copy: unknown[] = new Array<unknown>(items.length);
  for (let i = 0; i < items.length; i++) copy[i] = convert(items[i], `${path}[${i}]`, ancestors);
  return copy;
}

function convertMembers(
  entries: readonly (readonly [string, unknown])[],
  path: string,
  ancestors: Set<object>,
): object {
  // No prototype, so that a key `__proto__` is an ordinary key.
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of entries) copy[key] = convert(item, memberPath(path, key), ancestors);
  return copy;
}
