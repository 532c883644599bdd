/** The arguments of a run: `args/args.ndjson`, one line a task; an index; the seal. */
import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
} from 'node:fs';
import { storeError, writeAll, writeAtomic } from './atomic.js';
import type { RunPaths } from './run-folder.js';

/** `args.idx` holds the byte offset of each 1,024th line, as unsigned 64-bit little-endian integers. */
export const INDEX_STEP = 1024;

/** `sealed.json`: the argument list has ended. */
export type Sealed =
  | { readonly version: 1; readonly count: number; readonly bytes: number; readonly sha256: string }
  /** A count instead of a list: the arguments are 0 to range-1, and there is no file. */
  | { readonly version: 1; readonly count: number; readonly range: number };

/** Null: the list has not ended. */
export function readSealed(paths: RunPaths): Sealed | null {
  if (!existsSync(paths.sealed)) return null;
  try {
    return JSON.parse(readFileSync(paths.sealed, 'utf8')) as Sealed;
  } catch (error) {
    throw storeError('read', paths.sealed, error);
  }
}

export function sealRange(paths: RunPaths, range: number): void {
  writeAtomic(
    paths.sealed,
    `${JSON.stringify({ version: 1, count: range, range } satisfies Sealed)}\n`,
    true,
  );
}

/** What was written of an argument list that did not end. */
interface Written {
  readonly count: number;
  readonly bytes: number;
  readonly hash: Hash;
}

/** Appends lines of arguments; a line is on disk before its task can be handed out. */
export class ArgsWriter {
  readonly #paths: RunPaths;
  readonly #fd: number;
  readonly #index: number;
  readonly #hash: Hash;
  #count: number;
  #bytes: number;

  private constructor(paths: RunPaths, fd: number, index: number, written: Written) {
    this.#paths = paths;
    this.#fd = fd;
    this.#index = index;
    this.#hash = written.hash;
    this.#count = written.count;
    this.#bytes = written.bytes;
  }

  static create(paths: RunPaths): ArgsWriter {
    try {
      const fd = openSync(paths.args, 'ax');
      const index = openSync(paths.argsIndex, 'ax');
      return new ArgsWriter(paths, fd, index, { count: 0, bytes: 0, hash: createHash('sha256') });
    } catch (error) {
      throw storeError('create', paths.args, error);
    }
  }

  /** Goes on with a list whose writer died: a torn last line is cut off, and the index made anew. */
  static reopen(paths: RunPaths): ArgsWriter {
    try {
      const fd = openSync(paths.args, 'a+');
      const index = openSync(paths.argsIndex, 'a+');
      ftruncateSync(index, 0);
      const hash = createHash('sha256');
      let count = 0;
      let bytes = 0;
      for (const lines of wholeLines(fd)) {
        hash.update(lines);
        for (let at = 0; at < lines.length; at = lines.indexOf(10, at) + 1) {
          if (count++ % INDEX_STEP === 0) writeAll(index, indexEntry(bytes + at));
        }
        bytes += lines.length;
      }
      ftruncateSync(fd, bytes);
      return new ArgsWriter(paths, fd, index, { count, bytes, hash });
    } catch (error) {
      throw storeError('read', paths.args, error);
    }
  }

  get count(): number {
    return this.#count;
  }

  /** Lines that fit before the next entry of the index is due. */
  get roomInBlock(): number {
    return INDEX_STEP - (this.#count % INDEX_STEP);
  }

  /** `lines` holds `count` whole lines, at most {@link roomInBlock}. Throws STORE_FAILED. */
  append(lines: Buffer, count: number): void {
    try {
      if (this.#count % INDEX_STEP === 0) writeAll(this.#index, indexEntry(this.#bytes));
      writeAll(this.#fd, lines);
    } catch (error) {
      throw storeError('write', this.#paths.args, error);
    }
    this.#hash.update(lines);
    this.#count += count;
    this.#bytes += lines.length;
  }

  /** The list has ended. */
  seal(): void {
    try {
      fdatasyncSync(this.#fd);
      this.close();
    } catch (error) {
      throw storeError('sync', this.#paths.args, error);
    }
    const sealed: Sealed = {
      version: 1,
      count: this.#count,
      bytes: this.#bytes,
      sha256: this.#hash.digest('hex'),
    };
    writeAtomic(this.#paths.sealed, `${JSON.stringify(sealed)}\n`, true);
  }

  /** Without sealing: the list did not end. */
  close(): void {
    closeSync(this.#fd);
    closeSync(this.#index);
  }
}

function indexEntry(offset: number): Buffer {
  const entry = Buffer.alloc(8);
  entry.writeBigUInt64LE(BigInt(offset));
  return entry;
}

/** The lines of a file that have an end, in pieces of about a megabyte. */
export function* wholeLines(fd: number): Generator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for (let at = 0; ;) {
    const part = Buffer.allocUnsafe(1_048_576);
    const got = readSync(fd, part, 0, part.length, at);
    if (got === 0) return;
    at += got;
    held = held.length === 0 ? part.subarray(0, got) : Buffer.concat([held, part.subarray(0, got)]);
    const end = held.lastIndexOf(10) + 1;
    if (end === 0) continue;
    yield held.subarray(0, end);
    held = held.subarray(end);
  }
}

/** Lines of arguments that follow one another, and where each ends. */
interface Block {
  readonly bytes: Buffer;
  /** Offset after the newline of each line. */
  readonly ends: Uint32Array;
}

/** Reads lines of arguments, by task index. Keeps the last few blocks: failures come in clusters. */
export class ArgsReader {
  readonly #paths: RunPaths;
  readonly #blocks = new Map<number, Block>();
  #range: boolean | undefined;
  #fd = -1;

  constructor(paths: RunPaths) {
    this.#paths = paths;
  }

  /** The JSON text of task `index`'s arguments. */
  line(index: number): string {
    const line = this.lines(index, 1);
    return line.toString('utf8', 0, line.length - 1);
  }

  /** The lines of up to `count` tasks from `first` on, at least one, with their newlines; as many as are close by. */
  lines(first: number, count: number): Buffer {
    if (this.#isRange()) return rangeLines(first, count);
    const number = Math.floor(first / INDEX_STEP);
    const at = first % INDEX_STEP;
    let block = this.#blocks.get(number) ?? this.#load(number);
    // The block may have been read while it was still being written.
    if (at >= block.ends.length) block = this.#load(number);
    if (at >= block.ends.length)
      throw storeError('read', this.#paths.args, new Error(`it has no line ${first + 1}`));
    const last = Math.min(at + count, block.ends.length) - 1;
    return block.bytes.subarray(at === 0 ? 0 : block.ends[at - 1], block.ends[last]);
  }

  /** False: the arguments are a count, and there is no file. */
  isStored(): boolean {
    return !this.#isRange();
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #isRange(): boolean {
    if (this.#range === undefined) {
      const sealed = readSealed(this.#paths);
      if (sealed === null && !existsSync(this.#paths.args)) return false;
      this.#range = sealed !== null && 'range' in sealed;
    }
    return this.#range;
  }

  #load(number: number): Block {
    try {
      if (this.#fd < 0) this.#fd = openSync(this.#paths.args, 'r');
      const index = readFileSync(this.#paths.argsIndex);
      const from = Number(index.readBigUInt64LE(number * 8));
      const to =
        index.length >= number * 8 + 16
          ? Number(index.readBigUInt64LE(number * 8 + 8))
          : fstatSync(this.#fd).size;
      const bytes = Buffer.allocUnsafe(to - from);
      let got = 0;
      while (got < bytes.length) {
        const n = readSync(this.#fd, bytes, got, bytes.length - got, from + got);
        if (n === 0) break;
        got += n;
      }
      const ends: number[] = [];
      // What follows the last newline is a line that is not whole yet, or nothing.
      for (let end = bytes.indexOf(10); end >= 0 && end < got; end = bytes.indexOf(10, end + 1))
        ends.push(end + 1);
      const block: Block = { bytes, ends: Uint32Array.from(ends) };
      if (this.#blocks.size >= 4) this.#blocks.delete(this.#blocks.keys().next().value as number);
      this.#blocks.set(number, block);
      return block;
    } catch (error) {
      throw storeError('read', this.#paths.args, error);
    }
  }
}

/** The lines of a count: the arguments are the indexes. */
export function rangeLines(first: number, count: number): Buffer {
  let lines = '';
  for (let i = 0; i < count; i++) lines += `${first + i}\n`;
  return Buffer.from(lines, 'latin1');
}
