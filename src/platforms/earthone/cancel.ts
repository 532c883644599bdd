/** Cancels jobs of a round. */
import { where } from './api/filters.js';
import type { JobStatus } from './api/types.js';
import type { Compute } from './compute.js';
import { jobsOf } from './which-jobs.js';

/** Jobs of one request: very many at once take longer than an answer may. */
const AT_ONCE = 1_000;

/** Asks for the end of those in `statuses`; a job that waits has ended then, one that works will. */
export async function cancelJobs(
  { jobs }: Compute,
  functionId: string,
  tag: string,
  statuses: readonly JobStatus[],
  signal: AbortSignal,
): Promise<void> {
  const filter = [
    ...jobsOf(functionId, tag),
    // What is told already need not be told again, and would be counted as done.
    where.in(
      'status',
      statuses.filter((status) => status === 'pending' || status === 'running'),
    ),
  ];
  for (;;) {
    const told = await jobs.cancelWhere({ filter, limit: AT_ONCE }, { signal });
    if (told.length < AT_ONCE) return;
  }
}
