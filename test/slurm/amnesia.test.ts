/** A controller of Slurm that has lost its state gives ids of jobs anew. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';
import { requires } from '../support/requires.js';
import { startCluster, waitFor } from '../support/slurm-cluster.js';

const JOB = `
import { DLJob } from 'dl-jobs';
export const naps = () => new DLJob({
  moduleName: 'tasks.nap', methodName: 'nap', argsList: 60, platformJob: true, noisy: false, resultsTimestamp: false, saveResults: 'out',
});
`;
// The first workers must not be done before others take their place, however long that takes.
const TASK = `
import { existsSync } from 'node:fs';
export async function nap(i: number) {
  do await new Promise((resolve) => setTimeout(resolve, 100)); while (!existsSync('go'));
  return i;
}
`;

test(
  'workers of a job that has the id of one before it are not taken for those',
  { ...requires('slurm'), timeout: 300_000 },
  async () => {
    const cluster = await startCluster({ nodes: 2 });
    try {
      const project = makeProject({
        'run/job.ts': JOB,
        'tasks/nap.ts': TASK,
        'dl_jobs.config.yaml': 'platform: slurm\nis_dev: false\nmax_workers: 2\n',
      });
      const working = async (): Promise<boolean> =>
        (await cluster.squeue()).filter(({ state }) => state === 'RUNNING').length === 2;
      const running = project.run(['run', 'job.naps'], { env: cluster.env });
      await waitFor(() => 'no worker starts', working);
      await cluster.controller.kill();
      rmSync(join(cluster.dir, 'state'), { recursive: true });
      await cluster.controller.start();
      await cluster.ready();
      await waitFor(() => 'no worker starts anew', working);
      writeFileSync(project.path('go'), '');
      const { code, stderr } = await running;
      expect(code, stderr).toBe(0);
      expect(stderr.match(/\b2 (more )?workers in Slurm job \d+/g), stderr).toEqual([
        '2 workers in Slurm job 1',
        '2 more workers in Slurm job 1',
      ]);
      const results = readNdjson<number>(project.path('results/out.ndjson'));
      expect(results.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i));
      const workers = readdirSync(join(one(project.path('dl_jobs/runs/*')), 'rounds/1/workers'));
      expect(workers.filter((name) => name.endsWith('.gone'))).toHaveLength(2);
    } finally {
      await cluster.stop();
    }
  },
);
