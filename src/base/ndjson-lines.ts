/** How NDJSON is cut into lines and each line into its value; what a line that is no JSON is told. */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { DataError, describeValue } from './errors.js';

const READ_BYTES = 256 * 1024;
const NEWLINE = 10;

/** A line of a file and the value it holds. */
export interface NdjsonLine {
  /** The text, without line end and byte order mark. */
  readonly line: string;
  /** Counted from 1; blank lines count. */
  readonly number: number;
  readonly value: unknown;
}

/** A line that is not JSON. Code `NDJSON_MALFORMED`. */
export class NdjsonError extends DataError {
  readonly path: string;
  /** Number of the line, counted from 1. */
  readonly line: number;
  /** True when the line is the last one and has no newline: its writer was interrupted. */
  readonly torn: boolean;

  constructor(path: string, line: number, torn: boolean, got: string, cause: unknown) {
    super(
      'NDJSON_MALFORMED',
      torn
        ? `${path}:${line}: the last line is torn (it has no newline): expected one JSON value, got ${got}`
        : `${path}:${line}: expected one JSON value on the line, got ${got}`,
      {
        hint: torn
          ? 'Whatever wrote the file was interrupted: delete that line or write it again.'
          : 'Mend that line or delete it; each line holds one whole JSON value.',
        cause,
      },
    );
    this.path = path;
    this.line = line;
    this.torn = torn;
  }
}

/** The lines of a file, or of a stream that `path` names; blank ones are left out. */
export async function* linesOf(
  path: string,
  given?: AsyncIterable<Uint8Array>,
): AsyncGenerator<NdjsonLine, void, undefined> {
  for await (const batch of byteLines(path, given)) {
    for (const bytes of batch) {
      const line = lineAt(path, bytes);
      if (line !== undefined) yield line;
    }
  }
}

export interface ByteLine {
  readonly bytes: Buffer;
  readonly number: number;
  /** True when a newline ends it. */
  readonly ended: boolean;
}

/** The lines that end in one chunk of the file at a time: an await for each line would cost more than its parsing. */
export async function* byteLines(
  path: string,
  given?: AsyncIterable<Uint8Array>,
): AsyncGenerator<ByteLine[], void, undefined> {
  let number = 0;
  // Pieces are joined once, when the line ends, so that a long line costs linear time.
  let pieces: Buffer[] = [];
  const stream = given === undefined ? createReadStream(path, { highWaterMark: READ_BYTES }) : null;
  const chunks = (given ?? (stream as AsyncIterable<Buffer>))[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((cause: unknown) => {
        throw fileError('read', path, cause);
      });
      if (next.done === true) break;
      const chunk = Buffer.isBuffer(next.value) ? next.value : Buffer.from(next.value);
      const batch: ByteLine[] = [];
      let from = 0;
      for (let to = chunk.indexOf(NEWLINE); to !== -1; to = chunk.indexOf(NEWLINE, from)) {
        const piece = chunk.subarray(from, to);
        const bytes = pieces.length === 0 ? piece : Buffer.concat([...pieces, piece]);
        pieces = [];
        from = to + 1;
        batch.push({ bytes, number: ++number, ended: true });
      }
      if (from < chunk.length) pieces.push(chunk.subarray(from));
      yield batch;
    }
    if (pieces.length > 0) yield [{ bytes: Buffer.concat(pieces), number: ++number, ended: false }];
  } finally {
    if (stream === null) await chunks.return?.();
    else stream.destroy();
  }
}

/** The line with its value; undefined for a blank one. */
export function lineAt(path: string, { bytes, number, ended }: ByteLine): NdjsonLine | undefined {
  const line = textOf(bytes, path, number, ended);
  return /^[ \t\r]*$/.test(line) ? undefined : { line, number, value: parse(line, path, number, ended) };
}

function textOf(bytes: Buffer, path: string, number: number, ended: boolean): string {
  // A character cut in two at the end of an unfinished line is not UTF-8 either.
  if (!isUtf8(bytes)) {
    const start = describeValue(bytes.subarray(0, 60).toString('latin1'));
    throw new NdjsonError(path, number, !ended, `${start}, which is not UTF-8`, undefined);
  }
  let line: string;
  try {
    line = bytes.toString('utf8');
  } catch (cause) {
    throw new NdjsonError(
      path,
      number,
      !ended,
      `a line of ${bytes.length} bytes, more than can be read`,
      cause,
    );
  }
  if (number === 1 && line.startsWith('\uFEFF')) line = line.slice(1);
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

function parse(line: string, path: string, number: number, ended: boolean): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new NdjsonError(path, number, !ended, describeValue(line.slice(0, 100)), cause);
  }
}

/** A file that cannot be opened, read or written, in the user's words. */
export function fileError(verb: 'read' | 'write', path: string, cause: unknown): DataError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DataError('VALUE_INVALID', `expected a file to ${verb}, got ${describeValue(path)}: ${reason}`, {
    hint: `Check that the path is right and that you may ${verb} it.`,
    cause,
  });
}
