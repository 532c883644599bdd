/** The platform contract on a cluster. */
import { describe } from 'vitest';
import { platformSuite } from '../contract/platform/suite.js';
import { requires } from '../support/requires.js';
import { startCluster } from '../support/slurm-cluster.js';

/** Jobs in these states do nothing any more. */
const ENDED = /^(COMPLETED|CANCELLED|FAILED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|BOOT_FAIL|DEADLINE)$/;

describe('slurm', requires('slurm'), () => {
  platformSuite('slurm', async () => {
    const cluster = await startCluster({
      nodes: 2,
      cpus: 8,
      memory: 16_000,
      set: { DefMemPerCPU: '500' },
    });
    return {
      env: cluster.env,
      config: ['platform: slurm', 'max_workers: 3'],
      outlivesController: true,
      async traces(run) {
        const names = await cluster.run('squeue', '--noheader', '-t', 'all', '-o', '%F %j');
        const jobs = names
          .split('\n')
          .filter((line) => line.includes(run))
          .map((line) => line.split(' ')[0] as string);
        if (jobs.length === 0) throw new Error(`Slurm has no job that is called after ${run}:\n${names}`);
        const asked = [...new Set(jobs)].flatMap((job) => [
          cluster.scontrol('write', 'batch_script', job, '-'),
          cluster.scontrol('show', 'job', '-d', job),
        ]);
        return (await Promise.all(asked)).join('\n');
      },
      left: async () =>
        (await cluster.squeue())
          .filter(({ state }) => !ENDED.test(state))
          .map(({ id, state }) => `${id} ${state}`),
      stop: () => cluster.stop(),
    };
  });
});
