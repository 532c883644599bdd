/** What Slurm has of the user's jobs: one question for all of them, shared by all processes of a project. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { QueueAnswer } from './client.js';
import { SharedAnswer } from './shared-answer.js';
import { slurm, slurmMissing, type Environment } from './slurm-cli.js';
import { parseQueue, QUEUE_FORMAT, type QueueEntry } from './squeue.js';
import { DELAYS_MS } from './submit.js';

/** The jobs of this package that the user has in the queue, of all runs. */
export interface QueueView extends QueueAnswer {
  readonly rows: readonly QueueEntry[];
}

export interface SlurmQueueOptions {
  /** Where the answer is kept for other processes; null: nowhere. */
  readonly folder: string | null;
  readonly env: Environment;
  /** Time from one question to the next, of all processes together. @default 10 seconds */
  readonly everyMs?: number | undefined;
  /** And after so many in a row that Slurm did not answer. @default 10, 20, 40, 60 seconds */
  readonly delays?: readonly number[] | undefined;
  /** Time that Slurm has to answer. @default 20 seconds */
  readonly timeoutMs?: number | undefined;
}

const EVERY_MS = 10_000;
const TIMEOUT_MS = 20_000;

export class SlurmQueue {
  readonly #shared: SharedAnswer<readonly QueueEntry[]>;

  constructor(options: SlurmQueueOptions) {
    const { folder, env, everyMs = EVERY_MS, delays = DELAYS_MS, timeoutMs = TIMEOUT_MS } = options;
    this.#shared = new SharedAnswer({
      path: folder === null ? null : join(folder, `slurm-queue-${keyOf(env)}.json`),
      ask: async (signal) => await askQueue(env, timeoutMs, signal),
      everyMs,
      delays,
      patienceMs: timeoutMs + everyMs,
    });
  }

  /** What is known now. Slurm is asked when that is older than it may be. Throws SLURM_MISSING. */
  async look(signal?: AbortSignal): Promise<QueueView> {
    const { answer, ageMs, failures } = await this.#shared.get(signal);
    return {
      rows: answer ?? [],
      askedAt: performance.now() - ageMs,
      silentMs: failures === 0 ? 0 : Math.min(ageMs, Number.MAX_SAFE_INTEGER),
    };
  }
}

/** One user, one cluster: what others have in their queues is another answer. */
function keyOf(env: Environment): string {
  const { SLURM_CONF: conf = '', SLURM_CLUSTERS: clusters = env['SBATCH_CLUSTERS'] ?? '' } = env;
  return createHash('sha256')
    .update(JSON.stringify([process.getuid?.() ?? 0, conf, clusters]))
    .digest('hex')
    .slice(0, 12);
}

/** All states: how an element ended is seen for some minutes. */
async function askQueue(
  env: Environment,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<readonly QueueEntry[] | null> {
  const args = ['-h', '-r', '-t', 'all', `--user=${process.getuid?.() ?? 0}`, '-O', QUEUE_FORMAT];
  const ran = await slurm('squeue', args, { env, timeoutMs, signal });
  if (ran.outcome === 'missing') throw slurmMissing('squeue');
  return ran.outcome === 'ok' ? parseQueue(ran.stdout) : null;
}
