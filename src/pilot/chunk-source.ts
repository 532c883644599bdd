/**
 * Hands out the tasks of chunks that are claimed one after the other. When none is free, one worker of the round stays
 * as its guard: it takes over what those leave that die, and the others go.
 */
import type { TaskBatch, TaskSource } from '../contract/platform.js';
import type { Chunks } from '../store/chunks.js';
import { Claims, GUARD, holderOf, readClaims, type Claimed } from '../store/claims.js';
import { LifeWatch, readGone, readHeartbeats, type Gone } from '../store/heartbeat.js';
import type { RunPaths } from '../store/run-folder.js';
import { LOST_AFTER } from '../store/unanswered.js';
import { HeldChunk, type ArgumentLines } from './held-chunk.js';
import { leftOver } from './left-over.js';

/** After so many chunks in a row that others have, it is looked up which are free. */
const BLIND_TRIES = 4;
/** How often a worker that has nothing to do looks around. */
const LOOK_MS = 1_000;

export interface ChunkSourceOptions {
  readonly paths: RunPaths;
  readonly round: number;
  readonly writer: string;
  readonly chunks: Chunks;
  readonly args: ArgumentLines;
  /** Attempts that were charged in earlier rounds which this one goes on with. */
  readonly charged: ReadonlyMap<number, number>;
  /** A worker that gave no sign for so long is gone, milliseconds. */
  readonly goneMs: number;
  /** The worker of a task vanished too often; `how`: what the platform says of it. */
  readonly onLost: (task: number, how: string | undefined) => void;
  /**
   * The platform ended the worker of a task for its memory; `attempt` is the number of that try. True: there is no
   * further one.
   */
  readonly onOutOfMemory: (task: number, attempt: number, how: string) => boolean;
  readonly onError: (error: unknown) => void;
}

interface Waiter {
  readonly max: number;
  readonly resolve: (batch: TaskBatch | null) => void;
}

export class ChunkSource implements TaskSource {
  readonly #options: ChunkSourceOptions;
  readonly #claims: Claims;
  readonly #life: LifeWatch;
  /** The last generations that were seen. */
  #known: ReadonlyMap<Claimed, number> = new Map();
  readonly #holders = new Map<string, string>();
  /** Chunks of which this worker knows that all their tasks have an outcome, */
  readonly #finished = new Set<number>();
  /** and those of which others say so. */
  readonly #others = new Set<number>();
  #held: HeldChunk[] = [];
  #next = 0;
  #tried = 0;
  #isGuard = false;
  #closed = false;
  #waiters: Waiter[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ChunkSourceOptions) {
    this.#options = options;
    const { paths, round, writer } = options;
    this.#claims = new Claims(paths, round, writer);
    this.#life = new LifeWatch(options.goneMs);
  }

  get isGuard(): boolean {
    return this.#isGuard && this.#waiters.length > 0;
  }

  /** Chunks that this worker has. */
  get holds(): number[] {
    return this.#held.map(({ id }) => id);
  }

  /** Chunks that this worker brought to their end, ascending. */
  get finished(): number[] {
    return [...this.#finished].sort((a, b) => a - b);
  }

  /** True: no task of the round is left, as far as this worker knows. */
  get allFinished(): boolean {
    for (let id = 0; id < this.#options.chunks.count; id++) {
      if (!this.#finished.has(id) && !this.#others.has(id)) return false;
    }
    return true;
  }

  take(maxTasks: number): TaskBatch | null | Promise<TaskBatch | null> {
    if (this.#closed) return null;
    const batch = this.#takeHeld(maxTasks) ?? this.#takeFree(maxTasks);
    if (batch !== null) return batch;
    return new Promise((resolve) => {
      this.#waiters.push({ max: maxTasks, resolve });
      this.#timer ??= setTimeout(this.#look, 0);
    });
  }

  /** Nobody knows what of the chunks others have is left; what is held is enough to size batches by. */
  remaining(): number | null {
    const waiting = this.#held.reduce((sum, chunk) => sum + chunk.waiting, 0);
    return waiting > 0 ? waiting : null;
  }

  line(task: number): Buffer {
    return this.#options.args.lines(task, 1);
  }

  /** A task of this worker got a final outcome. */
  settle(task: number): void {
    const chunk = this.#held.find((held) => held.has(task));
    if (chunk === undefined) return;
    chunk.settle(task);
    if (chunk.isFinished) this.#finish(chunk);
  }

  /** Hands out nothing more. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const { resolve } of this.#waiters.splice(0)) resolve(null);
  }

  #finish(chunk: HeldChunk): void {
    this.#finished.add(chunk.id);
    this.#held = this.#held.filter((held) => held !== chunk);
  }

  #takeHeld(maxTasks: number): TaskBatch | null {
    for (const chunk of this.#held) {
      const batch = chunk.take(maxTasks, this.#options.args);
      if (batch !== null) return batch;
    }
    return null;
  }

  /** From a chunk that nobody had before. */
  #takeFree(maxTasks: number): TaskBatch | null {
    const { chunks, charged } = this.#options;
    for (; this.#next < chunks.count; this.#next++) {
      const id = this.#next;
      if (this.#known.has(id)) continue;
      if (!this.#claims.claim(id, 1)) {
        if (++this.#tried % BLIND_TRIES === 0) this.#readClaims();
        continue;
      }
      this.#next++;
      const held = new HeldChunk(id, { tasks: chunks.tasks(id), charged, suspects: new Set() });
      this.#held.push(held);
      const batch = held.take(maxTasks, this.#options.args);
      if (batch !== null) return batch;
      this.#finish(held);
    }
    return null;
  }

  #readClaims(): void {
    const { paths, round } = this.#options;
    this.#known = readClaims(paths, round);
  }

  /** Something may have become free, or all may be done. */
  readonly #look = (): void => {
    this.#timer = null;
    try {
      const mayGo = this.#lookAround();
      this.#serve();
      if (mayGo) for (const { resolve } of this.#waiters.splice(0)) resolve(null);
      else if (this.#waiters.length > 0) this.#timer = setTimeout(this.#look, LOOK_MS);
    } catch (error) {
      this.#options.onError(error);
    }
  };

  #serve(): void {
    for (let waiter = this.#waiters[0]; waiter !== undefined; waiter = this.#waiters[0]) {
      const batch = this.#takeHeld(waiter.max);
      if (batch === null) return;
      this.#waiters.shift();
      waiter.resolve(batch);
    }
  }

  /** Takes over a chunk of a worker that is gone. True: this worker is not needed any more. */
  #lookAround(): boolean {
    const { paths, round, chunks, writer } = this.#options;
    const heartbeats = new Map(readHeartbeats(paths, round).map((beat) => [beat.writer, beat]));
    const gone = readGone(paths, round);
    this.#life.look([...heartbeats.values()]);
    const isGone = (holder: string): boolean =>
      holder !== writer && (gone.has(holder) || this.#life.isGone(holder, heartbeats.get(holder)));
    this.#others.clear();
    for (const { finished } of heartbeats.values()) {
      for (const [first, count] of finished)
        for (let id = first; id < first + count; id++) this.#others.add(id);
    }
    this.#readClaims();
    for (let id = 0; id < chunks.count; id++) {
      if (this.#finished.has(id) || this.#others.has(id) || this.#held.some((held) => held.id === id))
        continue;
      const generation = this.#known.get(id) ?? 0;
      if (generation > 0 && !isGone(this.#holder(id, generation))) continue;
      if (!this.#claims.claim(id, generation + 1)) continue;
      if (this.#takeOver(id, generation, gone)) return false;
    }
    if (this.allFinished) return true;
    return !this.#guard(isGone);
  }

  /** False: nothing of the chunk was left. */
  #takeOver(id: number, generation: number, gone: ReadonlyMap<string, Gone>): boolean {
    const { paths, chunks, onLost, onOutOfMemory } = this.#options;
    const writers = new Set<string>();
    for (let g = 1; g <= generation; g++) writers.add(this.#holder(id, g));
    const left = leftOver(paths, chunks.tasks(id), writers, gone);
    const charged = new Map([...this.#options.charged, ...left.charged]);
    const tasks = left.tasks.filter((task) => {
      const memory = left.outOfMemory.get(task);
      if (memory !== undefined) {
        const attempt = (charged.get(task) ?? 0) + 1;
        if (onOutOfMemory(task, attempt, memory)) return false;
        charged.set(task, attempt);
      }
      if ((left.vanished.get(task) ?? 0) < LOST_AFTER) return true;
      onLost(task, left.how.get(task));
      return false;
    });
    const held = new HeldChunk(id, { tasks, charged, suspects: left.suspects });
    this.#held.push(held);
    if (held.isFinished) this.#finish(held);
    return !held.isFinished;
  }

  /** True: somebody has to stay, and it is this worker. */
  #guard(isGone: (holder: string) => boolean): boolean {
    if (this.#isGuard) return true;
    const generation = this.#known.get(GUARD) ?? 0;
    if (generation > 0 && !isGone(this.#holder(GUARD, generation))) return false;
    this.#isGuard = this.#claims.claim(GUARD, generation + 1);
    return this.#isGuard;
  }

  #holder(what: Claimed, generation: number): string {
    const key = `${what}.${generation}`;
    let holder = this.#holders.get(key);
    if (holder === undefined) {
      const { paths, round } = this.#options;
      this.#holders.set(key, (holder = holderOf(paths, round, what, generation)));
    }
    return holder;
  }
}
