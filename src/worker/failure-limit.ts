/** When so many tasks have failed that going on makes no sense. */
import type { Policy } from '../contract/policy.js';

export interface FailureLimit {
  readonly reason: string;
  /** What runs is given a few seconds; else it may run to its end. */
  readonly isUrgent: boolean;
}

/** A percentage of a number of tasks that is not known yet means nothing before so many have ended. */
const ENOUGH_TO_JUDGE = 100;

/** Null: go on. `errors` are those of this round, `done` and `total` tasks of the run. */
export function failureLimit(
  policy: Policy,
): (errors: number, done: number, total: number | null) => FailureLimit | null {
  const { failFast, maxFailures } = policy;
  return (errors, done, total) => {
    if (errors === 0) return null;
    if (failFast) return { reason: 'a task failed (fail_fast)', isUrgent: true };
    if (maxFailures === null) return null;
    const reason = `${errors} ${errors === 1 ? 'task' : 'tasks'} failed (max_failures ${maxFailures})`;
    if (typeof maxFailures === 'number') return errors > maxFailures ? { reason, isUrgent: false } : null;
    const of = total ?? (done >= ENOUGH_TO_JUDGE ? done : Infinity);
    return errors > (Number.parseFloat(maxFailures) / 100) * of ? { reason, isUrgent: false } : null;
  };
}
