/** Ends jobs, and sees to it that they have ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import { slurm, slurmMissing, type Environment } from './slurm-cli.js';
import { isEnded } from './squeue.js';

export interface CancelOptions {
  readonly env: Environment;
  /** `pending`: only what has not begun. @default `all` */
  readonly which?: 'pending' | 'all' | undefined;
  /** How long it may take. @default 30 seconds */
  readonly timeoutMs?: number | undefined;
  /**
   * What Slurm is ending does not count after some seconds: of a node that does not answer it can take hours.
   * @default false
   */
  readonly mayBeEnding?: boolean | undefined;
}

/** A job that is still there, or may be. */
export interface LeftJob {
  /** `J` or `J_T`. */
  readonly id: string;
  /** What Slurm says of it; `UNKNOWN` when it does not answer. */
  readonly state: string;
}

const TIMEOUT_MS = 30_000;
const FIRST_LOOK_MS = 250;
const MOST_LOOK_MS = 2_000;
/** So long a job that ends in order is being ended, at most. */
const ENDING_MS = 10_000;
/** A job may be started anew between two looks, and is told again then. */
const AGAIN_MS = 8_000;
/** On one command line. */
const IDS_AT_ONCE = 500;

/**
 * Ends jobs: arrays `J`, or elements `J_T`. Resolves once Slurm says that they have ended, or with what is left when the
 * time is up. Jobs that Slurm does not know any more have ended. Throws SLURM_MISSING.
 */
export async function cancelJobs(
  jobs: readonly string[],
  { env, which = 'all', timeoutMs = TIMEOUT_MS, mayBeEnding = false }: CancelOptions,
): Promise<{ readonly left: readonly LeftJob[] }> {
  const started = performance.now();
  const remaining = (): number => timeoutMs - (performance.now() - started);
  let left: readonly LeftJob[] = jobs.map((id) => ({ id, state: 'UNKNOWN' }));
  let toldAt = -Infinity;
  for (let wait = FIRST_LOOK_MS; left.length > 0; wait = Math.min(MOST_LOOK_MS, wait * 2)) {
    const ids = [...new Set(left.map(({ id }) => id))];
    if (performance.now() - toldAt >= AGAIN_MS) {
      if (await tell(ids, which, env, remaining())) toldAt = performance.now();
    }
    left = (await stateOf(jobs, which, env, remaining())) ?? left;
    if (mayBeEnding && performance.now() - started >= ENDING_MS)
      left = left.filter(({ state }) => state !== 'COMPLETING');
    if (left.length === 0 || remaining() <= wait) break;
    await sleep(wait);
  }
  return { left };
}

/** True: Slurm was told, of all of them. */
async function tell(
  ids: readonly string[],
  which: 'pending' | 'all',
  env: Environment,
  timeoutMs: number,
): Promise<boolean> {
  let isTold = true;
  for (const some of portions(ids)) {
    const state = which === 'pending' ? ['--state=PENDING'] : [];
    const ran = await slurm('scancel', [...state, ...some], { env, timeoutMs: Math.max(1_000, timeoutMs) });
    if (ran.outcome === 'missing') throw slurmMissing('scancel');
    // That it refuses one that has ended meanwhile is as good.
    if (ran.outcome === 'unreachable') isTold = false;
  }
  return isTold;
}

/** Those that have not ended; null: Slurm does not answer. */
async function stateOf(
  ids: readonly string[],
  which: 'pending' | 'all',
  env: Environment,
  timeoutMs: number,
): Promise<LeftJob[] | null> {
  const left: LeftJob[] = [];
  for (const some of portions(ids)) {
    const ran = await slurm('squeue', ['-h', '-r', '-t', 'all', '-j', some.join(','), '-o', '%i|%T'], {
      env,
      timeoutMs: Math.max(1_000, timeoutMs),
    });
    if (ran.outcome === 'missing') throw slurmMissing('squeue');
    // It refuses when it knows none of them any more.
    const isGone = ran.outcome === 'refused' && /invalid job id/i.test(ran.stderr);
    if (ran.outcome !== 'ok' && !isGone) return null;
    for (const line of ran.stdout.split('\n')) {
      const [id = '', state = ''] = line.split('|');
      if (!/^\d+(?:_\d+)?$/.test(id) || isEnded(state)) continue;
      if (which === 'all' || state === 'PENDING') left.push({ id, state });
    }
  }
  return left;
}

function portions(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / IDS_AT_ONCE) }, (_, at) =>
    ids.slice(at * IDS_AT_ONCE, (at + 1) * IDS_AT_ONCE),
  );
}
