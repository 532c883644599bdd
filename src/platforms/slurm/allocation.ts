/** What Slurm has given the worker that asks, from its environment. */
import type { Allocation } from '../../contract/platform.js';
import { slurm, type Environment } from './slurm-cli.js';

/** Set by the batch script where the job was given a time: seconds from its start. */
export const WORKER_SECONDS = 'DL_JOBS_WORKER_SECONDS';

/**
 * Where nothing in the environment tells how long the job may go on, Slurm is asked, once, so many milliseconds after
 * the start: most workers have ended by then, and thousands of them do not ask at the same time.
 */
const ASK_FROM_MS = 20_000;
const ASK_WITHIN_MS = 60_000;

export function slurmAllocation(environment: Environment): Allocation {
  const { SLURM_JOB_ID: id, SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: index } = environment;
  /** When the job is ended, by `performance.now()`: a clock that nobody sets. */
  let endsAt: number | null = null;
  const lasts = (seconds: number | null): void => {
    endsAt = seconds === null ? null : performance.now() + seconds * 1000;
  };
  const given = secondsGiven(environment);
  if (given !== undefined) lasts(given);
  else if (id !== undefined) {
    setTimeout(
      () => {
        void slurm('squeue', ['-h', '-j', id, '-o', '%L'], { env: environment }).then(
          ({ outcome, stdout }) => {
            if (outcome === 'ok') lasts(parseTimeLeft(stdout.trim().split('\n')[0] ?? ''));
          },
        );
      },
      ASK_FROM_MS + Math.random() * ASK_WITHIN_MS,
    ).unref();
  }
  return {
    job: array === undefined || index === undefined ? (id ?? null) : `${array}_${index}`,
    restarts: Number(environment['SLURM_RESTART_COUNT'] ?? 0),
    secondsLeft: () => (endsAt === null ? null : (endsAt - performance.now()) / 1000),
    again: async () => {
      if (id === undefined) return false;
      const { outcome } = await slurm('scontrol', ['requeue', id], { env: environment });
      return outcome === 'ok';
    },
  };
}

/** How long the job may go on from now on, as the environment tells; null: without end; undefined: it does not tell. */
function secondsGiven(environment: Environment): number | null | undefined {
  const { SLURM_JOB_END_TIME: end, SLURM_JOB_START_TIME: start } = environment;
  const ours = Number(environment[WORKER_SECONDS] ?? NaN);
  if (ours > 0) return ours;
  // Since Slurm 23.
  if (!isTime(end) || !isTime(start)) return undefined;
  const whole = Number(end) - Number(start);
  // Slurm has no word for "without end", but a date that is far away.
  if (whole > 360 * 86_400) return null;
  // Clocks of nodes differ; never more is left than was given.
  return Math.min(Number(end) - Date.now() / 1000, whole);
}

function isTime(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text);
}

/** `[D-]HH:MM:SS`, `MM:SS`; null for `UNLIMITED`, `INVALID` and the like. */
export function parseTimeLeft(text: string): number | null {
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(text);
  if (match === null) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return (days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0);
}
