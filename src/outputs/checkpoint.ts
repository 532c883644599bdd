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
  /**
   * Inodes of files of a fixed name that this run made: one that is not among them is another run's. Noted before the
   * file gets its name.
   */
  readonly made: readonly number[];
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
    made: [...(files.results?.made ?? []), ...(files.errors?.made ?? [])],
  };
}

const NOTHING: Checkpoint = { version: 1, shards: {}, results: null, errors: null, log: null, made: [] };

/** Notes that a file which is about to get a fixed name is ours. Says nothing of what it holds. */
export function claimFile(paths: RunPaths, inode: number): void {
  const before = parse(paths) ?? NOTHING;
  writeCheckpoint(paths, { ...before, made: [...before.made, inode] });
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
  const checkpoint = parse(paths);
  if (checkpoint === null) return null;
  const good = new Map(shards.map((path, i) => [basename(path), lengths[i] as number]));
  const fits = Object.entries(checkpoint.shards).every(([name, bytes]) => (good.get(name) ?? -1) >= bytes);
  return fits ? checkpoint : null;
}

/** The inodes that a checkpoint names, whether or not it fits. */
export function claimedFiles(paths: RunPaths): readonly number[] {
  return parse(paths)?.made ?? [];
}

function parse(paths: RunPaths): Checkpoint | null {
  try {
    const checkpoint = JSON.parse(readFileSync(paths.checkpoint, 'utf8')) as Checkpoint;
    return checkpoint.version === 1 ? checkpoint : null;
  } catch {
    return null;
  }
}

/**
 * True when the output at `path` can be gone on with from `position`: it is the same file, and nothing is missing.
 *
 * @param made - for a fixed name: the files that are ours
 */
export function stillFits(
  path: string,
  position: FilePosition | null,
  made: readonly number[] | null,
): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  // Of a fixed name, what we have not made is another run's, and in nobody's way before we make our own.
  if (position === null) return there === undefined || (made !== null && !made.includes(there.ino));
  return there !== undefined && there.ino === position.inode && there.size >= position.size;
}
