/** From what a user gives as `argsList` to one iterator of elements. */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { DataError, describeValue, DlJobsError, JobError } from '../base/errors.js';
import { readLines } from '../base/ndjson.js';
import { InvalidValueError, toJson } from '../base/value-json.js';

/** JSON text of an element that is JSON already (a line of an .ndjson file). */
export class JsonLine {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Of calls that came as text, by their `args`: the text, for what is in it may be no number here. */
export const CALL_TEXTS = new WeakMap<object, string>();

/** Elements to iterate over, or a count that stands for 0 to count-1. */
export type ArgumentList =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'sync'; readonly elements: Iterator<unknown>; readonly length: number | null }
  | { readonly kind: 'async'; readonly elements: AsyncIterator<unknown> };

/**
 * `given` may be an array, any iterable or async iterable, a count, or a path to `.ndjson`, `.json` or `.csv`
 * (relative to `cwd`). An array of one element that is itself an iterator or range is that iterator.
 * Nothing is read before the first element is asked for.
 *
 * Throws ARGS_INVALID.
 */
export function argumentList(given: unknown, cwd: string): ArgumentList {
  if (typeof given === 'number') return countOf(given);
  if (typeof given === 'string') return fileElements(given, cwd);
  if (Array.isArray(given)) {
    const only: unknown = given.length === 1 ? given[0] : undefined;
    if (isLazy(only)) return argumentList(only, cwd);
    return { kind: 'sync', elements: given[Symbol.iterator](), length: given.length };
  }
  if (typeof given === 'object' && given !== null) {
    if (Symbol.asyncIterator in given) {
      return { kind: 'async', elements: (given as AsyncIterable<unknown>)[Symbol.asyncIterator]() };
    }
    if (Symbol.iterator in given) {
      const size =
        (given as { size?: unknown; length?: unknown }).size ?? (given as { length?: unknown }).length;
      return {
        kind: 'sync',
        elements: (given as Iterable<unknown>)[Symbol.iterator](),
        length: typeof size === 'number' ? size : null,
      };
    }
    if (typeof (given as { next?: unknown }).next === 'function') {
      return { kind: 'sync', elements: given as Iterator<unknown>, length: null };
    }
  }
  throw new JobError(
    'ARGS_INVALID',
    `argsList: expected an array, an iterable, a count or a path, got ${describeValue(given)}`,
    { hint: 'For a single call give `args` and `kwargs` instead.' },
  );
}

function countOf(count: number): ArgumentList {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new JobError(
      'ARGS_INVALID',
      `argsList: expected a count of 0 or more, got ${describeValue(count)}`,
      {
        hint: 'A count n stands for the arguments 0 to n-1.',
      },
    );
  }
  return { kind: 'count', count };
}

/** The line of element `index`. Throws ARGS_INVALID for what JSON cannot hold. */
export function argumentLine(value: unknown, index: number): string {
  if (value instanceof JsonLine) return value.text;
  try {
    return toJson(value);
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    throw new JobError('ARGS_INVALID', `argsList${error.message.replace(/^result/, `[${index}]`)}`, {
      hint: 'Arguments travel as JSON.',
    });
  }
}

/** What to throw when the list's iterator threw `error` after `produced` elements. */
export function listThrew(error: unknown, produced: number): unknown {
  if (error instanceof DlJobsError) return error;
  return new JobError('ARGS_INVALID', `argsList threw after ${produced} elements: ${String(error)}`, {
    hint:
      error instanceof Error && error.stack !== undefined ? error.stack : 'Mend the iterator and run again.',
    cause: error,
  });
}

/** A generator, iterator or range: something to iterate over that is not itself a value. */
function isLazy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value) || value instanceof Map || value instanceof Set || ArrayBuffer.isView(value))
    return false;
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}

function fileElements(path: string, cwd: string): ArgumentList {
  const full = isAbsolute(path) ? path : resolve(cwd, path);
  const extension = /\.(ndjson|jsonl|json|csv)$/i.exec(full)?.[1]?.toLowerCase();
  if (extension === undefined) {
    throw new JobError(
      'ARGS_INVALID',
      `argsList: expected a file that ends in .ndjson, .json or .csv, got \`${path}\``,
      {
        hint: 'Rename it, or read it yourself and give an iterable.',
      },
    );
  }
  if (!existsSync(full)) {
    throw new JobError('ARGS_INVALID', `argsList: expected a file, found none at ${full}`, {
      hint: 'Paths are relative to where you stand.',
    });
  }
  if (extension === 'json') return { kind: 'async', elements: jsonElements(full) };
  return { kind: 'async', elements: extension === 'csv' ? csvElements(full) : ndjsonElements(full) };
}

/** The lines of an NDJSON file; each is checked and passed on as it stands. */
async function* ndjsonElements(path: string): AsyncGenerator<JsonLine> {
  for await (const { line } of readLines(path)) yield new JsonLine(line.trim());
}

/** A list in a .json file. The file is read whole. */
async function* jsonElements(path: string): AsyncGenerator {
  let list: unknown;
  try {
    list = JSON.parse(readFileSync(path, 'utf8').replace(/^\ufeff/, ''));
  } catch (error) {
    throw new DataError(
      'ARGS_INVALID',
      `${path}: expected a JSON list: ${String((error as Error).message)}`,
      {
        hint: 'One value a line? Then name the file .ndjson.',
      },
    );
  }
  if (!Array.isArray(list)) {
    throw new DataError('ARGS_INVALID', `${path}: expected a JSON list, got ${describeValue(list)}`, {
      hint: 'Put the value in brackets, or name the file .ndjson for one value a line.',
    });
  }
  yield* list as unknown[];
}

/** Rows of a CSV file as objects by the names in its first line; every value is text. */
async function* csvElements(path: string): AsyncGenerator {
  const { parse } = await import('./csv.js');
  const parser = createReadStream(path).pipe(
    parse({ columns: true, bom: true, skip_empty_lines: true, trim: false }),
  );
  try {
    for await (const row of parser) yield row;
  } catch (error) {
    throw new DataError('ARGS_INVALID', `${path}: expected CSV: ${(error as Error).message}`, {
      hint: 'The first line holds the column names; quote a field that holds a comma or a quote.',
    });
  }
}
