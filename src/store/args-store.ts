/** The arguments of a run: `args/args.ndjson`, one line a task; an index; the seal. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, existsSync, fdatasyncSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { storeError, writeAll, writeAtomic } from './atomic.js';
import type { RunPaths } from './run-folder.js';

/** `args.idx` holds the byte offset of each 1,024th line, as unsigned 64-bit little-endian integers. */
export const INDEX_STEP = 1024;

/** `sealed.json`: the argument list has ended. */
export type Sealed =
  | { readonly version: 1; readonly count: number; readonly bytes: number; readonly sha256: string }
  /** A count instead of a list: the arguments are 0 to range-1, and there is no file. */
  | { readonly version: 1; readonly count: number; readonly range: number };

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

/** Appends lines of arguments; a line is on disk before its task can be handed out. */
export class ArgsWriter {
  readonly #paths: RunPaths;
  readonly #fd: number;
  readonly #index: number;
  readonly #hash: Hash = createHash('sha256');
  #count = 0;
  #bytes = 0;

  constructor(paths: RunPaths) {
    this.#paths = paths;
    try {
      this.#fd = openSync(paths.args, 'ax');
      this.#index = openSync(paths.argsIndex, 'ax');
    } catch (error) {
      throw storeError('create', paths.args, error);
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
      if (this.#count % INDEX_STEP === 0) {
        const entry = Buffer.alloc(8);
        entry.writeBigUInt64LE(BigInt(this.#bytes));
        writeAll(this.#index, entry);
      }
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

/** Reads single lines of arguments, by task index. Keeps the last few blocks: failures come in clusters. */
export class ArgsReader {
  readonly #paths: RunPaths;
  readonly #blocks = new Map<number, string[]>();
  #range: boolean | undefined;
  #fd = -1;

  constructor(paths: RunPaths) {
    this.#paths = paths;
  }

  /** The JSON text of task `index`'s arguments. */
  line(index: number): string {
    if (this.#isRange()) return String(index);
    const block = Math.floor(index / INDEX_STEP);
    const lines = this.#blocks.get(block) ?? this.#load(block);
    const line = lines[index % INDEX_STEP];
    if (line !== undefined) return line;
    // The block was read while it was still being written.
    const again = this.#load(block)[index % INDEX_STEP];
    if (again === undefined)
      throw storeError('read', this.#paths.args, new Error(`it has no line ${index + 1}`));
    return again;
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

  #load(block: number): string[] {
    try {
      if (this.#fd < 0) this.#fd = openSync(this.#paths.args, 'r');
      const index = readFileSync(this.#paths.argsIndex);
      const from = Number(index.readBigUInt64LE(block * 8));
      const to =
        index.length >= block * 8 + 16
          ? Number(index.readBigUInt64LE(block * 8 + 8))
          : fstatSync(this.#fd).size;
      const bytes = Buffer.allocUnsafe(to - from);
      let got = 0;
      while (got < bytes.length) {
        const n = readSync(this.#fd, bytes, got, bytes.length - got, from + got);
        if (n === 0) break;
        got += n;
      }
      const lines = bytes.toString('utf8', 0, got).split('\n');
      // What follows the last newline is a line that is not whole yet, or nothing.
      lines.pop();
      if (this.#blocks.size >= 4) this.#blocks.delete(this.#blocks.keys().next().value as number);
      this.#blocks.set(block, lines);
      return lines;
    } catch (error) {
      throw storeError('read', this.#paths.args, error);
    }
  }
}
