/**
 * `checkpoint.json`: how much of the journal the outputs hold, and which files they are. Written by rename once all of
 * that is on disk, so that what it says is true after a power failure too. Derived: without it outputs are made anew.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { writeAtomic } from '../store/atomic.js';
import type { RunPaths } from '../store/run-folder.js';
import type { CollectorFiles } from './collector-options.js';
import type { FilePosition } from './output-file.js';

export interface Checkpoint {
  readonly version: 1;
  /** Bytes of each shard, by file name. */
  readonly shards: Readonly<Record<string, number>>;
  readonly results: FilePosition | null;
  readonly errors: FilePosition | null;
  readonly log: FilePosition | null;
}

export type OutputKind = 'results' | 'errors' | 'log';

/** What the files hold now, when all of `shards` has been collected. */
export function checkpointOf(files: CollectorFiles, shards: Readonly<Record<string, number>>): Checkpoint {
  return {
    version: 1,
    shards,
    results: files.results?.position ?? null,
    errors: files.errors?.position ?? null,
    log: files.log?.position ?? null,
  };
}

export function writeCheckpoint(paths: RunPaths, checkpoint: Checkpoint): void {
  writeAtomic(paths.checkpoint, `${JSON.stringify(checkpoint)}\n`, false);
}

/** Null: there is none, or none that fits the journal. `shards` and `lengths` say how much of it is good. */
export function readCheckpoint(
  paths: RunPaths,
  shards: readonly string[],
  lengths: readonly number[],
): Checkpoint | null {
  let checkpoint: Checkpoint;
  try {
    checkpoint = JSON.parse(readFileSync(paths.checkpoint, 'utf8')) as Checkpoint;
  } catch {
    return null;
  }
  const good = new Map(shards.map((path, i) => [basename(path), lengths[i] as number]));
  const fits = Object.entries(checkpoint.shards).every(([name, bytes]) => (good.get(name) ?? -1) >= bytes);
  return checkpoint.version === 1 && fits ? checkpoint : null;
}

/** True when the output at `path` can be gone on with from `position`: it is the same file, and nothing is missing. */
export function stillFits(path: string, position: FilePosition | null, keepOld: boolean): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  // Of a fixed name, what is there before we have made our own is another run's.
  if (position === null) return there === undefined || keepOld;
  return there !== undefined && there.ino === position.inode && there.size >= position.size;
}
