/** What the tests of this folder do with jobs, without the product. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, type ClusterNode, waitFor } from '../support/slurm-cluster.js';

/** Submits a shell script and gives its job id; its output goes to `<name>.<element>` in the cluster's folder. */
export const submit = (
  cluster: Cluster,
  name: string,
  script: string,
  ...options: readonly string[]
): Promise<string> =>
  cluster.run('sbatch', '--parsable', '-o', join(cluster.dir, `${name}.%a`), ...options, '--wrap', script);

/** What the job, or each element of the array, wrote so far. */
export const outputs = (cluster: Cluster, name: string): string[] =>
  readdirSync(cluster.dir)
    .filter((file) => file.startsWith(`${name}.`))
    .map((file) => readFileSync(join(cluster.dir, file), 'utf8').trim())
    .sort();

export async function stateOf(cluster: Cluster, id: string): Promise<string> {
  return (await cluster.squeue()).find((entry) => entry.id === id)?.state ?? 'unknown';
}

/** Resolves when the job is in this state. */
export function becomes(cluster: Cluster, id: string, wanted: string): Promise<void> {
  let seen = '';
  return waitFor(
    () => `job ${id} is ${seen} and not ${wanted}`,
    async () => (seen = await stateOf(cluster, id)) === wanted,
  );
}

/** Whether a process with just this command line runs on the node. */
export const has = (node: ClusterNode, command: string): boolean =>
  node.processes().some((process) => process.command === command);

/** Resolves when it runs there: a job is said to be running before anything of it does. */
export const appears = (node: ClusterNode, command: string): Promise<void> =>
  waitFor(
    () => `${command} does not run on ${node.name}`,
    async () => has(node, command),
  );
