/** Tasks that wait for their next attempt, the one that is due first in front: a heap, three numbers a task. */
import type { Policy } from '../contract/policy.js';

const MAX_DELAY_MS = 60_000;

/** Milliseconds between attempt `attempt`, which failed, and the next. */
export function retryDelayMs(policy: Policy, attempt: number, random: () => number = Math.random): number {
  const delay = policy.retryDelay * 1000 * 2 ** (attempt - 1) * (0.5 + random());
  return Math.min(delay, MAX_DELAY_MS);
}

export interface WaitingTask {
  readonly task: number;
  /** The attempt that it waits for. */
  readonly attempt: number;
  /** Milliseconds of the monotonic clock. */
  readonly due: number;
}

/** Numbers of an entry: due, task, attempt. */
const STRIDE = 3;

export class RetryQueue {
  /** Entry `i` begins at `i * STRIDE`, and is due no later than entries `2i + 1` and `2i + 2`. */
  readonly #heap: number[] = [];

  get size(): number {
    return this.#heap.length / STRIDE;
  }

  /** When the first is due; null: none waits. */
  get nextDue(): number | null {
    return this.#heap[0] ?? null;
  }

  /** Attempt of the one that is due first. */
  get nextAttempt(): number | null {
    return this.#heap[2] ?? null;
  }

  add({ task, attempt, due }: WaitingTask): void {
    this.#heap.push(due, task, attempt);
    let child = this.size - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (this.#due(parent) <= due) return;
      this.#swap(parent, child);
      child = parent;
    }
  }

  /** Takes the first out, if it is due at `now`. */
  take(now: number): WaitingTask | null {
    const heap = this.#heap;
    const [due, task, attempt] = heap;
    if (due === undefined || due > now) return null;
    this.#swap(0, this.size - 1);
    heap.length -= STRIDE;
    this.#sink();
    return { task: task as number, attempt: attempt as number, due };
  }

  clear(): void {
    this.#heap.length = 0;
  }

  /** Moves the entry in front to where it belongs. */
  #sink(): void {
    const { size } = this;
    let parent = 0;
    for (;;) {
      let child = parent * 2 + 1;
      if (child >= size) return;
      if (child + 1 < size && this.#due(child + 1) < this.#due(child)) child++;
      if (this.#due(parent) <= this.#due(child)) return;
      this.#swap(parent, child);
      parent = child;
    }
  }

  #due(entry: number): number {
    return this.#heap[entry * STRIDE] as number;
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    for (let i = 0; i < STRIDE; i++) {
      const kept = heap[a * STRIDE + i] as number;
      heap[a * STRIDE + i] = heap[b * STRIDE + i] as number;
      heap[b * STRIDE + i] = kept;
    }
  }
}
