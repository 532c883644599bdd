/** Runs the commands of Slurm, each with a limit of time. That Slurm does not answer is an answer, and no error. */
import { spawn } from 'node:child_process';
import { InfrastructureError } from '../../base/errors.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How a command ended. `refused`: Slurm said no. `unreachable`: nobody knows, for the controller did not answer in time.
 * `missing`: there is no such command.
 */
export type Outcome = 'ok' | 'refused' | 'unreachable' | 'missing';

export interface Ran {
  readonly outcome: Outcome;
  /** Exit code; 124 when it was ended after its time, 127 when it is missing. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SlurmOptions {
  /** Environment, which decides on the cluster. @default that of this process */
  readonly env?: Environment | undefined;
  /** @default 30 seconds */
  readonly timeoutMs?: number | undefined;
  /** Its standard input. */
  readonly input?: string | undefined;
  /** Aborting it ends the command. */
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 30_000;

/** What commands write that could not talk to the controller, or were told to come back later. */
const UNREACHABLE =
  /unable to contact slurm controller|timed out|connection refused|connect(?:ion)? failure|zero bytes were transmitted|communication \w+ failure|in standby mode|temporarily unable|temporarily unavailable|transport endpoint|configuration source|munge|protocol authentication|authentication credential|unexpected message received/i;

/** Variables that say where Slurm is; the others say what a command shows, or tell of a job that we may be in. */
const KEPT = /^SLURM_(?:CONF|CONF_SERVER|CLUSTERS|JWT|DEBUG)$/;
const DROPPED = /^(?:SLURM_|SLURMD_|SQUEUE_|SCANCEL_|SACCT_|SCONTROL_|SINFO_)/;

/** `env` as the commands of Slurm need it. They then print times as seconds since 1970. */
export function queryEnvironment(env: Environment): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !DROPPED.test(name) || KEPT.test(name));
  const clusters = env['SLURM_CLUSTERS'] ?? env['SBATCH_CLUSTERS'];
  return {
    ...Object.fromEntries(kept),
    ...(clusters !== undefined && { SLURM_CLUSTERS: clusters }),
    SLURM_TIME_FORMAT: '%s',
  };
}

/** What `sbatch` would do besides submitting, or write elsewhere. The other variables it reads are the user's to set. */
const OF_SBATCH = /^SBATCH_(?:WAIT|ERROR|INPUT|EXPORT|ARRAY_INX|GET_USER_ENV)$/;
/** What the job that we are in was given, and a job on another machine was not. */
const OF_THIS_JOB = /^(?:CUDA_VISIBLE_DEVICES|ROCR_VISIBLE_DEVICES|GPU_DEVICE_ORDINAL|ZE_AFFINITY_MASK)$/;

/** `env` as `sbatch` needs it, which hands it on to the job. */
export function submitEnvironment(env: Environment): NodeJS.ProcessEnv {
  const { SLURM_TIME_FORMAT: _, ...kept } = queryEnvironment(env);
  const isInJob = env['SLURM_JOB_ID'] !== undefined;
  return Object.fromEntries(
    Object.entries(kept).filter(([name]) => !OF_SBATCH.test(name) && !(isInJob && OF_THIS_JOB.test(name))),
  );
}

/** Runs `squeue`, `scontrol` and the like. Never rejects. */
export async function slurm(
  command: string,
  args: readonly string[],
  options: SlurmOptions = {},
): Promise<Ran> {
  const { env = process.env, input, signal, timeoutMs = TIMEOUT_MS } = options;
  const child = spawn(command, [...args], {
    env: command === 'sbatch' ? submitEnvironment(env) : queryEnvironment(env),
    stdio: 'pipe',
  });
  return await new Promise((resolve) => {
    let stdout = '';
    let stderr = '';
    let isOver = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // A command that ends before it has read its input.
    child.stdin.on('error', () => undefined).end(input ?? '');
    const end = (): void => {
      isOver = true;
      // It holds nothing that it would have to put in order.
      child.kill('SIGKILL');
    };
    const timer = setTimeout(end, timeoutMs);
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted === true) end();
    const finish = (outcome: Outcome, code: number): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve({ outcome, code, stdout, stderr: stderr.trim() });
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      stderr ||= error.message;
      finish(error.code === 'ENOENT' || error.code === 'EACCES' ? 'missing' : 'unreachable', 127);
    });
    child.on('close', (code) => {
      if (code === 0 && !isOver) finish('ok', 0);
      else if (isOver || code === null) {
        stderr ||= `${command} gave no answer for ${timeoutMs / 1_000} seconds`;
        finish('unreachable', 124);
      } else finish(UNREACHABLE.test(stderr) ? 'unreachable' : 'refused', code);
    });
  });
}

/** The error for a machine without the commands of Slurm. */
export function slurmMissing(command: string): InfrastructureError {
  return new InfrastructureError(
    'SLURM_MISSING',
    `expected the command \`${command}\` of Slurm on PATH, found none`,
    { hint: 'Run this on a login node of the cluster, or load its Slurm module; `--dev true` runs here.' },
  );
}

/** The first line of what a command wrote to stderr, without its own name. */
export function firstComplaint({ stderr, stdout }: Ran): string {
  const lines = (stderr || stdout).split('\n').map((line) => line.replace(/^\w+: (?:error: )?/, '').trim());
  return lines.find((line) => line !== '') ?? 'it said nothing';
}
