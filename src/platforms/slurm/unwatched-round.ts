/** What a process that does not control a round can learn of its pieces, or do to them. */
import { DlJobsError, InfrastructureError } from '../../base/errors.js';
import type { QueueStatus } from '../../contract/platform.js';
import { runPaths } from '../../store/run-folder.js';
import { writeStop } from '../../store/stop-file.js';
import { cancelJobs } from './cancel.js';
import type { QueueAnswer } from './client.js';
import { piecesOf, queueStatus } from './pieces.js';
import { lookAtQueue } from './slurm-client.js';
import { Submissions } from './submissions.js';
import { findJobs } from './submit.js';

/** What Slurm says of the pieces of a round; null: it was never given any, or there is no Slurm on this machine. */
export async function lookAtRound(dir: string, round: number): Promise<QueueStatus | null> {
  const submissions = new Submissions(runPaths(dir), round);
  if (submissions.jobs.length === 0) return null;
  let answer: QueueAnswer;
  try {
    answer = await lookAtQueue(dir);
  } catch (error) {
    // Whoever sees the run folder can look at it, from a machine without Slurm, too.
    if (error instanceof DlJobsError && error.code === 'SLURM_MISSING') return null;
    throw error;
  }
  return queueStatus(submissions.jobs, piecesOf(submissions.all, answer), answer.silentMs);
}

/** Ends the pieces of a round that is not gone on with. Throws SLURM_UNREACHABLE when it cannot be seen to. */
export async function discardRound(dir: string, round: number): Promise<void> {
  const paths = runPaths(dir);
  const submissions = new Submissions(paths, round);
  // Those that start yet end at once.
  writeStop(paths, round, 0);
  const jobs = [...submissions.jobs];
  for (const { name, job } of submissions.all) {
    if (job !== null) continue;
    const found = await findJobs(name, process.env);
    if (found === null) throw unreachable(name);
    jobs.push(...found);
  }
  if (jobs.length === 0) return;
  // One that is still there does no harm: of what two workers record of a task one counts.
  const { left } = await cancelJobs(jobs, { env: process.env, which: 'all', mayBeEnding: true });
  if (left.length > 0) throw unreachable(left.map(({ id, state }) => `${id} (${state})`).join(', '));
}

function unreachable(what: string): InfrastructureError {
  return new InfrastructureError(
    'SLURM_UNREACHABLE',
    `workers of an earlier round may still be there and could not be ended: ${what}`,
    { hint: 'See `squeue --me`; `scancel` them, or try again when Slurm answers.' },
  );
}
