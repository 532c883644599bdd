/** Reads the journal of a run while it is written: each line once. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { acceptedDamage } from '../store/damage.js';
import { readShard } from '../store/journal-reader.js';
import { shardFiles, type RunPaths } from '../store/run-folder.js';

/** In this many bytes at the beginning of a shard stands which round it is of. */
const HEAD_BYTES = 4_096;

export interface TailOptions {
  /** Bytes of shards, by path, that were read before. @default none */
  readonly from?: ReadonlyMap<string, number>;
  /** Path of a shard to leave out. */
  readonly without?: string;
}

export class JournalTail {
  readonly #paths: RunPaths;
  readonly #without: string | undefined;
  /** Bytes that were read of each shard. */
  readonly #read: Map<string, number>;

  constructor(paths: RunPaths, { from, without }: TailOptions = {}) {
    this.#paths = paths;
    this.#without = without;
    this.#read = new Map(from);
  }

  /** Bytes that were read of each shard, by path. */
  get lengths(): ReadonlyMap<string, number> {
    return this.#read;
  }

  /** The whole lines that were written since the last time, shards of earlier rounds first. Throws JOURNAL_DAMAGED. */
  *news(): Generator<{ readonly shard: string; readonly lines: Buffer }> {
    const grown = shardFiles(this.#paths).filter(
      (shard) => shard !== this.#without && statSync(shard).size > (this.#read.get(shard) ?? 0),
    );
    if (grown.length === 0) return;
    const accepted = acceptedDamage(this.#paths);
    for (const shard of grown.length === 1 ? grown : inOrder(grown)) {
      const from = this.#read.get(shard) ?? 0;
      for (const { lines, offset } of readShard(shard, { from, accepted })) {
        this.#read.set(shard, offset + lines.length);
        yield { shard, lines };
      }
    }
  }
}

/** Paths of shards by the rounds they are of. */
function inOrder(shards: readonly string[]): string[] {
  return shards
    .map((shard) => ({ shard, round: roundOf(shard) }))
    .sort((a, b) => a.round - b.round)
    .map(({ shard }) => shard);
}

function roundOf(shard: string): number {
  const fd = openSync(shard, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const text = head.toString('latin1', 0, readSync(fd, head, 0, HEAD_BYTES, 0));
    // All lines but the first name the round.
    return Number(/^.*\n.*?"r":(\d+)/.exec(text)?.[1] ?? Infinity);
  } finally {
    closeSync(fd);
  }
}

/** The name of the writer of a shard. */
export function writerOf(shard: string): string {
  return basename(shard, '.ndjson');
}
