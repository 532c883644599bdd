/** Walks over the records that count for their tasks: in the order they stand, or in that of the tasks. */
import { closeSync, openSync, readSync } from 'node:fs';
import { CRC_FROM } from '../contract/record.js';
import { ScannedEnd, scanEnds } from '../contract/record-scan.js';
import { readShard } from '../store/journal-reader.js';
import { acceptedDamage } from '../store/damage.js';
import type { RunPaths } from '../store/run-folder.js';
import { isWinner, type Survey } from './survey.js';

/** A record, and where its bytes are: positions in `end` are offsets in `text`, which is `bytes` as latin1. */
export type OnEnd = (end: ScannedEnd, text: string, bytes: Buffer, shard: number) => void;

/** In the order of the shards and of their lines: a function for each chunk of them, which walks over it. */
export function* winningChunks(paths: RunPaths, survey: Survey): Generator<(onEnd: OnEnd) => void> {
  const accepted = acceptedDamage(paths);
  for (const [shard, path] of survey.shards.entries()) {
    const to = survey.lengths[shard] as number;
    for (const { lines } of readShard(path, { accepted, onDamage: () => true, to })) {
      yield (onEnd) => {
        const text = lines.toString('latin1');
        scanEnds(text, (end) => {
          if (isWinner(survey, end, shard)) onEnd(end, text, lines, shard);
        });
      };
    }
  }
}

/** Tasks whose places are noted at a time: each such window is a pass over the journal. */
const WINDOW = 1_000_000;
const READ_BYTES = 262_144;

/**
 * In the order of the tasks. Memory stays bounded, whatever the size of the run: places of a million tasks are noted
 * in a pass over the journal, then their records are read; then those of the next million.
 */
export function* orderedWinners(
  paths: RunPaths,
  survey: Survey,
): Generator<{ end: ScannedEnd; text: string; bytes: Buffer; shard: number }> {
  const accepted = acceptedDamage(paths);
  const cursors = survey.shards.map((path) => new LineCursor(path));
  try {
    for (let first = 0; first < survey.span; first += WINDOW) {
      const size = Math.min(WINDOW, survey.span - first);
      const offsets = new Float64Array(size).fill(-1);
      const owners = new Uint16Array(size);
      survey.shards.forEach((path, shard) => {
        const to = survey.lengths[shard] as number;
        for (const { lines, offset } of readShard(path, { accepted, onDamage: () => true, to })) {
          const text = lines.toString('latin1');
          scanEnds(text, (end) => {
            const at = end.task - first;
            if (at < 0 || at >= size || !isWinner(survey, end, shard)) return;
            offsets[at] = offset + end.lineFrom;
            owners[at] = shard;
          });
        }
      });
      for (let at = 0; at < size; at++) {
        const offset = offsets[at] as number;
        const shard = owners[at] as number;
        if (offset < 0) continue;
        const found = (cursors[shard] as LineCursor).record(offset, first + at);
        if (found !== null) yield { ...found, shard };
      }
    }
  } finally {
    for (const cursor of cursors) cursor.close();
  }
}

/** Reads single lines of a shard; neighbours are read together, and a line of many tasks is looked at once. */
class LineCursor {
  readonly #path: string;
  #fd = -1;
  #held: Buffer = Buffer.alloc(0);
  #heldAt = 0;
  #lineAt = -1;
  #bytes: Buffer = Buffer.alloc(0);
  #text = '';
  #ends = new Map<number, ScannedEnd>();

  constructor(path: string) {
    this.#path = path;
  }

  record(offset: number, task: number): { end: ScannedEnd; text: string; bytes: Buffer } | null {
    if (offset !== this.#lineAt) this.#load(offset);
    const end = this.#ends.get(task);
    return end === undefined ? null : { end, text: this.#text, bytes: this.#bytes };
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
  }

  #load(offset: number): void {
    this.#bytes = this.#line(offset);
    this.#text = this.#bytes.toString('latin1');
    this.#lineAt = offset;
    this.#ends = new Map();
    scanEnds(this.#text, (end) => this.#ends.set(end.task, Object.assign(new ScannedEnd(this.#text), end)));
  }

  #line(offset: number): Buffer {
    for (let want = READ_BYTES; ; want *= 2) {
      const from = offset - this.#heldAt;
      const newline = from >= 0 && from < this.#held.length ? this.#held.indexOf(10, from + CRC_FROM) : -1;
      if (newline >= 0) return this.#held.subarray(from, newline + 1);
      if (this.#fd < 0) this.#fd = openSync(this.#path, 'r');
      const bytes = Buffer.allocUnsafe(want);
      const got = readSync(this.#fd, bytes, 0, want, offset);
      this.#held = bytes.subarray(0, got);
      this.#heldAt = offset;
      if (got < want && this.#held.indexOf(10) < 0) return Buffer.alloc(0);
    }
  }
}
