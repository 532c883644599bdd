/**
 * `rounds/<n>/chunks.json`: how the tasks of a round are cut for workers that take them from the run folder. Made once,
 * when the round begins on a platform.
 *
 * A chunk is a range of places in the round's order. A place is a task's index or, in a random order, a place in that
 * order; places whose task is not of the round are passed over. The first chunks are the largest: at the end of a
 * round small ones keep all workers busy.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { storeError, writeAtomic } from './atomic.js';
import { permutation } from './permutation.js';
import { roundFolder, readWork, type RoundFile } from './rounds.js';
import type { RunPaths } from './run-folder.js';
import type { WorkList } from './work-list.js';

/** There are never more chunks than this, */
const MOST_CHUNKS = 20_000;
/** nor more than this for each task that can run at a time. */
const CHUNKS_PER_WORKER = 64;

export interface ChunkTable {
  readonly version: 1;
  /** Tasks of the round. */
  readonly tasks: number;
  /** Tasks of the run; a random order is one of all of them. */
  readonly of: number;
  /** Where each chunk begins, and where the last one ends. */
  readonly bounds: readonly number[];
}

export interface RoundTasks {
  /** Tasks of the run. */
  readonly of: number;
  /** Those of the round; null: all. */
  readonly work: WorkList | null;
  /** Key of their order; null: by index. */
  readonly shuffle: string | null;
  /** Only so many, the first of that order; null: all. */
  readonly most: number | null;
}

/** Cuts the tasks of a round for `maxWorkers` tasks at a time. */
export function cutChunks({ of, work, shuffle, most }: RoundTasks, maxWorkers: number): ChunkTable {
  const tasks = Math.min(work?.closedAt(of).size ?? of, most ?? Infinity);
  const chunks = Math.min(tasks, CHUNKS_PER_WORKER * maxWorkers, MOST_CHUNKS);
  /** Tasks in the first `n` chunks: one each, and the rest in a triangle. */
  const before = (n: number): number => n + Math.floor((tasks - chunks) * (1 - (1 - n / chunks) ** 2));
  const bounds = [0];
  if (work === null) {
    for (let chunk = 1; chunk <= chunks; chunk++) bounds.push(before(chunk));
    return { version: 1, tasks, of, bounds };
  }
  const order = orderOf(of, shuffle);
  let place = 0;
  for (let chunk = 1, seen = 0; chunk <= chunks; chunk++) {
    for (const upTo = before(chunk); seen < upTo; place++) if (work.has(order(place))) seen++;
    bounds.push(place);
  }
  return { version: 1, tasks, of, bounds };
}

function orderOf(of: number, shuffle: string | null): (place: number) => number {
  return shuffle === null ? (place) => place : permutation(of, shuffle);
}

function tablePath(paths: RunPaths, round: number): string {
  return join(roundFolder(paths, round), 'chunks.json');
}

export function writeChunks(paths: RunPaths, round: number, table: ChunkTable): void {
  writeAtomic(tablePath(paths, round), `${JSON.stringify(table)}\n`, true);
}

/** True: workers outside the controller may be at the round. */
export function hasChunks(paths: RunPaths, round: number): boolean {
  return existsSync(tablePath(paths, round));
}

/** Null: there is none, for the round has not come so far. */
export function readChunks(paths: RunPaths, round: number): ChunkTable | null {
  const path = tablePath(paths, round);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ChunkTable;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw storeError('read', path, error);
  }
}

/** The tasks of each chunk of a round. */
export class Chunks {
  readonly #table: ChunkTable;
  readonly #work: WorkList | null;
  readonly #order: (place: number) => number;

  constructor(paths: RunPaths, round: RoundFile, table: ChunkTable) {
    this.#table = table;
    this.#work = readWork(paths, round)?.closedAt(table.of) ?? null;
    this.#order = orderOf(table.of, round.shuffle);
  }

  get count(): number {
    return this.#table.bounds.length - 1;
  }

  /** In ascending order, whatever the order of the round: their arguments then lie together. */
  tasks(chunk: number): number[] {
    const { bounds } = this.#table;
    const tasks: number[] = [];
    for (let place = bounds[chunk] as number; place < (bounds[chunk + 1] as number); place++) {
      const task = this.#order(place);
      if (this.#work === null || this.#work.has(task)) tasks.push(task);
    }
    return tasks.sort((a, b) => a - b);
  }
}
