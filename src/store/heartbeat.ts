/**
 * `rounds/<n>/workers/<writer>.json`: the signs of life of a worker outside the controller, and what it is doing.
 * Whoever looks compares counters over time of its own: clocks of machines need not agree.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostStatus } from '../contract/platform.js';
import { storeError, writeAtomic } from './atomic.js';
import { roundFolder } from './rounds.js';
import type { RunPaths } from './run-folder.js';

/** A worker writes at least this often. */
export const BEAT_MS = 5_000;
/** A counter that stood still for this long of the observer's own time means that the worker is gone. */
export const GONE_MS = 120_000;

/** Why a worker ended: `done` nothing was left for it, `deadline` its time was up, `signal` it was told to by the system, `stop` the round was stopped, `failed` it could not work. */
export type WorkerEnd = 'done' | 'deadline' | 'signal' | 'stop' | 'failed';

export interface Heartbeat {
  readonly version: 1;
  readonly writer: string;
  readonly counter: number;
  /** When this was written by the worker's own clock, epoch milliseconds. */
  readonly at: number;
  /** Name of its machine. */
  readonly node: string;
  readonly pid: number;
  /** What the platform calls it: for Slurm `123_4`; null: nothing. */
  readonly job: string | null;
  /** How often the platform has started it anew. */
  readonly restarts: number;
  /** `guard`: it has nothing to do, and watches over the others. */
  readonly state: 'starting' | 'running' | 'draining' | 'guard' | 'ended';
  /** Null while it works. */
  readonly end: WorkerEnd | null;
  /** Why it failed, for people; null: it did not. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
  /** Seconds that are left of its allocation; null: it has no end. */
  readonly secondsLeft: number | null;
  /** Final outcomes that it wrote. */
  readonly counts: { readonly done: number; readonly ok: number; readonly errors: number };
  /** Tasks that it has and did not answer. */
  readonly inFlight: number;
  /** Bytes of its shard. */
  readonly journal: number;
  readonly hosts: readonly HostStatus[];
  /** Chunks that it has. */
  readonly holds: readonly number[];
  /** Chunks all of whose tasks have an outcome, as [first, count] ranges. */
  readonly finished: readonly (readonly [first: number, count: number])[];
}

function folderOf(paths: RunPaths, round: number): string {
  return join(roundFolder(paths, round), 'workers');
}

export function makeWorkersFolder(paths: RunPaths, round: number): void {
  const folder = folderOf(paths, round);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw storeError('create', folder, error);
  }
}

export function writeHeartbeat(paths: RunPaths, round: number, heartbeat: Heartbeat): void {
  writeAtomic(
    join(folderOf(paths, round), `${heartbeat.writer}.json`),
    `${JSON.stringify(heartbeat)}\n`,
    false,
  );
}

/** Those of all workers that the round ever had. */
export function readHeartbeats(paths: RunPaths, round: number): Heartbeat[] {
  const folder = folderOf(paths, round);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storeError('read', folder, error);
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => readHeartbeat(join(folder, name)));
}

function readHeartbeat(path: string): Heartbeat[] {
  try {
    const heartbeat = JSON.parse(readFileSync(path, 'utf8')) as Heartbeat;
    return heartbeat.version === 1 ? [heartbeat] : [];
  } catch {
    // Replaced while it was read, or out of reach for a moment: it is looked at again soon.
    return [];
  }
}

/** What the hosts of workers are doing, each with the machine it is on. */
export function hostsOf(heartbeats: readonly Heartbeat[]): HostStatus[] {
  return heartbeats.flatMap(({ hosts, node }) => hosts.map((host) => ({ ...host, node })));
}

/** Why a worker is known to be gone, in the platform's words. */
export interface Gone {
  /** As the platform names it: `OUT_OF_MEMORY`, `NODE_FAIL`. */
  readonly state: string;
  readonly message: string;
}

/** Notes that a worker is gone, as the platform says: nobody needs to wait for signs of it. */
export function markGone(paths: RunPaths, round: number, writer: string, gone: Gone): void {
  writeAtomic(join(folderOf(paths, round), `${writer}.gone`), `${JSON.stringify(gone)}\n`, false);
}

/** The workers that are known to be gone. */
export function readGone(paths: RunPaths, round: number): Map<string, Gone> {
  const folder = folderOf(paths, round);
  const gone = new Map<string, Gone>();
  try {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.gone'))) {
      gone.set(name.slice(0, -'.gone'.length), JSON.parse(readFileSync(join(folder, name), 'utf8')) as Gone);
    }
  } catch {
    // What cannot be read now is found out by waiting, too.
  }
  return gone;
}

/** Tells which workers are gone, by looking at them again and again. */
export class LifeWatch {
  readonly #seen = new Map<string, { counter: number; since: number }>();
  readonly #goneMs: number;

  /** @param goneMs - how long a counter may stand still */
  constructor(goneMs: number = GONE_MS) {
    this.#goneMs = goneMs;
  }

  /** Takes note of what the workers say now. */
  look(heartbeats: readonly Heartbeat[]): void {
    const now = performance.now();
    for (const { writer, counter } of heartbeats) {
      if (this.#seen.get(writer)?.counter !== counter) this.#seen.set(writer, { counter, since: now });
    }
  }

  /** True: it has ended, or gave no sign for too long. A worker that was never seen counts from the first question on. */
  isGone(writer: string, heartbeat: Heartbeat | undefined): boolean {
    if (heartbeat?.state === 'ended') return true;
    const now = performance.now();
    const seen = this.#seen.get(writer);
    if (seen === undefined) {
      this.#seen.set(writer, { counter: -1, since: now });
      return false;
    }
    return now - seen.since >= this.#goneMs;
  }
}
