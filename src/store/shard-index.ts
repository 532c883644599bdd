/**
 * `journal/<writer>.idx`: where in a shard the records of a task can be. Entries of 16 bytes, little-endian, one for
 * each group of lines that was written at once: end of the group in the shard (u64), lowest and highest task in it
 * (u32 each; lowest above highest: none). Derived, and never needed: without it a shard is read from its beginning.
 */
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { writeAll } from './atomic.js';

const ENTRY = 16;
const NO_TASK = 0xffff_ffff;

export function indexPath(shard: string): string {
  return shard.replace(/\.ndjson$/, '.idx');
}

export class ShardIndexWriter {
  readonly #path: string;
  readonly #entry = Buffer.alloc(ENTRY);
  /** -1: not open yet; -2: given up. */
  #fd = -1;
  constructor(shard: string) {
    this.#path = indexPath(shard);
  }

  /** The lines up to byte `end` of the shard hold records of tasks from `lowest` to `highest`. */
  add(end: number, lowest: number, highest: number): void {
    if (this.#fd === -2 || (highest < 0 && this.#fd === -1)) return;
    this.#entry.writeBigUInt64LE(BigInt(end), 0);
    this.#entry.writeUInt32LE(highest < 0 ? NO_TASK : lowest, 8);
    this.#entry.writeUInt32LE(Math.max(0, highest), 12);
    try {
      if (this.#fd === -1) this.#fd = openSync(this.#path, 'ax');
      writeAll(this.#fd, this.#entry);
    } catch {
      // A wrong index is worse than none.
      this.close();
      this.#fd = -2;
      rmSync(this.#path, { force: true });
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

/**
 * The parts of a shard of `size` bytes that can hold records of `task`, as [from, to) byte ranges in order. What the
 * index does not cover is one of them.
 */
export function partsWithTask(shard: string, size: number, task: number): [from: number, to: number][] {
  let index: Buffer;
  try {
    index = readFileSync(indexPath(shard));
  } catch {
    return [[0, size]];
  }
  const parts: [number, number][] = [];
  let from = 0;
  for (let at = 0; at + ENTRY <= index.length; at += ENTRY) {
    const end = Number(index.readBigUInt64LE(at));
    // After a power failure it may be ahead of the shard, or hold nothing.
    if (end <= from || end > size) break;
    if (index.readUInt32LE(at + 8) <= task && task <= index.readUInt32LE(at + 12)) {
      const last = parts.at(-1);
      if (last !== undefined && last[1] === from) last[1] = end;
      else parts.push([from, end]);
    }
    from = end;
  }
  if (from < size) parts.push([from, size]);
  return parts;
}
