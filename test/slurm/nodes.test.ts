/** The harness itself: nodes that are lost and come back. */
import { expect, test } from 'vitest';
import { isRunning } from '../e2e/processes.js';
import { requires } from '../support/requires.js';
import { LOSES_NODES, startCluster } from '../support/slurm-cluster.js';
import { appears, becomes, has, outputs, submit, untilBegun } from './jobs.js';

test('nodes are lost, and come back', { timeout: 300_000, ...requires('slurm') }, async () => {
  const cluster = await startCluster({ set: LOSES_NODES });
  try {
    const [n1, n2, n3] = [cluster.node('n1'), cluster.node('n2'), cluster.node('n3')];
    const lost = await submit(cluster, 'lost', 'sleep 200', '-w', 'n1', '--no-requeue');
    const orphan = await submit(cluster, 'orphan', 'sleep 300', '-w', 'n2', '--no-requeue');
    const hit = await submit(cluster, 'hit', 'sleep 400', '-w', 'n3');
    await appears(n1, 'sleep 200');
    await appears(n2, 'sleep 300');
    await appears(n3, 'sleep 400');

    // Power loss, a crashed slurmd whose job runs on, and only the processes of a job killed.
    const doomed = [...n1.pids(), ...n3.pids()];
    await n1.kill();
    await n3.killJobs();
    expect(doomed.filter(isRunning)).toEqual([]);
    await n2.killSlurmd();
    await becomes(cluster, lost, 'NODE_FAIL');
    await becomes(cluster, orphan, 'NODE_FAIL');
    expect(has(n2, 'sleep 300')).toBe(true);

    await Promise.all([n1.start(), n2.start()]);
    await cluster.ready();
    // One that ended sooner would make room for the next on the same node.
    const script = `${untilBegun(cluster, 'back', 3)}; hostname; cat /proc/sys/kernel/random/boot_id`;
    await cluster.run('scancel', hit);
    await submit(cluster, 'back', script, '--array=1-3', '--nodes=1', '--exclusive', '--wait');
    const lines = outputs(cluster, 'back').map((text) => text.split('\n'));
    expect(lines.map(([host]) => host)).toEqual(['n1', 'n2', 'n3']);
    expect(new Set(lines.map(([, bootId]) => bootId)).size).toBe(3);
  } finally {
    await cluster.stop();
  }
});
