/**
 * Masks what patterns match in the log files of hosts, in place: a host writes there itself, with nobody in between,
 * and byte ranges in records must stay valid.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileSize } from './outstanding.js';
import { Patterns } from './patterns.js';

/** Bytes that are looked at together; they end with a line, but for a line that is longer. */
const WINDOW = 1_048_576;
/** Bytes of a longer line that are looked at again with what follows. */
const OVERLAP = 65_536;
const NEWLINE = 10;
const ASTERISK = 42;

/** The log file of one host, while it grows. */
export class LogMask {
  readonly #path: string;
  readonly #patterns: Patterns;
  /** Where the first line begins that is not done with. */
  #from = 0;
  /** Where the file ended when its whole lines were looked at, */
  #seen = 0;
  /** and up to where it was masked. */
  #done = 0;

  constructor(path: string, patterns: Patterns) {
    this.#path = path;
    this.#patterns = patterns;
  }

  /** Whole lines only: the last one may go on with what makes it match, or match more. */
  wholeLines(): void {
    const end = fileSize(this.#path);
    if (end > this.#seen) this.#mask(end, false);
    this.#seen = end;
  }

  /** All up to `end`, which nobody writes on at. Default: all there is. */
  upTo(end = fileSize(this.#path)): void {
    if (end > this.#done && end > this.#from) this.#mask(end, true);
    this.#done = Math.max(this.#done, end);
  }

  #mask(end: number, whole: boolean): void {
    const fd = openSync(this.#path, 'r+');
    try {
      this.#from = maskRange(fd, this.#from, end, this.#patterns, whole);
    } finally {
      closeSync(fd);
    }
  }
}

/** Masks all log files of a folder, whatever was masked before. */
export function maskFolder(folder: string, sources: readonly string[]): void {
  if (sources.length === 0) return;
  const patterns = new Patterns(sources);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.log')) continue;
    const fd = openSync(join(folder, entry.name), 'r+');
    try {
      maskRange(fd, 0, fstatSync(fd).size, patterns, true);
    } finally {
      closeSync(fd);
    }
  }
}

/**
 * Masks bytes `[from, to)` of a file; `from` is where a line begins.
 *
 * @param whole - the last line too, if it has no end
 * @returns where the last line begins, which is looked at again when there is more of it
 */
function maskRange(fd: number, from: number, to: number, patterns: Patterns, whole: boolean): number {
  const buffer = Buffer.allocUnsafe(Math.min(WINDOW, Math.max(0, to - from)));
  let at = from;
  while (at < to) {
    const window = buffer.subarray(
      0,
      readFully(fd, buffer.subarray(0, Math.min(buffer.length, to - at)), at),
    );
    if (window.length === 0) break;
    const isLast = at + window.length >= to;
    const lines = window.lastIndexOf(NEWLINE) + 1;
    if (lines > 0) {
      maskWindow(fd, at, window.subarray(0, lines), patterns);
      at += lines;
    } else if (isLast && window.length < WINDOW) {
      if (whole) maskWindow(fd, at, window, patterns);
      return at;
    } else {
      at += maskPart(fd, at, window, patterns);
    }
  }
  return at;
}

/** Masks a part of a long line; returns how many of its bytes are done with. */
function maskPart(fd: number, at: number, window: Buffer, patterns: Patterns): number {
  // What matches up to the end may match further: it is left for the next part, unless it is all of this one.
  const [reaching] = patterns
    .ranges(window)
    .filter(([from, to]) => from > 0 && to === window.length)
    .sort(([a], [b]) => a - b);
  const end = reaching === undefined ? window.length : reaching[0];
  maskWindow(fd, at, window, patterns, end);
  return Math.min(end, Math.max(window.length - OVERLAP, 1));
}

function maskWindow(fd: number, at: number, bytes: Buffer, patterns: Patterns, end = bytes.length): void {
  let low = Infinity;
  let high = 0;
  for (const [from, to] of patterns.ranges(bytes)) {
    if (to > end) continue;
    for (let i = from; i < to; i++) if (bytes[i] !== NEWLINE) bytes[i] = ASTERISK;
    low = Math.min(low, from);
    high = Math.max(high, to);
  }
  for (let from = low; from < high;) from += writeSync(fd, bytes, from, high - from, at + from);
}

function readFully(fd: number, buffer: Buffer, at: number): number {
  let got = 0;
  while (got < buffer.length) {
    const n = readSync(fd, buffer, got, buffer.length - got, at + got);
    if (n === 0) break;
    got += n;
  }
  return got;
}
