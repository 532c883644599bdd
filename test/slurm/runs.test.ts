/** Whole runs on a cluster: many tasks, limits of the site, GPUs, a controller that goes, a scheduler that goes. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { type Cluster, startCluster, waitFor } from '../support/slurm-cluster.js';

const JOBS = `
import { DLJob } from 'dl-jobs';
const common = { platformJob: true, noisy: false, printLogs: false, resultsTimestamp: false, saveResults: 'out' };
export const count = (n: string) =>
  new DLJob({ ...common, moduleName: 'tasks.t', methodName: 'noop', argsList: Number(n) });
export const nap = (n: string, ms: string) =>
  new DLJob({ ...common, moduleName: 'tasks.t', methodName: 'nap', argsList: Array.from({ length: Number(n) }, (_, i) => ({ i, ms: Number(ms) })) });
`;
const TASKS = `
export const noop = (i: number) => i;
export async function nap({ i, ms }: { i: number; ms: number }) {
  const begin = Date.now();
  await new Promise((resolve) => setTimeout(resolve, ms));
  return { i, version: 'old', node: process.env.SLURMD_NODENAME, gpus: process.env.CUDA_VISIBLE_DEVICES ?? null, begin, end: Date.now() };
}
`;

interface Nap {
  readonly i: number;
  readonly version: string;
  readonly node: string;
  readonly gpus: string | null;
  readonly begin: number;
  readonly end: number;
}

const ELEMENTS_IN_AN_ARRAY = 3;

describe('runs on a cluster', requires('slurm'), () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      nodes: 2,
      cpus: 8,
      gpus: 2,
      // The highest index is one less.
      set: { MaxArraySize: String(ELEMENTS_IN_AN_ARRAY), DefMemPerCPU: '400' },
    });
  });
  afterAll(() => cluster?.stop());

  const project = (config = ''): Project =>
    makeProject({
      'run/jobs.ts': JOBS,
      'tasks/t.ts': TASKS,
      'dl_jobs.config.yaml': `platform: slurm\nis_dev: false\nworker_timeout: 15s\n${config}`,
    });
  const naps = (at: Project): Nap[] =>
    readNdjson<Nap>(at.path('results/out.ndjson')).sort((a, b) => a.i - b.i);
  const nothingIsLeft = async (): Promise<void> => {
    const live = (await cluster.squeue()).filter(({ state }) => /PENDING|RUNNING|COMPLETING/.test(state));
    expect(live).toEqual([]);
    for (const node of cluster.nodes)
      expect(node.processes().filter(({ command }) => command.includes('dl_jobs'))).toEqual([]);
  };

  test('of 20,000 tasks need 8 workers, in arrays that the site allows, and few questions', async () => {
    const at = project('max_workers: 8\n');
    // The real commands, behind scripts that note that they were called.
    mkdirSync(at.path('bin'));
    for (const name of ['sbatch', 'squeue', 'scancel', 'scontrol', 'sacct', 'sinfo']) {
      const real = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
      writeFileSync(
        at.path('bin', name),
        `#!/bin/sh\necho ${name} >>'${at.path('asked')}'\nexec ${real} "$@"\n`,
        { mode: 0o755 },
      );
    }
    const began = Date.now();
    const { code, stderr } = await at.run(['run', 'jobs.count', '20000'], {
      env: { ...cluster.env, PATH: `${at.path('bin')}:${process.env['PATH'] ?? ''}` },
    });
    const minutes = Math.ceil((Date.now() - began) / 60_000);
    expect(code, stderr).toBe(0);
    const lines = readFileSync(at.path('results/out.ndjson'), 'utf8').trimEnd().split('\n').map(Number);
    expect(lines.sort((a, b) => a - b)).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    const round = join(one(at.path('dl_jobs/runs/*')), 'rounds/1');
    const arrays = readNdjson<{ job: string | null; elements: number }>(join(round, 'jobs.ndjson')).filter(
      ({ job }) => job !== null,
    );
    expect(arrays.map(({ elements }) => elements)).toEqual([3, 3, 2]);
    // A file for each worker, and a name for each chunk.
    expect(readdirSync(join(round, 'workers')).length).toBeLessThanOrEqual(8);
    const asked = readFileSync(at.path('asked'), 'utf8').trimEnd().split('\n');
    const queries = asked.filter((name) => !['sbatch', 'scancel'].includes(name));
    expect(queries.length, asked.join(' ')).toBeLessThanOrEqual(10 * minutes);
    await nothingIsLeft();
  });

  test('with a GPU a task run two at a time on a node, each with one of its own', async () => {
    const at = project('max_workers: 4\n');
    const { code, stderr } = await at.run(['run', 'jobs.nap', '12', '700', '--gpus', '1'], {
      env: cluster.env,
    });
    expect(code, stderr).toBe(0);
    const all = naps(at);
    expect(all).toHaveLength(12);
    expect(new Set(all.map(({ gpus }) => gpus))).toEqual(new Set(['0', '1']));
    for (const a of all) {
      const beside = all.filter((b) => b !== a && b.node === a.node && b.begin < a.end && a.begin < b.end);
      expect(beside.map(({ gpus }) => gpus)).not.toContain(a.gpus);
    }
  });

  test('`dl_jobs test` passes', async () => {
    const { code, stdout, stderr } = await project().run(['test', '4', 'a', '--dev', 'false'], {
      env: cluster.env,
    });
    expect(code, stderr).toBe(0);
    const ids = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { task_id: number }).task_id);
    expect(ids.sort()).toEqual([0, 1, 2, 3]);
  });

  test('go on without their controller, with the code that was submitted', { timeout: 120_000 }, async () => {
    const at = project('max_workers: 4\n');
    const started = await at.run(['run', 'jobs.nap', '24', '500', '--detach'], { env: cluster.env });
    expect(started.code, started.stderr).toBe(0);
    const id = started.stdout.trim();
    const { pid } = JSON.parse(readFileSync(at.path('dl_jobs/runs', id, 'lock'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    writeFileSync(at.path('tasks/t.ts'), TASKS.replaceAll('old', 'new'));
    await waitFor(
      () => 'the run does not end',
      async () => {
        const { stdout } = await at.run(['status', '--json'], { env: cluster.env });
        return (JSON.parse(stdout) as { status: string }).status === 'finished';
      },
    );
    expect(existsSync(at.path('results/out.ndjson'))).toBe(false);
    const { code, stderr } = await at.run(['attach'], { env: cluster.env });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('finished: 24 tasks, 24 ok');
    expect(naps(at).map(({ i, version }) => [i, version])).toEqual(
      Array.from({ length: 24 }, (_, i) => [i, 'old']),
    );
    await nothingIsLeft();
  });

  test('wait for a scheduler that does not answer', { timeout: 120_000 }, async () => {
    const at = project('max_workers: 2\n');
    const running = at.run(['run', 'jobs.nap', '30', '1000'], { env: cluster.env });
    await waitFor(
      () => 'no worker starts',
      async () => (await cluster.squeue()).some(({ state }) => state === 'RUNNING'),
    );
    await cluster.controller.stop();
    await sleep(14_000);
    const { stdout } = await at.run(['status'], { env: cluster.env });
    expect(stdout).toMatch(/ running$/m);
    await cluster.controller.start();
    await cluster.ready();
    const { code, stderr } = await running;
    expect(code, stderr).toBe(0);
    expect(naps(at)).toHaveLength(30);
    await nothingIsLeft();
  });

  test(
    'that nobody controls are canceled from any shell, and go on later',
    { timeout: 120_000 },
    async () => {
      const at = project('max_workers: 4\n');
      const { stdout } = await at.run(['run', 'jobs.nap', '40', '500', '--detach'], { env: cluster.env });
      const lock = at.path('dl_jobs/runs', stdout.trim(), 'lock');
      process.kill((JSON.parse(readFileSync(lock, 'utf8')) as { pid: number }).pid, 'SIGKILL');
      await sleep(2_000);
      const canceled = await at.run(['cancel'], { env: cluster.env });
      expect(canceled.stderr).toContain('is canceled');
      await nothingIsLeft();
      const { code, stderr } = await at.run(['resume'], { env: cluster.env });
      expect(code, stderr).toBe(0);
      expect(naps(at).map(({ i }) => i)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    },
  );
});
