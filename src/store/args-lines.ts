/**
 * `args/lines.idx`: where each line of arguments begins, as unsigned 64-bit little-endian numbers, and where the last
 * one ends. Made only for runs in a random order, which would otherwise read a thousand lines for each.
 */
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { storeError, writeAll } from './atomic.js';
import { wholeLines } from './args-store.js';
import type { RunPaths } from './run-folder.js';

export class ArgsLines {
  readonly #path: string;
  readonly #args: number;
  readonly #index: number;

  /** Of sealed arguments with `count` lines; makes the index where it is not there. */
  constructor(paths: RunPaths, count: number) {
    this.#path = paths.args;
    const index = join(dirname(paths.args), 'lines.idx');
    try {
      if (statSync(index, { throwIfNoEntry: false })?.size !== (count + 1) * 8) makeIndex(paths.args, index);
      this.#args = openSync(paths.args, 'r');
      this.#index = openSync(index, 'r');
    } catch (error) {
      throw storeError('read', paths.args, error);
    }
  }

  /** The line of a task, with its newline. */
  line(task: number): Buffer {
    try {
      const place = Buffer.allocUnsafe(16);
      readSync(this.#index, place, 0, 16, task * 8);
      const from = Number(place.readBigUInt64LE(0));
      const line = Buffer.allocUnsafe(Number(place.readBigUInt64LE(8)) - from);
      for (let got = 0; got < line.length;) {
        const n = readSync(this.#args, line, got, line.length - got, from + got);
        if (n === 0) throw new Error(`it has no line ${task + 1}`);
        got += n;
      }
      return line;
    } catch (error) {
      throw storeError('read', this.#path, error);
    }
  }

  close(): void {
    closeSync(this.#args);
    closeSync(this.#index);
  }
}

function makeIndex(argsPath: string, path: string): void {
  const temp = `${path}.${process.pid}.tmp`;
  const args = openSync(argsPath, 'r');
  const index = openSync(temp, 'w');
  try {
    let bytes = 0;
    writeAll(index, Buffer.alloc(8));
    for (const lines of wholeLines(args)) {
      const ends: bigint[] = [];
      for (let end = lines.indexOf(10); end >= 0; end = lines.indexOf(10, end + 1))
        ends.push(BigInt(bytes + end + 1));
      writeAll(index, Buffer.from(BigUint64Array.from(ends).buffer));
      bytes += lines.length;
    }
  } finally {
    closeSync(args);
    closeSync(index);
  }
  renameSync(temp, path);
}
