/** A process with a cluster in which a job runs, which it does not stop. Prints what it has, and waits to be killed. */
import { startCluster } from '../support/slurm-cluster.js';
import { appears } from './jobs.js';

const cluster = await startCluster({ nodes: 1 });
const node = cluster.node('n1');
// A job that ignores what may be ignored, and has left its session.
await cluster.run('sbatch', '-o', '/dev/null', '--wrap', "trap '' TERM HUP; setsid sleep 1234");
await appears(node, 'sleep 1234');
console.log(JSON.stringify({ dir: cluster.dir, pids: node.pids() }));
setInterval(() => undefined, 1000);
