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
      async traces() {
        const ids = new Set((await cluster.squeue()).map(({ id }) => id.split('_')[0] as string));
        const parts = await Promise.all(
          [...ids].flatMap((id) => [
            cluster.scontrol('write', 'batch_script', id, '-'),
            cluster.scontrol('show', 'job', id),
          ]),
        );
        return parts.join('\n');
      },
      left: async () =>
        (await cluster.squeue())
          .filter(({ state }) => !ENDED.test(state))
          .map(({ id, state }) => `${id} ${state}`),
      stop: () => cluster.stop(),
    };
  });
});
