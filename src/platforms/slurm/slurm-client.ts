/** What a round asks of Slurm, from the commands that are there. */
import { join } from 'node:path';
import type { RoundContext } from '../../contract/platform.js';
import { runPaths } from '../../store/run-folder.js';
import { makeTool } from '../../store/tool.js';
import { cancelJobs } from './cancel.js';
import type { QueueAnswer, SlurmClient, SubmittedArray } from './client.js';
import { SlurmQueue } from './queue.js';
import { arrayArguments, workerScript } from './request.js';
import { askSite, STOCK_SITE } from './site.js';
import { endsOf } from './ends.js';
import type { Environment } from './slurm-cli.js';
import { findJobs, submitArray } from './submit.js';

export function slurmClient(context: RoundContext): SlurmClient {
  const { dir, spec, round } = context;
  // The job's own variables travel with the environment of sbatch.
  const env: Environment = { ...process.env, ...context.env };
  const queue = queueOf(dir, env);
  let most: number | null = null;
  return {
    async mostElements() {
      most ??= (await askSite(env))?.mostElements ?? null;
      return most ?? STOCK_SITE.mostElements;
    },

    async submit(name, elements, signal): Promise<SubmittedArray | null> {
      makeTool(runPaths(dir));
      const projectRoot = context.configRoot ?? context.projectRoot;
      const script = workerScript(spec, { dir, round, projectRoot });
      // Half as many may be as many as the user is allowed.
      for (let asked = elements; ; asked = Math.ceil(asked / 2)) {
        const submitted = await submitArray({
          args: arrayArguments(spec, { name, dir, elements: asked }),
          script,
          name,
          env,
          signal,
          onWait: (why) => context.warn(`waiting for Slurm to take the job: ${why}`),
        });
        if (submitted.kind === 'aborted') return null;
        if (submitted.kind === 'job') return { job: submitted.job, elements: asked };
        if (asked === 1) throw submitted.error;
      }
    },

    find: async (name, timeoutMs) => await findJobs(name, env, timeoutMs),
    ends: async (ids) => await endsOf(ids, env),
    queue: async (signal) => await queue.look(signal),
    cancel: async (jobs, which) => {
      const { left } = await cancelJobs(jobs, { env, which });
      return { left: left.map(({ id, state }) => `${id} (${state})`) };
    },
  };
}

/** The queue as a process sees it that controls no run. */
export async function lookAtQueue(dir: string): Promise<QueueAnswer> {
  return await queueOf(dir, process.env).look();
}

/** Shared by all runs of a `dls_root`. */
function queueOf(dir: string, env: Environment): SlurmQueue {
  return new SlurmQueue({ folder: join(dir, '../../cache'), env });
}
