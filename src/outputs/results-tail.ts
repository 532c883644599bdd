/** Lines that are added to a run's results file, as another process sees them. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RunFile } from '../contract/spec.js';
import type { RunPaths } from '../store/run-folder.js';
import { outputInode } from './outputs-there.js';

const NEWLINE = 10;

export class ResultsTail {
  readonly #paths: RunPaths;
  readonly #run: RunFile;
  #fd = -1;
  #inode: number | null = null;
  #at = 0;
  /** Of a line whose end is not there yet. */
  #rest: Buffer[] = [];
  /** What comes up to the next newline belongs to a line that began before we did. */
  #inLine = false;

  /** Begins at the end of what is there now. */
  constructor(paths: RunPaths, run: RunFile) {
    this.#paths = paths;
    this.#run = run;
    this.#open(true);
  }

  /** Passes on whole lines that are new, as latin1 without their newline; at most about `maxBytes`. True: there may be more. */
  read(onLine: (line: string) => void, maxBytes: number): boolean {
    const more = this.#drain(onLine, maxBytes);
    if (more) return true;
    const inode = outputInode(this.#paths, this.#run, 'results');
    if (inode === null || inode === this.#inode) return false;
    // Written anew under its name: what it was, to the end; then only what is added, for the new one begins with all of that.
    while (this.#drain(onLine, maxBytes));
    this.#open(this.#inode !== null);
    return this.#drain(onLine, maxBytes);
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #open(atEnd: boolean): void {
    this.close();
    this.#inode = null;
    this.#at = 0;
    this.#rest = [];
    this.#inLine = false;
    const { results } = this.#run.outputs;
    if (results === null || outputInode(this.#paths, this.#run, 'results') === null) return;
    try {
      this.#fd = openSync(results, 'r');
    } catch {
      // Renamed in this moment, or not ours to read: it is looked at again.
      return;
    }
    const { ino, size } = fstatSync(this.#fd);
    this.#inode = ino;
    if (!atEnd) return;
    this.#at = size;
    const last = Buffer.alloc(1);
    this.#inLine = size > 0 && readSync(this.#fd, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE;
  }

  /** True: there is more in the file. */
  #drain(onLine: (line: string) => void, maxBytes: number): boolean {
    if (this.#fd < 0) return false;
    const { size } = fstatSync(this.#fd);
    // Cut back by a controller that goes on after a crash.
    if (size < this.#at) {
      this.#at = size;
      this.#rest = [];
    }
    if (size === this.#at) return false;
    const bytes = Buffer.allocUnsafe(Math.min(maxBytes, size - this.#at));
    const got = readSync(this.#fd, bytes, 0, bytes.length, this.#at);
    this.#at += got;
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0 && end < got; end = bytes.indexOf(NEWLINE, from)) {
      this.#rest.push(bytes.subarray(from, end));
      if (!this.#inLine) onLine(Buffer.concat(this.#rest).toString('latin1'));
      this.#inLine = false;
      this.#rest = [];
      from = end + 1;
    }
    if (from < got) this.#rest.push(Buffer.from(bytes.subarray(from, got)));
    return got > 0 && this.#at < size;
  }
}
