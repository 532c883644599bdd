/** What a round tries again: tasks wait here for their next attempt, and come out as batches when it is due. */
import type { TaskBatch, TaskSource } from '../contract/platform.js';
import type { Policy } from '../contract/policy.js';
import { monotonicMs } from './progress-file.js';
import { RetryQueue, retryDelayMs } from './retry-queue.js';

export class Retries {
  readonly #policy: Policy;
  readonly #source: TaskSource;
  readonly #onDue: () => void;
  /** Tasks that may share a host with others, */
  readonly #sociable = new RetryQueue();
  /** and those that ended one: they would make suspects of the others. */
  readonly #lethal = new RetryQueue();
  #timer: NodeJS.Timeout | null = null;
  #timerAt = Infinity;

  /** @param onDue - called when a task has become due while none was before */
  constructor(policy: Policy, source: TaskSource, onDue: () => void) {
    this.#policy = policy;
    this.#source = source;
    this.#onDue = onDue;
  }

  /** Tasks that wait. */
  get size(): number {
    return this.#sociable.size + this.#lethal.size;
  }

  /** Attempt `attempt` at a task failed, and was not the last. */
  add(task: number, attempt: number, lethal: boolean): void {
    const due = monotonicMs() + retryDelayMs(this.#policy, attempt);
    (lethal ? this.#lethal : this.#sociable).add({ task, attempt: attempt + 1, due });
    this.#arm();
  }

  /** Is one due that needs a host to itself? */
  get lethalDue(): boolean {
    const due = this.#lethal.nextDue;
    return due !== null && due <= monotonicMs();
  }

  /** One that is due and needs a host to itself. Throws what the source throws. */
  takeLethal(): TaskBatch | null {
    const next = this.#lethal.take(monotonicMs());
    this.#arm();
    if (next === null) return null;
    const { task, attempt } = next;
    return { tasks: [[task, 1]], count: 1, args: this.#source.line(task), attempt, alone: true };
  }

  /** Due tasks of one attempt, at most `max`. Throws what the source throws. */
  take(max: number): TaskBatch | null {
    const queue = this.#sociable;
    if (queue.size === 0) return null;
    const now = monotonicMs();
    const first = queue.take(now);
    if (first === null) return null;
    const tasks: [number, number][] = [[first.task, 1]];
    const lines = [this.#source.line(first.task)];
    while (lines.length < max && queue.nextAttempt === first.attempt) {
      const next = queue.take(now);
      if (next === null) break;
      const last = tasks.at(-1) as [number, number];
      if (next.task === last[0] + last[1]) last[1]++;
      else tasks.push([next.task, 1]);
      lines.push(this.#source.line(next.task));
    }
    this.#arm();
    return { tasks, count: lines.length, args: Buffer.concat(lines), attempt: first.attempt };
  }

  /** Forgets them all: the round hands out nothing more. */
  clear(): void {
    this.#sociable.clear();
    this.#lethal.clear();
    this.#disarm();
  }

  /** One timer, for the first that is not due yet; those that are wait for a host, and need none. */
  #arm(): void {
    const due = Math.min(this.#sociable.nextDue ?? Infinity, this.#lethal.nextDue ?? Infinity);
    if (due === this.#timerAt) return;
    this.#disarm();
    const wait = due - monotonicMs();
    if (!(wait > 0) || wait === Infinity) return;
    this.#timerAt = due;
    // A timer may fire a little early.
    this.#timer = setTimeout(
      () => {
        this.#disarm();
        this.#onDue();
        this.#arm();
      },
      Math.ceil(wait) + 1,
    );
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = Infinity;
  }
}
