/** The signs of life that a worker gives. */
import type { Allocation } from '../contract/platform.js';
import { BEAT_MS, makeWorkersFolder, writeHeartbeat, type Heartbeat } from '../store/heartbeat.js';
import type { RunPaths } from '../store/run-folder.js';
import type { Worker } from '../worker/worker.js';
import type { ChunkSource } from './chunk-source.js';

export interface PulseOptions {
  readonly writer: string;
  readonly node: string;
  readonly allocation: Allocation;
  /** Others take this worker for gone when it gives no sign for so long, milliseconds. */
  readonly goneMs: number;
  readonly source: ChunkSource;
  readonly worker: () => Worker | null;
  readonly journal: () => number;
}

export class PilotPulse {
  readonly #paths: RunPaths;
  readonly #round: number;
  readonly #options: PulseOptions;
  readonly #everyMs: number;
  readonly #counts = { done: 0, ok: 0, errors: 0 };
  #counter = 0;
  #last = -Infinity;
  #state: Heartbeat['state'] = 'starting';
  /** As of the sign before: by the time it is told their records have come to disk, whatever becomes of the machine. */
  #finished: readonly number[] = [];

  constructor(paths: RunPaths, round: number, options: PulseOptions) {
    this.#paths = paths;
    this.#round = round;
    this.#options = options;
    this.#everyMs = Math.min(BEAT_MS, options.goneMs / 6);
    makeWorkersFolder(paths, round);
  }

  /** Final outcomes so far. */
  get done(): number {
    return this.#counts.done;
  }

  get errors(): number {
    return this.#counts.errors;
  }

  /** A task got a final outcome. */
  counted(isOk: boolean): void {
    this.#counts.done++;
    if (isOk) this.#counts.ok++;
    else this.#counts.errors++;
  }

  /** Gives a sign when one is due, or when the state is another. */
  beat(state: 'starting' | 'running' | 'draining'): void {
    const now = performance.now();
    const next = state === 'running' && this.#options.source.isGuard ? 'guard' : state;
    if (next === this.#state && now - this.#last < this.#everyMs) return;
    this.#state = next;
    this.#last = now;
    this.#write(next, null, null);
  }

  /** The last one. */
  end(end: Heartbeat['end'], error: Heartbeat['error']): void {
    this.#write('ended', end, error);
  }

  #write(state: Heartbeat['state'], end: Heartbeat['end'], error: Heartbeat['error']): void {
    const { writer, node, allocation, source, worker, journal } = this.#options;
    const running = state === 'ended' ? null : worker();
    writeHeartbeat(this.#paths, this.#round, {
      version: 1,
      writer,
      counter: ++this.#counter,
      at: Date.now(),
      node,
      pid: process.pid,
      job: allocation.job,
      restarts: allocation.restarts,
      state,
      end,
      error,
      secondsLeft: allocation.secondsLeft(),
      counts: { ...this.#counts },
      inFlight: running?.status().inFlight ?? 0,
      journal: journal(),
      hosts: running?.hosts() ?? [],
      holds: source.holds,
      finished: ranges(state === 'ended' ? source.finished : this.#finished),
    });
    this.#finished = source.finished;
  }
}

/** Ascending numbers as [first, count]. */
function ranges(numbers: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === number) last[1]++;
    else found.push([number, 1]);
  }
  return found;
}
