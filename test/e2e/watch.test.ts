/** `runs`, `status` and `errors` while a run goes on. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { bin, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { runDirs } from './journal.js';
import {
  begin,
  open,
  over,
  rowsOf,
  sixDone,
  slowProject,
  stateFile,
  stateOf,
  statusOf,
} from './live-runs.js';
import { isRunning, onLinux, until } from './processes.js';

describe('a run that goes on', () => {
  test('shows what its processes do, who controls it, and how long it will take', onLinux, async () => {
    const live = await sixDone();
    const { project } = live;
    const status = await statusOf(project);
    expect(status).toMatchObject({
      status: 'running',
      counts: { total: 20, done: 6, ok: 4, errors: 2, results: 4 },
      percent: 30,
      failures: [{ failure: 'exception', count: 2, example: { type: 'RangeError' } }],
      controller: { host: hostname(), pid: live.pid },
      next: [`dl_jobs attach ${status.id}`, `dl_jobs errors ${status.id}`],
    });
    expect(status.rate).toBeGreaterThan(0);
    expect(status.etaMs).toBeGreaterThan(0);
    expect(status.durationMs).toBeGreaterThan(0);
    expect(status.hosts).toHaveLength(2);
    const children = live.children();
    for (const { pid, state, task, since } of status.hosts) {
      expect(children).toContain(pid);
      expect(isRunning(pid)).toBe(true);
      if (state !== 'running') continue;
      expect(task).toBeGreaterThanOrEqual(6);
      expect(Date.parse(since as string)).toBeLessThanOrEqual(Date.now());
    }
    expect(status.hosts.some(({ state }) => state === 'running')).toBe(true);
    const words = await project.run(['status']);
    expect(words.stdout).toContain(`process ${live.pid} on ${hostname()}`);
    expect(words.stdout).toMatch(new RegExp(`hosts +pid ${status.hosts.map(({ pid }) => pid).join('|')} `));
    const [row] = rowsOf((await project.run(['runs'])).stdout).slice(1);
    expect(row?.slice(3, 6)).toEqual(['running', '6/20', '2']);
    expect((await project.run(['errors'])).stdout).toContain('2 × exception');
    open(project, 'go');
    expect((await live.ended).code).toBe(1);
  });

  test('shows a process that is stopped', onLinux, async () => {
    const live = await sixDone();
    const { project } = live;
    const [host] = (await statusOf(project)).hosts;
    process.kill(host?.pid as number, 'SIGSTOP');
    await until('the state says so', () =>
      (stateOf(project)['hosts'] as { state: string }[]).some(({ state }) => state === 'stopped'),
    );
    const { stdout } = await project.run(['status']);
    expect(stdout).toMatch(new RegExp(`hosts +pid ${host?.pid} +STOPPED`));
    expect(stdout).toContain('kill -CONT');
    process.kill(host?.pid as number, 'SIGCONT');
    open(project, 'go');
    expect((await live.ended).code).toBe(1);
  });

  test('is stalled when its controller lives and writes nothing', onLinux, async () => {
    const live = await sixDone();
    const { project } = live;
    process.kill(live.pid, 'SIGSTOP');
    const state = stateOf(project);
    expect((await statusOf(project)).status).toBe('running');
    writeFileSync(stateFile(project), JSON.stringify({ ...state, at: Date.now() - 60_000 }));
    const status = await statusOf(project);
    expect(status).toMatchObject({
      status: 'stalled',
      next: [`dl_jobs cancel ${status.id}`, expect.any(String)],
    });
    process.kill(live.pid, 'SIGCONT');
    open(project, 'go');
    expect((await live.ended).code).toBe(1);
  });

  test('is shown again each second until it has ended, and Ctrl-C leaves it', onLinux, async () => {
    const live = await sixDone();
    const { project } = live;
    let [seen, isToldToEnd] = ['', false];
    const left = await project.run(['status', '--watch'], {
      onStart: (child) => {
        child.stdout?.on('data', (chunk: Buffer) => {
          seen += String(chunk);
          if (isToldToEnd || seen.split('6 of 20').length <= 2) return;
          // Once: a second one, when it has heard the first, would find the process as it was born.
          isToldToEnd = true;
          child.kill('SIGINT');
        });
      },
    });
    expect(left, left.stderr).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(left.stdout).not.toContain('\u001b');
    const watching = project.run(['status', '--watch', '--json']);
    open(project, 'go');
    expect((await live.ended).code).toBe(1);
    const { code, stdout } = await watching;
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { status: string });
    expect(lines.at(-1)).toMatchObject({ status: 'finished', counts: { done: 20 } });
    expect(
      lines
        .slice(0, -1)
        .map(({ status }) => status)
        .filter((status) => status !== 'running'),
    ).toEqual([]);
  });
});

describe('on a terminal', () => {
  const onTerminal = (
    project: Project,
    args: readonly string[],
    env: Record<string, string> = {},
  ): string => {
    const script = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
    const { NO_COLOR: _, ...rest } = process.env;
    const { stdout, status } = spawnSync('python3', ['-c', script, process.execPath, bin, ...args], {
      cwd: project.dir,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...rest, TERM: 'xterm', ...env },
    });
    expect(status).toBe(0);
    return stdout;
  };

  test(
    'there are colours, but not with NO_COLOR; --watch draws over itself',
    requires('python3'),
    async () => {
      const project = slowProject();
      await project.run(over('two.ndjson', 'tasks.slow.square'));
      expect(onTerminal(project, ['runs'])).toContain('\u001b[32mfinished\u001b[39m');
      expect(onTerminal(project, ['status'])).toContain('\u001b[32mfinished\u001b[39m');
      expect(onTerminal(project, ['status', '--watch'])).toContain('\u001b[H');
      for (const command of ['runs', 'status', 'errors']) {
        expect(onTerminal(project, [command], { NO_COLOR: '1' })).not.toContain('\u001b');
      }
    },
  );
});

describe('the jobs of one invocation', () => {
  test('are queued until their turn comes; without a name the one that runs is shown', async () => {
    const live = begin(slowProject(), ['run', 'jobs.three']);
    const { project } = live;
    await live.marked('started-a');
    const statuses = async (): Promise<string[]> =>
      rowsOf((await project.run(['runs'])).stdout)
        .slice(1)
        .map((row) => row[3] as string);
    expect(await statuses()).toEqual(['running', 'queued', 'queued']);
    const [first, , third] = runDirs(project.dir).map((dir) => dir.split('/').at(-1) as string);
    expect((await statusOf(project)).id).toBe(first);
    const queued = await project.run(['status', third as string]);
    expect(queued).toMatchObject({ code: 0 });
    expect(queued.stdout).toMatch(new RegExp(`^${third} {2}queued\n`));
    expect(queued.stdout).toContain('job 3 of 3 of');
    open(project, 'go-a');
    await live.marked('started-b');
    expect(await statuses()).toEqual(['finished', 'running', 'queued']);
    open(project, 'go-b', 'go-c');
    expect((await live.ended).code).toBe(0);
    expect(await statuses()).toEqual(['finished', 'finished', 'finished']);
  });
});
