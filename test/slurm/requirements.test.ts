/** Packages that were installed by the command that submits are there on the nodes. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeProject, readNdjson } from '../support/project.js';
import { OFFLINE, put, tarball, wheel, wheelName } from '../support/packages.js';
import { requires } from '../support/requires.js';
import { type Cluster, startCluster } from '../support/slurm-cluster.js';

const JOBS = `
import { DLJob } from 'dl-jobs';
const common = { moduleName: 'tasks.py', methodName: 'look', argsList: 4, platformJob: true, resultsTimestamp: false };
export const task = () => [
  new DLJob({ ...common, saveResults: 'py', requirements: ['tiny'] }),
  new DLJob({ ...common, moduleName: 'tasks.js', saveResults: 'js', requirements: ['./vendor/tiny.tgz'] }),
];
`;

describe('requirements on a cluster', requires('slurm', 'python3', 'venv'), () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
  });
  afterAll(() => cluster?.stop());

  test('are found by the workers on its nodes', { timeout: 180_000 }, async () => {
    const project = makeProject({
      'dl_jobs.config.yaml': 'noisy: false\nplatform: slurm\nmax_workers: 2\n',
      'run/job.ts': JOBS,
      'tasks/py.py':
        'import os, tiny\ndef look(i):\n    return dict(i=i, value=tiny.VALUE, there="SLURM_JOB_ID" in os.environ)\n',
      'tasks/js.ts': `import { value } from 'tiny';\nexport const look = (i: number) => ({ i, value, there: 'SLURM_JOB_ID' in process.env });\n`,
    });
    put(
      project.path('wheels', wheelName('tiny', '1')),
      wheel('tiny', '1', { 'tiny.py': 'VALUE = "tiny 1"\n' }),
    );
    put(project.path('vendor/tiny.tgz'), tarball('tiny', '1.0.0', 'tiny 1'));
    const { code, stderr } = await project.run(['run', 'job', '--dev', 'false'], {
      env: {
        ...cluster.env,
        ...OFFLINE,
        PIP_FIND_LINKS: project.path('wheels'),
        npm_config_offline: 'true',
        npm_config_cache: project.path('npm cache'),
      },
    });
    expect(code, stderr).toBe(0);
    for (const name of ['py', 'js']) {
      const lines = readNdjson<{ i: number }>(project.path(`results/${name}.ndjson`));
      expect(lines.sort((a, b) => a.i - b.i)).toEqual(
        [0, 1, 2, 3].map((i) => ({ i, value: 'tiny 1', there: true })),
      );
    }
    expect(readdirSync(project.path('dl_jobs/cache/envs'))).toHaveLength(2);
  });
});
