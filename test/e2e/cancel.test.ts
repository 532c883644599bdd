/** `cancel`: that a run ends, whatever it is doing, and that nothing of it is left. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../support/project.js';
import { requires } from '../support/requires.js';
import { ends, runDirs } from './journal.js';
import {
  allEnd,
  begin,
  latest,
  open,
  over,
  slowProject,
  statusOf,
  untilState,
  type LiveRun,
} from './live-runs.js';
import { isRunning, onLinux, until } from './processes.js';

interface Started extends LiveRun {
  /** Its controller and all that this has started. */
  readonly all: readonly number[];
}

/** Starts two tasks; resolves once both run and the state tells of their processes. */
async function twoRun(method: string): Promise<Started> {
  const live = begin(slowProject({ hostilePath: true }), over('two.ndjson', method));
  await live.marked('started-0', 'started-1');
  await untilState(live.project, 'both hosts are told of', ({ hosts }) => (hosts as unknown[]).length === 2);
  return { ...live, all: [live.pid, ...live.children()] };
}

function requestsOf(dir: string): string[] {
  return readdirSync(join(dir, 'requests'));
}

const STUCK = ['tasks.slow.gate', 'tasks.slow.busy', 'tasks.slow.family', 'tasks.nap.sleep'] as const;

interface Canceled {
  readonly live: Started;
  readonly cancel: RunResult;
  /** Processes of the run, besides its controller, that still ran a moment after `cancel` had ended. */
  readonly left: readonly number[];
}

async function cancel(live: Started): Promise<Canceled> {
  const result = await live.project.run(['cancel']);
  const running = (): number[] => live.all.filter((pid) => pid !== live.pid && isRunning(pid));
  // The guard that looks after the hosts reads that it is not needed any more, a moment after the controller has gone.
  const end = Date.now() + 20_000;
  while (running().length > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  return { live, cancel: result, left: running() };
}

describe('cancel of tasks that do not end', onLinux, () => {
  const canceled = new Map<string, Canceled>();
  // Each has its 10 seconds: all at the same time.
  beforeAll(async () => {
    const methods = STUCK.filter((method) => !method.startsWith('tasks.nap') || !requires('python3').skip);
    const lives: Started[] = [];
    for (const method of methods) lives.push(await twoRun(method));
    const outcomes = await Promise.all(lives.map(cancel));
    methods.forEach((method, at) => canceled.set(method, outcomes[at] as Canceled));
  }, 180_000);

  test.for(STUCK)('ends %s, and leaves no process', async (method, { skip }) => {
    const outcome = canceled.get(method);
    if (outcome === undefined) return skip();
    const { project, all, ended } = outcome.live;
    expect(all.length).toBeGreaterThanOrEqual(4);
    expect(outcome.left).toEqual([]);
    const { code, stderr } = outcome.cancel;
    expect(code, stderr).toBe(0);
    const id = latest(project);
    expect(stderr).toMatch(new RegExp(`${id} is canceled: 0( of 2)? tasks are done; its 2 processes ended`));
    expect(stderr).toContain(`dl_jobs resume ${id}`);
    const run = await ended;
    expect(run.code, run.stderr).toBe(130);
    const [dir] = runDirs(project.dir) as [string];
    expect(ends(dir)).toEqual([]);
    expect(requestsOf(dir)).toEqual([]);
    expect(existsSync(join(dir, 'lock'))).toBe(false);
    expect((await statusOf(project)).status).toBe('canceled');
    expect((await project.run(['attach'])).code).toBe(130);
  });
});

describe('cancel of a run whose controller gives no sign', onLinux, () => {
  let stopped: Canceled;
  let orphaned: Canceled;
  let elsewhere: Canceled;
  beforeAll(async () => {
    const [a, b, c] = [
      await twoRun('tasks.slow.busy'),
      await twoRun('tasks.slow.family'),
      await twoRun('tasks.slow.gate'),
    ];
    process.kill(a.pid, 'SIGSTOP');
    process.kill(b.pid, 'SIGSTOP');
    const hosts = new Set((await statusOf(b.project)).hosts.map(({ pid }) => pid));
    // The shell that kills the hosts of a dead controller.
    const reaper = b.all.find((pid) => !hosts.has(pid) && commandOf(pid).startsWith('/bin/sh'));
    process.kill(reaper as number, 'SIGKILL');
    await killAll(c);
    changeLock(c, { host: 'elsewhere' });
    [stopped, orphaned, elsewhere] = (await Promise.all([a, b, c].map(cancel))) as [
      Canceled,
      Canceled,
      Canceled,
    ];
  }, 180_000);

  test('kills it, and what it ran', async () => {
    const { live, left } = stopped;
    const { code, stderr } = stopped.cancel;
    expect(code, stderr).toBe(0);
    expect(left).toEqual([]);
    expect(await live.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect(stderr).toContain(`waiting for process ${live.pid} on `);
    expect(stderr).toContain(`process ${live.pid} gave no sign for 20 seconds and was killed`);
    expect(stderr).toContain('its 2 processes ended');
    expect(requestsOf(runDirs(live.project.dir)[0] as string)).toEqual([]);
    expect((await statusOf(live.project)).status).toBe('interrupted');
  });

  test('ends what is left when its reaper is dead, too', async () => {
    const { live, left } = orphaned;
    const { code, stderr } = orphaned.cancel;
    expect(code, stderr).toBe(0);
    expect(left).toEqual([]);
    expect((await live.ended).signal).toBe('SIGKILL');
  });

  test('asks one on another machine, and says that it does not react', () => {
    const { live } = elsewhere;
    const { code, stderr } = elsewhere.cancel;
    expect(code).toBe(3);
    expect(stderr).toContain('[RUN_LOCKED]');
    expect(stderr).toContain(`process ${live.pid} on elsewhere, which did not react for 20 seconds`);
    expect(requestsOf(runDirs(live.project.dir)[0] as string)).toHaveLength(1);
  });
});

describe('cancel', () => {
  test('lets what runs end within its time, and keeps it', onLinux, async () => {
    const { project, ended, pid } = await twoRun('tasks.slow.gate');
    const [dir] = runDirs(project.dir) as [string];
    // Else the request may be taken before it is seen here.
    process.kill(pid, 'SIGSTOP');
    const canceling = project.run(['cancel', latest(project)]);
    await until('the request is there', () => requestsOf(dir).length > 0);
    process.kill(pid, 'SIGCONT');
    await until('the request is taken', () => requestsOf(dir).length === 0);
    open(project, 'go-0', 'go-1');
    const { code, stderr } = await canceling;
    expect(code, stderr).toBe(0);
    await ended;
    const status = await statusOf(project);
    expect(['canceled', 'finished']).toContain(status.status);
    expect(status.counts).toMatchObject({ done: 2, ok: 2 });
  });

  test('never hits a process that has the number of a dead controller', onLinux, async () => {
    const live = await twoRun('tasks.slow.gate');
    await killAll(live);
    // As if this very process had got it.
    changeLock(live, { pid: process.pid });
    const { code, stderr } = await live.project.run(['cancel']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('does not run: it is interrupted');
  });

  test('says what a run is that does not run', async () => {
    const project = slowProject();
    await project.run(over('two.ndjson', 'tasks.slow.square'));
    const { code, stderr } = await project.run(['cancel']);
    expect(code).toBe(0);
    expect(stderr).toContain('does not run: it is finished, 2 of 2 tasks are done; nothing was done');
    expect(requestsOf(runDirs(project.dir)[0] as string)).toEqual([]);
  });
});

describe('cancel of an invocation', () => {
  test.for(['its group', 'no name'])('ends the job that runs and those after it, by %s', async (by) => {
    const live = begin(slowProject(), ['run', 'jobs.three']);
    const { project } = live;
    await live.marked('started-a');
    open(project, 'go-a');
    await live.marked('started-b');
    const { group } = JSON.parse(
      readFileSync(join(runDirs(project.dir)[0] as string, 'run.json'), 'utf8'),
    ) as {
      group: string;
    };
    const canceling = project.run(by === 'no name' ? ['cancel'] : ['cancel', group]);
    const { code, stderr } = await canceling;
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('the 1 job after it will not run');
    expect((await live.ended).code).toBe(130);
    expect(existsSync(project.path('started-c'))).toBe(false);
    const rows = (await project.run(['runs', '--json'])).stdout.trimEnd().split('\n');
    expect(rows.map((row) => (JSON.parse(row) as { status: string }).status)).toEqual([
      'finished',
      'canceled',
      'interrupted',
    ]);
  });

  test('a job that is queued ends as soon as its turn comes', async () => {
    const live = begin(slowProject(), ['run', 'jobs.three']);
    const { project } = live;
    await live.marked('started-a');
    const second = runDirs(project.dir)[1]?.split('/').at(-1) as string;
    const { code, stderr } = await project.run(['cancel', second]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`${second} is queued: it ends as soon as its turn comes`);
    open(project, 'go-a');
    expect((await live.ended).code).toBe(130);
    expect((await statusOf(project, second)).status).toBe('canceled');
    expect(existsSync(project.path('started-c'))).toBe(false);
  });
});

/** Kills the controller, and waits until all that it ran has ended. */
async function killAll({ pid, all, ended }: Started): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await ended;
  await allEnd(all);
}

/** Makes the lock of a dead controller say something else. */
function changeLock({ project }: Started, changes: object): void {
  const path = join(runDirs(project.dir)[0] as string, 'lock');
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...changes }));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It has ended.
    return '';
  }
}
