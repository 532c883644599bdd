/** What tasks printed: byte ranges of the hosts' log files. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fromWholeLine } from '../base/last-lines.js';

/** Output is copied in pieces of this size. */
const PIECE = 1_048_576;

export class TaskLogs {
  readonly #folder: string;
  readonly #writer: string;
  readonly #files = new Map<number, number>();

  constructor(folder: string, writer: string) {
    this.#folder = folder;
    this.#writer = writer;
  }

  path(host: number): string {
    return join(this.#folder, `${this.#writer}-${host}.log`);
  }

  /** Bytes `[from, to)` of a host's log as latin1 text, in pieces. */
  *read(host: number, from: number, to: number): Generator<string> {
    const fd = this.#files.get(host) ?? this.#open(host);
    if (fd < 0) return;
    for (let at = from; at < to;) {
      const bytes = Buffer.allocUnsafe(Math.min(PIECE, to - at));
      const got = readSync(fd, bytes, 0, bytes.length, at);
      if (got === 0) return;
      yield bytes.toString('latin1', 0, got);
      at += got;
    }
  }

  /** The last lines of a task's output, at most `maxBytes`, as latin1 text. */
  tail(host: number, from: number, to: number, maxBytes: number): string {
    const start = Math.max(from, to - maxBytes);
    const text = [...this.read(host, start, to)].join('');
    return start === from ? text : fromWholeLine(text);
  }

  close(): void {
    for (const fd of this.#files.values()) if (fd >= 0) closeSync(fd);
    this.#files.clear();
  }

  #open(host: number): number {
    let fd = -1;
    try {
      fd = openSync(this.path(host), 'r');
    } catch {
      // Somebody removed it; the record is there all the same.
    }
    this.#files.set(host, fd);
    return fd;
  }
}
