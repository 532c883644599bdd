/** How many tasks travel together: aims at a few milliseconds of work, learnt as the host answers. */

/** Work that one batch should hold, milliseconds. Beyond 2–5 ms nothing is gained: docs/performance.md. */
const TARGET_MS = 4;
const MAX_TASKS = 256;
/** Slower tasks than this are sent one by one, so that none waits behind another while a host is idle. */
const SLOW_MS = 5;
const GROWTH = 4;

export class BatchSize {
  readonly #concurrency: number;
  /** Mean milliseconds a task, recent batches weighing more; null before the first answer. */
  #perTask: number | null = null;
  #size = 1;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** May a host with this much unanswered get another batch? */
  hasRoom(batches: number, tasks: number): boolean {
    if (this.#concurrency > 1) return tasks < this.#concurrency + Math.max(2, this.#size);
    // The second batch hides the way there and back; with slow tasks that way is nothing.
    return batches < (this.#perTask === null || this.#perTask > SLOW_MS ? 1 : 2);
  }

  /** Tasks of the next batch; near the end of a list of known length they get smaller, so that all hosts end together. */
  next(remaining: number | null, hosts: number): number {
    if (remaining === null) return this.#size;
    return Math.max(1, Math.min(this.#size, Math.ceil(remaining / (hosts * 2))));
  }

  /** `n` tasks took `busyMs` milliseconds. */
  observe(n: number, busyMs: number): void {
    const perTask = busyMs / n;
    this.#perTask = this.#perTask === null ? perTask : (this.#perTask + perTask) / 2;
    const wanted = Math.floor(TARGET_MS / Math.max(this.#perTask, 1e-6));
    this.#size = Math.max(1, Math.min(wanted, this.#size * GROWTH, MAX_TASKS));
  }

  /** After a death: small again, so that few tasks are suspects if the next one dies too. */
  reset(): void {
    this.#size = 1;
  }
}
