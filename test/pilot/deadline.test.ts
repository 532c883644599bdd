import { describe, expect, test } from 'vitest';
import type { Allocation } from '../../src/contract/platform.js';
import { Deadline } from '../../src/pilot/deadline.js';

/** Time that is left, as the test says. */
function allocation(left: { seconds: number | null }): Allocation {
  return { job: null, restarts: 0, secondsLeft: () => left.seconds, again: () => Promise.resolve(false) };
}

describe('the end of an allocation', () => {
  test('never comes where there is none', () => {
    const deadline = new Deadline(allocation({ seconds: null }));
    expect(deadline.look()).toBe('time');
    expect(deadline.graceMs).toBe(Infinity);
  });

  test('stops the handing out while the longest task that was seen still fits, and then what runs', () => {
    const left = { seconds: 1_000 };
    const deadline = new Deadline(allocation(left));
    expect(deadline.look()).toBe('time');
    deadline.took(100_000);
    left.seconds = 125;
    expect(deadline.look()).toBe('time');
    left.seconds = 115;
    expect(deadline.look()).toBe('drain');
    expect(deadline.graceMs).toBe(95_000);
    left.seconds = 20;
    expect(deadline.look()).toBe('over');
  });

  test('lets a task of nearly all the time be begun', () => {
    const left = { seconds: 1_000 };
    const deadline = new Deadline(allocation(left));
    deadline.took(900_000);
    expect(deadline.look()).toBe('time');
    left.seconds = 510;
    expect(deadline.look()).toBe('drain');
  });

  test('is a minute away when the system says that it is near', () => {
    const deadline = new Deadline(allocation({ seconds: null }));
    deadline.isSoon();
    expect(deadline.look()).toBe('time');
    deadline.took(58_000);
    expect(deadline.look()).toBe('drain');
    expect(deadline.graceMs).toBeLessThanOrEqual(57_000);
    expect(deadline.graceMs).toBeGreaterThan(50_000);
  });
});
