/** In which order and after how long tasks are tried again. */
import { describe, expect, test } from 'vitest';
import type { Policy } from '../../src/contract/policy.js';
import { RetryQueue, retryDelayMs, type WaitingTask } from '../../src/worker/retry-queue.js';

/** The same numbers each time, in [0, 1). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

function waiting(count: number, random: () => number): WaitingTask[] {
  return Array.from({ length: count }, (_, task) => ({
    task,
    attempt: 2 + Math.floor(random() * 3),
    due: Math.floor(random() * 100),
  }));
}

describe('tasks that wait', () => {
  test.for([0, 1, 2, 3, 10, 257])('come out of a queue of %i by when they are due', (count) => {
    const tasks = waiting(count, dice(count + 1));
    const queue = new RetryQueue();
    for (const task of tasks) queue.add(task);
    expect(queue.size).toBe(count);
    const out: WaitingTask[] = [];
    for (let task; (task = queue.take(Infinity)) !== null;) out.push(task);
    expect(out.map(({ due }) => due)).toEqual(tasks.map(({ due }) => due).sort((a, b) => a - b));
    expect(out.sort((a, b) => a.task - b.task)).toEqual(tasks);
    expect(queue.size).toBe(0);
    expect(queue.nextDue).toBeNull();
  });

  test('stay in order while others come and go', () => {
    const random = dice(7);
    const queue = new RetryQueue();
    let left: WaitingTask[] = [];
    for (let step = 0; step < 2_000; step++) {
      if (random() < 0.6) {
        const [task] = waiting(1, random) as [WaitingTask];
        queue.add({ ...task, task: step });
        left.push({ ...task, task: step });
        continue;
      }
      const now = Math.floor(random() * 100);
      const first = Math.min(...left.map(({ due }) => due));
      const taken = queue.take(now);
      if (first > now) {
        expect(taken).toBeNull();
      } else {
        expect(taken).toMatchObject({ due: first });
        expect(left).toContainEqual(taken);
        left = left.filter(({ task }) => task !== taken?.task);
      }
      expect(queue.size).toBe(left.length);
    }
  });

  test('are not given out before they are due', () => {
    const queue = new RetryQueue();
    queue.add({ task: 5, attempt: 3, due: 100 });
    expect(queue.take(99.9)).toBeNull();
    expect(queue.nextDue).toBe(100);
    expect(queue.nextAttempt).toBe(3);
    expect(queue.take(100)).toEqual({ task: 5, attempt: 3, due: 100 });
    expect(queue.nextAttempt).toBeNull();
  });

  test('are forgotten when the round ends', () => {
    const queue = new RetryQueue();
    for (const task of waiting(9, dice(3))) queue.add(task);
    queue.clear();
    expect(queue.size).toBe(0);
    expect(queue.take(Infinity)).toBeNull();
  });
});

describe('the delay before the next attempt', () => {
  const policy = { retryDelay: 2 } as Policy;

  test('doubles with each attempt, give or take a half', () => {
    const bounds = [1, 2, 3, 4].map((attempt) => [
      retryDelayMs(policy, attempt, () => 0),
      retryDelayMs(policy, attempt, () => 1 - 2 ** -53),
    ]);
    expect(bounds.map(([least]) => least)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(bounds.map(([, most]) => Math.round(most as number))).toEqual([3_000, 6_000, 12_000, 24_000]);
  });

  test('is at most a minute, however many there were', () => {
    for (const attempt of [6, 60, 2_000]) expect(retryDelayMs(policy, attempt, () => 0.9)).toBe(60_000);
  });

  test('can be nothing', () => {
    expect(retryDelayMs({ retryDelay: 0 } as Policy, 5)).toBe(0);
  });
});
