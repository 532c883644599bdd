/** Deletes what EarthOne keeps of a run: its jobs and their results, and functions that nothing else uses. */
import { where } from './api/filters.js';
import type { Compute } from './compute.js';
import type { UsedFunction } from './sent.js';
import { jobsOf } from './which-jobs.js';
import { tagsOf } from './words.js';

/** Jobs of one request: very many at once take longer than an answer may. */
const AT_ONCE = 1_000;

/** Gives what was deleted, in words. */
export async function forgetRound(compute: Compute, used: UsedFunction, runId: string): Promise<string[]> {
  const { functions, jobs } = compute;
  const filter = jobsOf(used.id, tagsOf(runId, 0).run);
  let deleted = 0;
  for (;;) {
    const gone = await jobs.deleteWhere({ filter, limit: AT_ONCE, deleteResults: true });
    deleted += gone.length;
    if (gone.length < AT_ONCE) break;
  }
  const removed =
    deleted === 0 ? [] : [`${deleted} ${deleted === 1 ? 'job' : 'jobs'} of ${used.name} on EarthOne`];
  // Another run may use it, or have used it and be retried.
  if ((await jobs.count(jobsOf(used.id))) > 0) return removed;
  for await (const { id, status } of functions.search({
    filter: [where.eq('name', used.name)],
  })) {
    // Those that were never finished are of no use to anybody.
    if (id !== used.id && status !== 'awaiting_bundle' && status !== 'build_failed') continue;
    await functions.delete(id);
    removed.push(`the function ${used.name} on EarthOne`);
  }
  return removed;
}
