/** Packages that were installed by the command that submits are there on the nodes. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeProject, readNdjson, type Project } from '../support/project.js';
import { OFFLINE, put, tarball, wheel, wheelName } from '../support/packages.js';
import { requires } from '../support/requires.js';
import { type Cluster, startCluster, waitFor } from '../support/slurm-cluster.js';

const JOBS = `
import { DLJob } from 'dl-jobs';
const common = { moduleName: 'tasks.py', methodName: 'look', argsList: 4, platformJob: true, resultsTimestamp: false };
export const py = () => new DLJob({ ...common, saveResults: 'py', requirements: ['tiny'] });
export const js = () =>
  new DLJob({ ...common, moduleName: 'tasks.js', saveResults: 'js', requirements: ['./vendor/tiny.tgz'] });
export const task = () => [py(), js()];
`;

describe('requirements on a cluster', { timeout: 600_000, ...requires('slurm', 'python3', 'venv') }, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
  }, 300_000);
  afterAll(() => cluster?.stop());

  function makeLooks(): { readonly project: Project; readonly env: Record<string, string | undefined> } {
    const project = makeProject({
      'dl_jobs.config.yaml': 'noisy: false\nplatform: slurm\nis_dev: false\nmax_workers: 2\n',
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
    const env = {
      ...cluster.env,
      ...OFFLINE,
      PIP_FIND_LINKS: project.path('wheels'),
      npm_config_offline: 'true',
      npm_config_cache: project.path('npm cache'),
    };
    return { project, env };
  }
  function expectLooks(project: Project, name: string): void {
    const lines = readNdjson<{ i: number }>(project.path(`results/${name}.ndjson`));
    expect(lines.sort((a, b) => a.i - b.i)).toEqual(
      [0, 1, 2, 3].map((i) => ({ i, value: 'tiny 1', there: true })),
    );
  }

  test('are found by the workers on its nodes', async () => {
    const { project, env } = makeLooks();
    const { code, stderr } = await project.run(['run', 'job'], { env });
    expect(code, stderr).toBe(0);
    for (const name of ['py', 'js']) expectLooks(project, name);
    expect(readdirSync(project.path('dl_jobs/cache/envs'))).toHaveLength(2);
  });

  test.each([
    ['py', 'attach'],
    ['js', 'attach'],
    ['py', 'resume'],
  ])('that were deleted are installed again by whoever takes over: %s, %s', async (name, command) => {
    const { project, env } = makeLooks();
    const started = await project.run(['run', `job.${name}`, '--slurm', 'hold=true', '--detach'], { env });
    expect(started.code, started.stderr).toBe(0);
    const lock = project.path('dl_jobs/runs', started.stdout.trim(), 'lock');
    process.kill((JSON.parse(readFileSync(lock, 'utf8')) as { pid: number }).pid, 'SIGKILL');
    // The controller may still be on its way out.
    rmSync(project.path('dl_jobs/cache'), { recursive: true, maxRetries: 20 });
    const envs = project.path('dl_jobs/cache/envs');
    const taken = project.run([command], { env });
    await waitFor(
      () => 'no environment is made',
      async () =>
        existsSync(envs) && readdirSync(envs).some((one) => existsSync(join(envs, one, 'complete'))),
    );
    let isOver = false;
    const ended = taken.finally(() => (isOver = true));
    // Workers that are submitted only now are held, too.
    while (!isOver) {
      for (const { id, state } of await cluster.squeue())
        if (state === 'PENDING') await cluster.scontrol('release', id).catch(() => undefined);
      await Promise.race([ended, sleep(500)]);
    }
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expectLooks(project, name);
  });
});
