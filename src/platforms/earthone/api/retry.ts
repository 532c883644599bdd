/** Which failed requests are sent again, and after how long. */
import pRetry from 'p-retry';
import { DataError } from '../../../base/errors.js';
import { ApiError, RateLimitError, TransportError } from './errors.js';
import type { EarthOneOptions } from './types.js';
import { pause } from './wait.js';

/**
 * - `always`: doing it twice does no harm.
 * - `unless-done`: only where the server has certainly not done it.
 */
export type Repeat = 'always' | 'unless-done';

export interface RetryPolicy {
  readonly tries: number;
  /** Milliseconds before the second try, doubled before each further one. */
  readonly least: number;
  /** Milliseconds before any try, whatever the server says. */
  readonly most: number;
}

const PASSING: readonly number[] = [408, 425, 500, 502, 503, 504];
/** With `Retry-After` the server says itself that it will be otherwise later. */
const PASSING_IF_SAID: readonly number[] = [403, 413];

export function readPolicy({ retries }: EarthOneOptions): RetryPolicy {
  const policy = { tries: retries?.tries ?? 5, least: retries?.least ?? 500, most: retries?.most ?? 60_000 };
  if (Number.isInteger(policy.tries) && policy.tries >= 1 && policy.least >= 0 && policy.most >= 0)
    return policy;
  throw new DataError('VALUE_INVALID', 'retries: expected 1 try or more, and times of 0 ms or more', {
    hint: 'It is like { tries: 5, least: 500, most: 60000 }.',
  });
}

/** `attempt` until it works, fails for good, or all tries are used up; then its last error. */
export async function repeating<T>(
  attempt: (tried: number) => Promise<T>,
  policy: RetryPolicy,
  repeat: Repeat,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    return await pRetry(attempt, {
      retries: policy.tries - 1,
      // The wait is our own: what the server says comes before any formula.
      minTimeout: 0,
      shouldRetry: async ({ error, attemptNumber }) => {
        if (signal?.aborted === true || !mayRepeat(error, repeat)) return false;
        await pause(waitBefore(error, attemptNumber, policy), signal);
        return true;
      },
    });
  } catch (error) {
    // p-retry would make a TypeError of a reason that is no Error.
    signal?.throwIfAborted();
    throw error;
  }
}

function mayRepeat(error: unknown, repeat: Repeat): boolean {
  if (error instanceof TransportError) return !error.final && (repeat === 'always' || !error.mayHaveArrived);
  // These say that nothing was done.
  if (error instanceof RateLimitError) return true;
  if (!(error instanceof ApiError)) return false;
  if (PASSING_IF_SAID.includes(error.status)) return error.retryAfter !== null;
  return repeat === 'always' && PASSING.includes(error.status);
}

export function waitBefore(error: unknown, tried: number, { least, most }: RetryPolicy): number {
  const said = error instanceof ApiError ? retryAfterMs(error.retryAfter) : null;
  if (said !== null) return Math.min(said, most);
  // Somewhat at random, so that those who failed together do not come back together.
  return Math.min(least * 2 ** (tried - 1) * (0.75 + Math.random() / 2), most);
}

/** `Retry-After`: seconds, or a date of HTTP. */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}
