/** How a round treats its tasks: what it tries again, what it ends, when it stops. Plain data, part of `run.json`. */
import type { FailureType } from './record.js';

export interface Policy {
  /** Further tries of a task whose attempt ended with one of {@link retryOn}. */
  readonly retries: number;
  readonly retryOn: readonly FailureType[];
  /** Seconds before the second attempt; doubles with each further one, give or take a half, up to a minute. */
  readonly retryDelay: number;
  /** Seconds that an attempt may take, counted from its start; null: any. */
  readonly timeout: number | null;
  /** Bytes of memory that a task may use; null: any. */
  readonly memory: number | null;
  /** The round stops handing out once more tasks than this have failed: a count, or a percentage `5%`; null: never. */
  readonly maxFailures: number | `${number}%` | null;
  /** The first failure stops the round. */
  readonly failFast: boolean;
  /** Tasks run in an order that has nothing to do with their indexes. */
  readonly shuffle: boolean;
}

/** True: an attempt that ended so is the last one of its task in this round. */
export function isFinal(policy: Policy, failure: FailureType, attempt: number): boolean {
  return attempt > policy.retries || !policy.retryOn.includes(failure);
}
