/** Submits an array, once, although `sbatch` may hang, and may die after Slurm has taken the job. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, InfrastructureError, type DlJobsError } from '../../base/errors.js';
import { firstComplaint, slurm, slurmMissing, type Environment, type Ran } from './slurm-cli.js';

export interface SubmitRequest {
  /** Of `sbatch`; `--job-name` is {@link name}. */
  readonly args: readonly string[];
  readonly script: string;
  /** Its own among all jobs of the user: by it a job is found whose id nobody was told. */
  readonly name: string;
  /** What the job gets as its environment. */
  readonly env: Environment;
  /** Told why it takes longer, once for each new reason. */
  readonly onWait?: (why: string) => void;
  /** Aborting it gives up. */
  readonly signal?: AbortSignal | undefined;
  /** Time of one `sbatch`. @default a minute */
  readonly timeoutMs?: number;
  /** When nothing was achieved for so long it gives up. @default 15 minutes */
  readonly giveUpMs?: number;
  /** Time between tries, from the first on; the last one counts for all further ones. @default 10, 20, 40, 60 seconds */
  readonly delays?: readonly number[];
}

/**
 * `job`: the id of the array. `limit`: Slurm takes no array of that size from this user now. `aborted`: it was given up,
 * and perhaps Slurm has it: {@link findJobs} tells later.
 */
export type Submitted =
  | { readonly kind: 'job'; readonly job: string }
  | { readonly kind: 'limit'; readonly error: DlJobsError }
  | { readonly kind: 'aborted' };

const TIMEOUT_MS = 60_000;
const GIVE_UP_MS = 900_000;
/** A job that `sbatch` was killed over may still be on its way. */
const ON_ITS_WAY_MS = 1_000;
/** Who gave up wants to go. */
export const LAST_LOOK_MS = 5_000;
export const DELAYS_MS: readonly number[] = [10_000, 20_000, 40_000, 60_000];

/**
 * Submits it. What may have arrived is looked for by its name before it is sent again, and not sent again while Slurm
 * does not answer. Throws SLURM_REJECTED, SLURM_MISSING, and SLURM_UNREACHABLE after {@link SubmitRequest.giveUpMs}.
 */
export async function submitArray(request: SubmitRequest): Promise<Submitted> {
  const { args, script, name, env, signal, delays = DELAYS_MS } = request;
  const { timeoutMs = TIMEOUT_MS, giveUpMs = GIVE_UP_MS } = request;
  const started = performance.now();
  let told = '';
  let mayHaveIt = false;
  const isAborted = (): boolean => signal?.aborted === true;
  for (let tries = 0; !isAborted(); tries++) {
    let found: readonly string[] | null = [];
    if (mayHaveIt) {
      await pause(ON_ITS_WAY_MS, signal);
      found = await findJobs(name, env);
      if (found?.[0] !== undefined) return { kind: 'job', job: found[0] };
    }
    let why = 'Slurm does not answer';
    if (found !== null) {
      const ran = await slurm('sbatch', args, { env, input: script, timeoutMs, signal });
      if (ran.outcome === 'missing') throw slurmMissing('sbatch');
      const job = /^(\d+)(?:;.*)?$/m.exec(ran.stdout)?.[1];
      // It prints the id last, so an id is good whatever became of it afterwards.
      if (job !== undefined) return { kind: 'job', job };
      if (ran.outcome === 'refused') {
        const error = rejected(ran);
        if (LIMIT.test(ran.stderr)) return { kind: 'limit', error };
        throw error;
      }
      mayHaveIt = true;
      why = firstComplaint(ran);
    }
    if (isAborted()) break;
    if (performance.now() - started >= giveUpMs) throw unreachable(why, giveUpMs);
    const delay = delays[Math.min(tries, delays.length - 1)] ?? 0;
    if (why !== told) request.onWait?.(why);
    told = why;
    await pause(delay, signal);
  }
  if (!mayHaveIt) return { kind: 'aborted' };
  await sleep(ON_ITS_WAY_MS);
  const found = await findJobs(name, env, LAST_LOOK_MS);
  return found?.[0] === undefined ? { kind: 'aborted' } : { kind: 'job', job: found[0] };
}

/**
 * Ids of the arrays of that name, those that have ended included while Slurm knows them; null: nobody answers.
 */
export async function findJobs(
  name: string,
  env: Environment,
  timeoutMs?: number,
): Promise<readonly string[] | null> {
  const ran = await slurm('squeue', ['-h', '-t', 'all', `--name=${name}`, '-o', '%F'], {
    env,
    timeoutMs,
  });
  if (ran.outcome === 'missing') throw slurmMissing('squeue');
  if (ran.outcome !== 'ok') return null;
  return [...new Set(ran.stdout.split('\n').filter((line) => /^\d+$/.test(line)))].sort(
    (a, b) => Number(a) - Number(b),
  );
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

/** How many jobs a user may have in the queue; a smaller array may fit. */
const LIMIT =
  /violates accounting\/QOS policy|MaxSubmit|submit limit|QOSMaxSubmit|AssocMaxSubmit|AssocGrpSubmit|QOSGrpSubmit/i;

/** What to do about what `sbatch` says; the first that fits. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    LIMIT,
    'You have as many jobs in the queue as you may: wait for some to end, or ask for fewer `max_workers`.',
  ],
  [
    /account/i,
    'Set `account`, and a `partition` that it may use: `sacctmgr show assoc user=$USER` lists yours.',
  ],
  [/qos/i, 'Set `qos` to one of those that `sacctmgr show qos` lists and your account may use.'],
  [/partition/i, 'Set `partition` to one of those that `sinfo -s` lists.'],
  [
    /generic resource|gres/i,
    "Set `gpus`, with a type if there are several: `sinfo -o '%P %G'` lists what nodes have.",
  ],
  [/time limit/i, 'Set a shorter `time`, or another `partition`: `sinfo -s` shows how long each allows.'],
  [/feature|constraint/i, "Set `constraint` to features that nodes have: `sinfo -o '%P %f'` lists them."],
  [/node name|hostname/i, 'Set `nodelist` and `exclude` to nodes that there are: `sinfo -N` lists them.'],
  [/array/i, 'The site allows only smaller arrays: ask for fewer `max_workers`.'],
  [
    /node configuration|processors|memory|node count|more nodes/i,
    "No node of the partition has so much: ask for fewer `cpus`, `gpus`, `memory` or `hosts_per_worker`; `sinfo -o '%P %c %m %G'` lists what nodes have.",
  ],
];

/** The error for a job that Slurm does not take. */
export function rejected(ran: Ran): DlJobsError {
  const hint = HINTS.find(([pattern]) => pattern.test(ran.stderr))?.[1];
  return new ConfigError('SLURM_REJECTED', `sbatch does not take the job: ${complaint(ran)}`, {
    hint: hint ?? 'Ask for something else, or ask those who run the cluster what the message means.',
  });
}

/** All that it complains of: the reason often stands in the second line. */
function complaint({ stderr, stdout, code }: Ran): string {
  const lines = (stderr || stdout)
    .split('\n')
    .map((line) => line.replace(/^sbatch: (?:error: )?/, '').trim())
    .filter((line) => line !== '');
  return lines.length === 0
    ? `it ends with exit code ${code} and says nothing`
    : [...new Set(lines)].join('; ');
}

function unreachable(why: string, ms: number): InfrastructureError {
  return new InfrastructureError(
    'SLURM_UNREACHABLE',
    `Slurm did not take the job within ${Math.round(ms / 60_000)} minutes: ${why}`,
    { hint: 'What was done so far is safe. When `sinfo` works again: `dl_jobs resume`.' },
  );
}
