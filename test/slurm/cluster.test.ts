/** The harness itself: what the other tests of this folder take for granted. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requires } from '../support/requires.js';
import { type Cluster, startCluster } from '../support/slurm-cluster.js';

describe('a cluster', requires('slurm'), () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
  });
  afterAll(() => cluster?.stop());

  test('runs the elements of an array on its nodes', async () => {
    const out = join(cluster.dir, 'array.%a');
    const job = await cluster.run(
      'sbatch',
      ...['--parsable', '--wait', '--array=0-3', '--ntasks-per-node=1', '-o', out],
      ...['--wrap', 'echo $SLURM_ARRAY_TASK_ID $(hostname) $SLURMD_NODENAME'],
    );
    const ended = await cluster.squeue();
    expect(ended.map(({ id, state }) => `${id} ${state}`).sort()).toEqual(
      [0, 1, 2, 3].map((index) => `${job}_${index} COMPLETED`),
    );
    for (const index of [0, 1, 2, 3]) {
      const [element, host, node] = readFileSync(join(cluster.dir, `array.${index}`), 'utf8')
        .trim()
        .split(' ');
      expect([element, host]).toEqual([`${index}`, node]);
    }
  });
  test('is started in its own folder', () => {
    expect(existsSync(cluster.env.SLURM_CONF)).toBe(true);
  });
});
