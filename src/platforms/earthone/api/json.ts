/** Values to the JSON that the API takes. */
import { DataError, describeValue } from '../../../base/errors.js';

/** Anything; what JSON cannot hold is refused when it is written. */
export type Json = Readonly<Record<string, unknown>> | readonly unknown[];

/**
 * The text, without spaces.
 *
 * @throws DataError for NaN, Infinity, a BigInt, a function, a cycle: the server takes none of them, and another value in
 * its place would be a silent change
 */
export function jsonText(value: unknown): string {
  try {
    const text = JSON.stringify(value, refuse) as string | undefined;
    if (text !== undefined) return text;
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw wrong(error instanceof RangeError ? 'it is nested too deeply' : 'it refers back to a parent');
  }
  throw wrong(`${describeValue(value)} is none`);
}

function refuse(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw wrong(`${key}: ${value} is no JSON`);
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    throw wrong(`${key}: a ${typeof value} is no JSON`);
  return value;
}

function wrong(what: string): DataError {
  return new DataError('VALUE_INVALID', `expected a value that JSON can hold: ${what}`, {
    hint: 'Convert it to text, a number, a list or a plain object first.',
  });
}
