/**
 * NDJSON files: one JSON value a line, UTF-8. Reading holds one line at a time in memory.
 * The Python guest has the same (`python/dl_jobs/nd_json.py`); `test/cases/ndjson.json` holds both to it.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { byteLines, fileError, lineAt, linesOf, type NdjsonLine } from './ndjson-lines.js';
import { toJson } from './value-json.js';

const WRITE_CHARS = 64 * 1024;
const NEWLINE = 10;

export { NdjsonError, type NdjsonLine } from './ndjson-lines.js';

/** Options of {@link write}. */
export interface WriteOptions<T> {
  /** True: replace the file. Default: append to it. */
  readonly overwrite?: boolean;
  /** Maps each value before it is written; may be async. */
  readonly func?: (value: T) => unknown;
}

/**
 * The values of an NDJSON file, one by one. Blank lines, CRLF, a byte order mark and a missing newline at the end
 * are tolerated.
 *
 * @throws NdjsonError NDJSON_MALFORMED, with path and line number, at the first line that is not JSON; its `torn` is
 * true for an unfinished last line. DataError VALUE_INVALID when the file cannot be read.
 */
export async function* read(path: string): AsyncGenerator<unknown, void, undefined> {
  for await (const batch of byteLines(path)) {
    for (const bytes of batch) {
      const line = lineAt(path, bytes);
      if (line !== undefined) yield line.value;
    }
  }
}

/**
 * The lines of an NDJSON file with their numbers and values; blank lines are left out. Otherwise as {@link read}.
 */
export function readLines(path: string): AsyncGenerator<NdjsonLine, void, undefined> {
  return linesOf(path);
}

/** As {@link readLines}, of a stream; `name` stands for its path in errors. Lines are given as they come. */
export function readStream(
  stream: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<NdjsonLine, void, undefined> {
  return linesOf(name, stream);
}

/**
 * Appends to an NDJSON file (with `overwrite`: replaces it), and resolves to the number of lines written.
 *
 * Generators and other iterators, also async ones, are written element by element; anything else is one
 * line. So an array is one line, as in Python: pass `array.values()` for a line an element. A string that is
 * JSON text is written as given (its line breaks as blanks); any other string, and any other value, is JSON-encoded,
 * so that whatever is written can be read again. `undefined` is `null`.
 *
 * Where the file ends in an unfinished line, the new ones begin on a line of their own.
 *
 * @throws DataError VALUE_INVALID when JSON cannot hold a value, or the file cannot be written. What the source
 * or `func` throws is passed on; the lines before it are in the file.
 */
export function write<T>(
  path: string,
  elements: AsyncIterable<T> | (Iterator<T> & Iterable<T>),
  options?: WriteOptions<T>,
): Promise<number>;
export function write<T>(path: string, value: T, options?: WriteOptions<T>): Promise<number>;
export async function write(
  path: string,
  source: unknown,
  options: WriteOptions<never> = {},
): Promise<number> {
  const func = options.func as ((value: unknown) => unknown) | undefined;
  const file = await openFile(path, options.overwrite === true ? 'w' : 'a+');
  try {
    let text = options.overwrite !== true && (await endsUnfinished(file)) ? '\n' : '';
    let count = 0;
    try {
      for await (const element of isIterator(source) ? source : [source]) {
        text += `${lineOf(func === undefined ? element : await func(element))}\n`;
        count++;
        if (text.length >= WRITE_CHARS) {
          const full = text;
          text = '';
          await append(file, full, path);
        }
      }
    } finally {
      if (text !== '' && text !== '\n') await append(file, text, path);
    }
    return count;
  } finally {
    await file.close();
  }
}

/**
 * Calls `func` on each value of an NDJSON file, in order, awaiting each; resolves to the list of what it returned, or,
 * with `postprocess`, to what that returns for the list.
 *
 * @throws as {@link read}, and what the functions throw.
 */
export function apply<R, P>(
  path: string,
  func: (value: unknown) => R | PromiseLike<R>,
  options: { readonly postprocess: (results: R[]) => P | PromiseLike<P> },
): Promise<P>;
export function apply<R>(
  path: string,
  func: (value: unknown) => R | PromiseLike<R>,
  options?: { readonly postprocess?: undefined },
): Promise<R[]>;
export async function apply(
  path: string,
  func: (value: unknown) => unknown,
  options: { readonly postprocess?: ((results: never[]) => unknown) | undefined } = {},
): Promise<unknown> {
  const results: unknown[] = [];
  for await (const value of read(path)) results.push(await func(value));
  return options.postprocess === undefined ? results : options.postprocess(results as never[]);
}

function lineOf(value: unknown): string {
  if (typeof value !== 'string') return toJson(value);
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    return JSON.stringify(value);
  }
  // Half of a surrogate pair has no UTF-8; as an escape it survives.
  if (/\p{Surrogate}/u.test(value)) return JSON.stringify(parsed);
  // In JSON text a line break is blank space between tokens: inside a string it would not have parsed.
  return /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, ' ') : value;
}

function isIterator(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const source = value as Partial<Record<symbol | 'next', unknown>>;
  if (typeof source[Symbol.asyncIterator] === 'function') return true;
  return typeof source[Symbol.iterator] === 'function' && typeof source.next === 'function';
}

async function openFile(path: string, flags: 'w' | 'a+'): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (cause) {
    throw fileError('write', path, cause);
  }
}

async function endsUnfinished(file: FileHandle): Promise<boolean> {
  const stat = await file.stat();
  // Pipes and devices have no end to look at.
  if (!stat.isFile() || stat.size === 0) return false;
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, stat.size - 1);
  return last[0] !== NEWLINE;
}

async function append(file: FileHandle, text: string, path: string): Promise<void> {
  try {
    await file.appendFile(text, 'utf8');
  } catch (cause) {
    throw fileError('write', path, cause);
  }
}
