/**
 * Whole runs on a cluster: many tasks, limits of the site, GPUs, a controller that goes, a scheduler that goes.
 * lines: its cases share one cluster, which takes its time to start.
 */
import { spawnSync, type ChildProcess } from 'node:child_process';
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
export const held = (n: string) =>
  new DLJob({ ...common, moduleName: 'tasks.t', methodName: 'held', argsList: Array.from({ length: Number(n) }, (_, i) => ({ i })) });
export const nap = (n: string, ms: string) =>
  new DLJob({ ...common, moduleName: 'tasks.t', methodName: 'nap', argsList: Array.from({ length: Number(n) }, (_, i) => ({ i, ms: Number(ms) })) });
`;
const TASKS = `
import { existsSync, writeFileSync } from 'node:fs';
/** Takes until there is the file \`go\`: what is done to a run meanwhile comes neither too early nor too late. */
export async function held({ i }: { i: number }) {
  writeFileSync('begun', '');
  while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 100));
  return { i, version: 'old' };
}
export const noop = (i: number) => i;
export async function nap({ i, ms }: { i: number; ms: number }) {
  const begin = Date.now();
  await new Promise((resolve) => setTimeout(resolve, ms));
  return { i, version: 'old', node: process.env.SLURMD_NODENAME, gpus: process.env.CUDA_VISIBLE_DEVICES ?? null, begin, end: Date.now() };
}
`;

interface Status {
  readonly status: string;
  readonly durationMs: number;
}

interface Nap {
  readonly i: number;
  readonly version: string;
  readonly node: string;
  readonly gpus: string | null;
  readonly begin: number;
  readonly end: number;
}

const ELEMENTS_IN_AN_ARRAY = 3;

describe('runs on a cluster', { timeout: 300_000, ...requires('slurm') }, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      nodes: 2,
      cpus: 8,
      gpus: 2,
      // The highest index is one less.
      set: { MaxArraySize: String(ELEMENTS_IN_AN_ARRAY), DefMemPerCPU: '400' },
    });
  }, 300_000);
  afterAll(() => cluster?.stop());

  const project = (config = ''): Project =>
    makeProject({
      'run/jobs.ts': JOBS,
      'tasks/t.ts': TASKS,
      'dl_jobs.config.yaml': `platform: slurm\nis_dev: false\nworker_timeout: 15s\n${config}`,
    });
  const naps = (at: Project): Nap[] =>
    readNdjson<Nap>(at.path('results/out.ndjson')).sort((a, b) => a.i - b.i);
  /** Puts the real command behind a script, for {@link scripted}. */
  const behind = (at: Project, command: string, script: string): void => {
    const real = spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim();
    mkdirSync(at.path('bin'), { recursive: true });
    writeFileSync(at.path('bin', command), `#!/bin/sh\n${script}\nexec ${real} "$@"\n`, { mode: 0o755 });
  };
  const scripted = (at: Project): Record<string, string> => ({
    ...cluster.env,
    PATH: `${at.path('bin')}:${process.env['PATH'] ?? ''}`,
  });
  /** Of `held` tasks. */
  const beginning = (at: Project): Promise<void> =>
    waitFor(
      () => 'no task begins',
      async () => existsSync(at.path('begun')),
    );
  const letGo = (at: Project): void => writeFileSync(at.path('go'), '');
  const statusOf = async (at: Project): Promise<Status & { readonly jobs: string[] }> => {
    const { stdout } = await at.run(['status', '--json'], { env: cluster.env });
    const said = JSON.parse(stdout) as Status & { readonly queue: { readonly jobs: string[] } | null };
    return { ...said, jobs: said.queue?.jobs ?? [] };
  };
  const nothingIsLeft = async (): Promise<void> => {
    const live = (await cluster.squeue()).filter(({ state }) => /PENDING|RUNNING|COMPLETING/.test(state));
    expect(live).toEqual([]);
    for (const node of cluster.nodes)
      expect(node.processes().filter(({ command }) => command.includes('dl_jobs'))).toEqual([]);
  };

  test('of 20,000 tasks need 8 workers, in arrays that the site allows, and few questions', async () => {
    const at = project('max_workers: 8\n');
    for (const name of ['sbatch', 'squeue', 'scancel', 'scontrol', 'sacct', 'sinfo'])
      behind(at, name, `echo ${name} >>'${at.path('asked')}'`);
    const began = Date.now();
    const { code, stderr } = await at.run(['run', 'jobs.count', '20000'], { env: scripted(at) });
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

  test('`dl_jobs test` passes, after `setup` in the root of the project', async () => {
    const at = project('setup: [. ./activate]\n');
    writeFileSync(at.path('activate'), 'touch active\n');
    mkdirSync(at.path('elsewhere'));
    const { code, stdout, stderr } = await at.run(['test', '4', 'a', '--dev', 'false'], {
      env: cluster.env,
      cwd: 'elsewhere',
    });
    expect(code, stderr).toBe(0);
    const ids = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { task_id: number }).task_id);
    expect(ids.sort()).toEqual([0, 1, 2, 3]);
    expect(existsSync(at.path('active'))).toBe(true);
  });

  test('of `map` are named after where they ran, as those of `run` are', async () => {
    const at = project();
    writeFileSync(at.path('list.ndjson'), '1\n2\n');
    const map = ['map', 'tasks.t.noop', '--args_list', 'list.ndjson'];
    for (const [where, ...more] of [
      ['-local', '--dev'],
      ['-platform'],
      ['-platform', '--platform', 'slurm'],
    ]) {
      const { code, stderr } = await at.run([...map, ...more], { env: cluster.env });
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(new RegExp(`^  results +\\S+${where}\\.ndjson$`, 'm'));
      expect(stderr).toMatch(new RegExp(`^  log +\\S+${where}\\.log$`, 'm'));
    }
  });

  test('go on without their controller, with the code that was submitted', async () => {
    const at = project('max_workers: 4\n');
    const started = await at.run(['run', 'jobs.held', '24', '--detach'], { env: cluster.env });
    expect(started.code, started.stderr).toBe(0);
    const id = started.stdout.trim();
    const { pid } = JSON.parse(readFileSync(at.path('dl_jobs/runs', id, 'lock'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    writeFileSync(at.path('tasks/t.ts'), TASKS.replaceAll('old', 'new'));
    letGo(at);
    await waitFor(
      () => 'the run does not end',
      async () => {
        const { stdout } = await at.run(['status', '--json'], { env: cluster.env });
        return (JSON.parse(stdout) as { status: string }).status === 'finished';
      },
    );
    expect(existsSync(at.path('results/out.ndjson'))).toBe(false);
    await waitFor(
      () => 'its workers do not end',
      async () => (await cluster.squeue()).every(({ state }) => !/PENDING|RUNNING|COMPLETING/.test(state)),
    );
    const { durationMs } = await statusOf(at);
    const { code, stderr } = await at.run(['attach'], { env: cluster.env });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('finished: 24 tasks, 24 ok');
    // It took as long as it took, whenever somebody looks.
    expect((await statusOf(at)).durationMs).toBe(durationMs);
    expect(naps(at).map(({ i, version }) => [i, version])).toEqual(
      Array.from({ length: 24 }, (_, i) => [i, 'old']),
    );
    await nothingIsLeft();
  });

  test('that nobody works on any more are stalled, in the list of runs, too', async () => {
    const at = project('max_workers: 2\n');
    const { stdout } = await at.run(['run', 'jobs.held', '40', '--detach'], { env: cluster.env });
    const id = stdout.trim();
    const { pid } = JSON.parse(readFileSync(at.path('dl_jobs/runs', id, 'lock'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    const { jobs } = await statusOf(at);
    await cluster.run('scancel', ...jobs);
    let status = '';
    await waitFor(
      () => `the run is ${status}`,
      async () => ({ status } = await statusOf(at)).status === 'stalled',
    );
    const row = await at.run(['runs', '--json'], { env: cluster.env });
    expect(JSON.parse(row.stdout)).toMatchObject({
      id,
      status: 'stalled',
      reason: 'its workers have ended, and slurm has no further ones',
    });
    const table = await at.run(['runs'], { env: cluster.env });
    expect(table.stdout).toMatch(new RegExp(`^${id} .* slurm +stalled `, 'm'));
    const { code } = await at.run(['cancel'], { env: cluster.env });
    expect(code).toBe(0);
  });

  test('wait for a scheduler that does not answer', async () => {
    const at = project('max_workers: 2\n');
    const running = at.run(['run', 'jobs.held', '30'], { env: cluster.env });
    await beginning(at);
    await cluster.controller.stop();
    await sleep(14_000);
    const { stdout } = await at.run(['status'], { env: cluster.env });
    expect(stdout).toMatch(/ running$/m);
    await cluster.controller.start();
    await cluster.ready();
    letGo(at);
    const { code, stderr } = await running;
    expect(code, stderr).toBe(0);
    expect(naps(at)).toHaveLength(30);
    await nothingIsLeft();
  });

  test('whose jobs somebody has canceled end as canceled, and say when', async () => {
    const at = project('max_workers: 2\n');
    const working = (): Promise<void> =>
      waitFor(
        () => 'no worker starts',
        async () => (await cluster.squeue()).filter(({ state }) => state === 'RUNNING').length === 2,
      );
    const running = at.run(['run', 'jobs.nap', '300', '500'], { env: cluster.env });
    await working();
    await cluster.run('scancel', '--user=root');
    const first = await running;
    expect(first.code, first.stderr).toBe(130);
    expect(first.stderr).toContain('its Slurm jobs were canceled from outside');

    const { stdout } = await at.run(['resume', '--detach'], { env: cluster.env });
    const lock = at.path('dl_jobs/runs', stdout.trim(), 'lock');
    process.kill((JSON.parse(readFileSync(lock, 'utf8')) as { pid: number }).pid, 'SIGKILL');
    await working();
    await cluster.run('scancel', '--user=root');
    const second = await at.run(['attach'], { env: cluster.env });
    expect(second.code, second.stderr).toBe(130);
    expect(second.stderr).toContain('its Slurm jobs were canceled while nobody watched');
  });

  test('that end while Slurm may have taken a job or not say so', async () => {
    const at = project();
    const begun = at.path('begun');
    behind(at, 'sbatch', `case "$*" in *--job-name=*) touch '${begun}'; exec sleep 100;; esac`);
    let controller: ChildProcess | undefined;
    const running = at.run(['run', 'jobs.nap', '4', '10'], {
      env: scripted(at),
      onStart: (child) => {
        controller = child;
      },
    });
    await waitFor(
      () => 'sbatch is not called',
      async () => existsSync(begun),
    );
    cluster.controller.pause();
    try {
      controller?.kill('SIGINT');
      const { code, stderr } = await running;
      expect(code, stderr).toBe(130);
      expect(stderr).toMatch(
        /^warning: Slurm does not answer, and may have taken a job of this round, .*: `squeue --me --name=dl_jobs:\S+:1:1` tells; `scancel` what it shows$/m,
      );
    } finally {
      cluster.controller.resume();
    }
    await cluster.ready();
    await nothingIsLeft();
  });

  test('end without an answer about the queue', async () => {
    const at = project('max_workers: 2\n');
    const [asking, canceled] = [at.path('asking'), at.path('canceled')];
    behind(at, 'squeue', `case "$*" in *" -O "*) echo $$ >'${asking}'; exec sleep 1000;; esac`);
    // All are canceled while the question is still open.
    behind(
      at,
      'scancel',
      `case "$*" in *--state*) ;; *) kill -0 "$(cat '${asking}')" && touch '${canceled}';; esac`,
    );
    let controller: ChildProcess | undefined;
    const running = at.run(['run', 'jobs.nap', '60', '1000'], {
      env: scripted(at),
      onStart: (child) => {
        controller = child;
      },
    });
    await waitFor(
      () => 'Slurm is not asked',
      async () => existsSync(asking),
    );
    controller?.kill('SIGINT');
    const { code, stderr } = await running;
    expect(code, stderr).toBe(130);
    expect(existsSync(canceled)).toBe(true);
    await nothingIsLeft();
  });

  test('that nobody controls are canceled from any shell, and go on later', async () => {
    const at = project('max_workers: 4\n');
    const { stdout } = await at.run(['run', 'jobs.held', '40', '--detach'], { env: cluster.env });
    const lock = at.path('dl_jobs/runs', stdout.trim(), 'lock');
    process.kill((JSON.parse(readFileSync(lock, 'utf8')) as { pid: number }).pid, 'SIGKILL');
    await beginning(at);
    const canceled = await at.run(['cancel'], { env: cluster.env });
    expect(canceled.stderr).toContain('is canceled');
    await nothingIsLeft();
    letGo(at);
    const { code, stderr } = await at.run(['resume'], { env: cluster.env });
    expect(code, stderr).toBe(0);
    expect(naps(at).map(({ i }) => i)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });
});
