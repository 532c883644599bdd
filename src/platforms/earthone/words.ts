/** How things of a run are called on EarthOne, and what its answers mean for a run. */
import type { QueueStatus } from '../../contract/platform.js';
import { RateLimitError, ServerError, TransportError } from './api/errors.js';

export interface Tags {
  /** What is of a run, */
  readonly run: string;
  /** of one round of it, */
  readonly round: string;
  /** and all that a job of it is tagged with. */
  readonly all: readonly string[];
}

export function tagsOf(runId: string, round: number): Tags {
  const run = `dl_jobs.run:${runId}`;
  const own = `dl_jobs.round:${runId}.${round}`;
  return { run, round: own, all: ['dl_jobs', run, own] };
}

/** True: the same request may well succeed later. */
export function isPassing(error: unknown): boolean {
  if (error instanceof TransportError) return !error.final;
  return error instanceof ServerError || error instanceof RateLimitError;
}

/** What a user sees of the jobs that have not ended. */
export function queueOf(
  functionName: string,
  { pending, running }: { readonly pending: number; readonly running: number },
): QueueStatus {
  return {
    jobs: functionName === '' ? [] : [functionName],
    kind: 'function',
    piece: 'task',
    pending,
    running,
    reasons: {},
    why: [],
    startsAt: null,
    nodes: [],
    silentMs: 0,
  };
}
