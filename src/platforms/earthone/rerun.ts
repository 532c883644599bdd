/** Runs failed jobs again on the server, where the function is still the same: their arguments need not go up again. */
import { where } from './api/filters.js';
import type { ComputeJob } from './api/types.js';
import type { Compute } from './compute.js';
import type { Rerun, Sent, UsedFunction } from './sent.js';
import { jobsOf } from './which-jobs.js';

/** Ids in one filter. */
const AT_ONCE = 100;

export interface RerunContext {
  readonly compute: Compute;
  readonly used: UsedFunction;
  readonly sent: Sent;
  readonly signal: AbortSignal;
  readonly insist: <T>(what: () => Promise<T>) => Promise<T>;
}

/** Of these jobs, by task, those are run again that did not end well; the others need new jobs. */
export async function rerunJobs(jobs: ReadonlyMap<number, string>, context: RerunContext): Promise<void> {
  const { sent } = context;
  // What a controller that died may not have told the server.
  for (const rerun of sent.openReruns) await tell(rerun, context);
  const entries = [...jobs].filter(([task]) => !sent.has(task));
  for (let at = 0; at < entries.length && !context.signal.aborted; at += AT_ONCE) {
    const part = new Map(entries.slice(at, at + AT_ONCE).map(([task, id]) => [id, task]));
    const states = await statesOf([...part.keys()], context);
    const again = states.flatMap((job) => {
      const task = part.get(job.id);
      return task === undefined || !isFailed(job)
        ? []
        : [{ id: job.id, task, count: job.executionCount ?? 0 }];
    });
    if (again.length > 0) await tell(sent.beginRerun(again), context);
  }
}

async function tell(rerun: Rerun, context: RerunContext): Promise<void> {
  const { compute, used, sent, signal, insist } = context;
  const counts = new Map(rerun.jobs.map(({ id, count }) => [id, count]));
  const states = await statesOf([...counts.keys()], context);
  // Those that it has been told of are at it, or through once more.
  const ids = states
    .filter((job) => isFailed(job) && (job.executionCount ?? 0) <= (counts.get(job.id) ?? 0))
    .map(({ id }) => id);
  if (ids.length > 0) {
    const filter = [...jobsOf(used.id), where.in('id', ids)];
    await insist(() => compute.jobs.rerunWhere({ filter }, { signal }));
  }
  sent.endRerun(rerun);
}

async function statesOf(ids: readonly string[], context: RerunContext): Promise<ComputeJob[]> {
  const { compute, used, signal, insist } = context;
  const filter = [...jobsOf(used.id), where.in('id', ids)];
  return await insist(async () => {
    const found: ComputeJob[] = [];
    for await (const page of compute.jobs.pages({ filter }, { signal })) found.push(...page);
    return found;
  });
}

function isFailed({ status }: ComputeJob): boolean {
  return status === 'failure' || status === 'timeout' || status === 'canceled';
}
