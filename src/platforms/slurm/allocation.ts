/** What Slurm has given the worker that asks, from its environment. */
import type { Allocation } from '../../contract/platform.js';
import { slurm } from './slurm-cli.js';

type Environment = Readonly<Record<string, string | undefined>>;

export async function slurmAllocation(environment: Environment): Promise<Allocation> {
  const { SLURM_JOB_ID: id, SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: index } = environment;
  const begin = performance.now();
  const seconds = await secondsGiven(environment);
  return {
    job: array === undefined || index === undefined ? (id ?? null) : `${array}_${index}`,
    restarts: Number(environment['SLURM_RESTART_COUNT'] ?? 0),
    // By a clock that nobody sets.
    secondsLeft: () => (seconds === null ? null : seconds - (performance.now() - begin) / 1000),
    again: async () => {
      if (id === undefined) return false;
      const { code } = await slurm('scontrol', ['requeue', id], { env: environment });
      return code === 0;
    },
  };
}

/** How long the job may go on from now on; null: without end. Each way to know it is there in some releases only. */
async function secondsGiven(environment: Environment): Promise<number | null> {
  const { SLURM_JOB_END_TIME: end, SLURM_JOB_START_TIME: start, SLURM_JOB_ID: id } = environment;
  if (end !== undefined && start !== undefined && /^\d+$/.test(end) && /^\d+$/.test(start)) {
    const whole = Number(end) - Number(start);
    const left = Number(end) - Date.now() / 1000;
    // Clocks of nodes differ; never more is left than was given.
    return whole > 360 * 86_400 ? null : Math.min(left, whole);
  }
  if (id === undefined) return null;
  const { code, stdout } = await slurm('squeue', ['-h', '-j', id, '-o', '%L'], { env: environment });
  return code === 0 ? parseTimeLeft(stdout.trim().split('\n')[0] ?? '') : null;
}

/** `[D-]HH:MM:SS`, `MM:SS`; null for `UNLIMITED`, `INVALID` and the like. */
export function parseTimeLeft(text: string): number | null {
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(text);
  if (match === null) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return (days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0);
}
