/** How many tasks travel together: aims at a few milliseconds of work, learnt as the host answers. */

/**
 * Work that one batch should hold, milliseconds. Tiny tasks gain nothing beyond 2–5 ms, but with tasks of a
 * millisecond each answer costs the controller a tenth of one, on cores that the hosts could use.
 */
const TARGET_MS = 16;
const MAX_TASKS = 1024;
/** Slower tasks than this are sent one by one, so that none waits behind another while a host is idle. */
const SLOW_MS = 5;
const GROWTH = 4;
/** Work that may wait in a host beyond two batches, milliseconds, and in how many batches. */
const QUEUED_MS = 16;
const MAX_BATCHES = 8;

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
    if (this.#concurrency > 1) return tasks < this.#concurrency + this.#ahead();
    if (this.#perTask === null || this.#perTask > SLOW_MS) return batches < 1;
    // The second batch hides the way there and back. Batches of tiny tasks last less than the controller is
    // busy with a group of records, so more of them keep the host from running dry.
    return batches < 2 || (batches < MAX_BATCHES && tasks * this.#perTask < QUEUED_MS);
  }

  /**
   * Tasks that wait in a host that runs several at a time: when all of these end at once, as many can begin at once,
   * unless they are slow: then one that waits here could run elsewhere.
   */
  #ahead(): number {
    const quick = this.#perTask === null ? 2 : Math.ceil(QUEUED_MS / Math.max(this.#perTask, 1e-6));
    return Math.max(2, Math.min(this.#concurrency, quick), this.#size);
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
