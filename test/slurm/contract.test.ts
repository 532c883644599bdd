/** The platform contract on a cluster. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';
import { platformSuite } from '../contract/platform/suite.js';
import { requires } from '../support/requires.js';
import { startCluster, type Cluster } from '../support/slurm-cluster.js';

/** Jobs in these states do nothing any more. */
const ENDED = /^(COMPLETED|CANCELLED|FAILED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|BOOT_FAIL|DEADLINE)$/;

describe('slurm', { timeout: 600_000, ...requires('slurm') }, () => {
  platformSuite('slurm', async () => {
    const cluster = await startCluster({
      nodes: 2,
      cpus: 8,
      memory: 16_000,
      set: { DefMemPerCPU: '500' },
    });
    const { path, calls } = recordCalls(cluster);
    return {
      env: { ...cluster.env, PATH: path },
      config: ['platform: slurm', 'max_workers: 3'],
      outlivesController: true,
      traces: async (run) => `${await jobsOf(cluster, run)}\n${calls()}`,
      left: () => unended(cluster),
      atWork: async (runs) => (await unended(cluster)).filter((job) => runs.some((run) => job.includes(run))),
      stop: () => cluster.stop(),
    };
  });
});

/** Jobs that wait or run: number, state and name, which holds the id of the run. */
async function unended(cluster: Cluster): Promise<string[]> {
  const all = await cluster.run('squeue', '--noheader', '-r', '-t', 'all', '-o', '%i %T %j');
  return all.split('\n').filter((line) => line !== '' && !ENDED.test(line.split(' ')[1] ?? ''));
}

/** What Slurm knows of the jobs of a run: their scripts, and all that it shows. */
async function jobsOf(cluster: Cluster, run: string): Promise<string> {
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
}

/** The words of each command of Slurm that is run with this PATH; they live too briefly to be seen. */
function recordCalls(cluster: Cluster): { readonly path: string; calls: () => string } {
  const folder = join(cluster.dir, 'recorded');
  const log = join(folder, 'calls');
  const before = process.env['PATH'] ?? '';
  mkdirSync(folder);
  for (const command of ['sbatch', 'squeue', 'scancel', 'scontrol', 'sacct', 'srun']) {
    const real = before.split(delimiter).find((one) => existsSync(join(one, command)));
    if (real === undefined) continue;
    const file = join(folder, command);
    writeFileSync(
      file,
      `#!/bin/sh\nprintf '%s\\n' "$0 $*" >> '${log}'\nexec '${join(real, command)}' "$@"\n`,
    );
    chmodSync(file, 0o755);
  }
  return {
    path: `${folder}${delimiter}${before}`,
    calls: () => {
      const text = readFileSync(log, 'utf8');
      if (!text.includes('sbatch ')) throw new Error(`nobody called sbatch:\n${text}`);
      return text;
    },
  };
}
