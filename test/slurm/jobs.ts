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

/** Shell: waits until so many elements of the array with this name have begun, so that all of them run at a time. */
export function untilBegun({ dir }: Cluster, name: string, elements: number): string {
  const begun = join(dir, `begun-${name}`);
  return `mkdir -p ${begun}; touch ${begun}/$SLURM_ARRAY_TASK_ID; until [ $(ls ${begun} | wc -l) -ge ${elements} ]; do sleep 0.1; done`;
}

/** States of the elements of an array, once all have ended: `--wait` does not wait until Slurm is done with them. */
export async function endsOf(cluster: Cluster, job: string): Promise<string[]> {
  let seen: string[] = [];
  await waitFor(
    () => `job ${job} has not ended: ${seen.join(', ')}`,
    async () => {
      const all = (await cluster.squeue()).filter(({ id }) => id.startsWith(`${job}_`));
      seen = all.map(({ id, state }) => `${id} ${state}`);
      return seen.length > 0 && !seen.some((one) => /PENDING|RUNNING|COMPLETING/.test(one));
    },
  );
  return seen;
}

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
