/** Why no worker of a round gets anything done. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InfrastructureError, JobError, type DlJobsError, type ErrorCode } from '../../base/errors.js';
import type { Heartbeat } from '../../store/heartbeat.js';
import type { RunPaths } from '../../store/run-folder.js';
import { SCRIPT_ENDS } from './batch-script.js';
import { GONE, type Piece } from './pieces.js';
import { explainEnd } from './reasons.js';

/** Of what a job wrote before its worker could. */
const TAIL_BYTES = 2_000;

/** What a worker found wrong with the job itself is the job's error; else it is told how the pieces ended. */
export function workersFailed(
  paths: RunPaths,
  round: number,
  heartbeats: readonly Heartbeat[],
  pieces: readonly Piece[],
): DlJobsError {
  const failed = heartbeats.find(({ error }) => error !== null);
  if (failed?.error) {
    const { code, message, hint } = failed.error;
    return new JobError(code as ErrorCode, `on ${failed.node}: ${message}`, hint === null ? {} : { hint });
  }
  const last = pieces.findLast(({ isLive }) => !isLive);
  const how = explainEnd(last?.end ?? GONE, SCRIPT_ENDS);
  const output = lastOutput(paths);
  return new InfrastructureError(
    'WORKERS_FAILED',
    `no worker of round ${round} gets anything done; the last, Slurm job ${last?.id ?? '?'}, ${how}` +
      (output === '' ? '' : `; it wrote:\n${output}`),
    {
      hint: `What workers write before they begin is in ${join(paths.logs, 'slurm-*.out')}. \`dl_jobs doctor\` tries a worker out. When the nodes are mended: \`dl_jobs resume\`; with other settings: a new run.`,
    },
  );
}

/** The end of the latest file that Slurm wrote the output of a job to; empty: there is none, or it says nothing. */
function lastOutput({ logs }: RunPaths): string {
  try {
    const [latest] = readdirSync(logs)
      .filter((name) => /^slurm-.*\.out$/.test(name))
      .map((name) => join(logs, name))
      .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
    return latest === undefined ? '' : readFileSync(latest, 'utf8').trim().slice(-TAIL_BYTES);
  } catch {
    return '';
  }
}
