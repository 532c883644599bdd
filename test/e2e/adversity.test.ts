/** Clocks that go back, projects that move, processes that stop: each is told in plain words, and nothing is lost. */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  bin,
  makeProject,
  one,
  readNdjson,
  runProcess,
  type Project,
  type RunResult,
} from '../support/project.js';
import { records, runDir, runDirs } from './journal.js';
import { isRunning, onLinux, pidIn, tree, until } from './processes.js';
import {
  executions,
  expectedOk,
  okTasks,
  recorded as recordedIn,
  runAndKill,
  sideProject,
} from './side-file.js';

const TASKS = 100;
const ALL = Array.from({ length: TASKS }, (_, i) => i);
const options = { ...onLinux, timeout: 180_000 };

/** Of runs most of which were killed. */
const recorded = (dir: string): number[] => recordedIn(dir, true);

/** A run that was killed when a third of it was done. */
async function killedRun(project: Project, env: Record<string, string> = {}): Promise<string> {
  const before = executions(project).length;
  const known = existsSync(project.path('dl_jobs/runs')) ? runDirs(project.dir) : [];
  await runAndKill(
    project,
    ['run', 'side', String(TASKS)],
    () => executions(project).length - before > TASKS / 3,
    // Half of them never end: else a run may be done before it is killed.
    { env: { ...env, HOLD: String(TASKS / 2) } },
  );
  const [dir] = runDirs(project.dir).filter((path) => !known.includes(path));
  expect(dir).toBeDefined();
  return dir as string;
}

describe('a system with room for few open files', () => {
  test('takes a run up that was killed, in as many processes as it has room for', options, async () => {
    const project = sideProject({ workers: 24 });
    const dir = await killedRun(project);
    const kept = recorded(dir);
    const executed = executions(project).length;
    const resumed = await runProcess(
      'sh',
      ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, bin, 'resume'],
      { cwd: project.dir },
    );
    expect(resumed.code, resumed.stderr).toBe(1);
    expect(resumed.stderr).toContain('too many open files (EMFILE): the run goes on with');
    expect(
      executions(project)
        .slice(executed)
        .filter((task) => kept.includes(task)),
    ).toEqual([]);
    expect(recorded(dir)).toEqual(ALL);
    expect(okTasks(project.path('results'))).toEqual(expectedOk(TASKS));
  });
});

/** Loaded by every Node of a command, this puts its clock back by an hour: at once, or after a while. */
const CLOCK = `
  const Real = Date;
  const after = Number(process.env.CLOCK_BACK_AFTER_MS ?? 0);
  const back = () => (performance.now() >= after ? 3_600_000 : 0);
  globalThis.Date = class extends Real {
    constructor(...args) {
      if (args.length === 0) super(Real.now() - back());
      else super(...args);
    }
    static now() {
      return Real.now() - back();
    }
  };`;

describe('a clock that was put back', () => {
  const withClock = (): { project: Project; env: Record<string, string> } => {
    const project = sideProject();
    writeFileSync(project.path('clock.mjs'), CLOCK);
    return { project, env: { NODE_OPTIONS: `--import=${project.path('clock.mjs')}` } };
  };

  function expectDone(project: Project, { code, stderr }: RunResult): void {
    expect(code, stderr).toBe(1);
    const dir = runDir(project.dir);
    expect(recorded(dir)).toEqual(ALL);
    expect(okTasks(project.path('results'))).toEqual(expectedOk(TASKS));
    expect(records(dir).filter(({ d }) => d !== undefined && (d as number) < 0)).toEqual([]);
  }

  test('between a kill and the resume', options, async () => {
    const { project, env } = withClock();
    const dir = await killedRun(project);
    const kept = recorded(dir);
    const executed = executions(project).length;
    expectDone(project, await project.run(['resume'], { env }));
    expect(
      executions(project)
        .slice(executed)
        .filter((task) => kept.includes(task)),
    ).toEqual([]);
    const { code, stdout, stderr } = await project.run(['status', '--json'], { env });
    expect(code, stderr).toBe(0);
    const status = JSON.parse(stdout) as { status: string; durationMs: number };
    expect(status.status).toBe('finished');
    expect(status.durationMs).toBeGreaterThan(0);
  });

  test('while a run goes on, whose tasks have a time limit', options, async () => {
    const { project, env } = withClock();
    const run = ['run', 'side', String(TASKS), '--timeout', '5s'];
    expectDone(project, await project.run(run, { env: { ...env, CLOCK_BACK_AFTER_MS: '400' } }));
    expect(executions(project)).toHaveLength(TASKS);
  });

  test(
    'makes a later run look older: it is gone on with by its name, and the other one says its own',
    options,
    async () => {
      const { project, env } = withClock();
      const first = await project.run(['run', 'side', '5']);
      expect(first.code, first.stderr).toBe(1);
      const finished = runDir(project.dir);
      const dir = await killedRun(project, env);
      expect(basename(dir) < basename(finished)).toBe(true);
      const bare = await project.run(['resume'], { env });
      expect(bare.code, bare.stderr).toBe(1);
      // Whichever it takes for the latest, it says so.
      expect(bare.stderr).toMatch(
        new RegExp(`(${basename(finished)}|${basename(dir)}): (nothing is left|going on)`),
      );
      const named = await project.run(['resume', basename(dir)], { env });
      expect(named.code, named.stderr).toBe(1);
      expect(recorded(dir)).toEqual(ALL);
    },
  );
});

describe('a run folder that was copied', () => {
  const READERS = [['status'], ['results'], ['errors'], ['logs'], ['path']];

  test('can be looked at where it is now', options, async () => {
    const project = sideProject();
    const dir = await killedRun(project);
    const copy = join(dirname(project.dir), 'copied "run"');
    cpSync(dir, copy, { recursive: true, verbatimSymlinks: true });
    rmSync(dir, { recursive: true });
    for (const words of READERS) {
      const { code, stdout, stderr } = await project.run([...words, copy]);
      expect(code, `${words.join(' ')}: ${stderr}`).toBe(0);
      if (words[0] === 'results') {
        const shown = stdout
          .split('\n')
          .slice(0, -1)
          .map((line) => (JSON.parse(line) as { i: number }).i);
        expect(shown.sort((a, b) => a - b)).toEqual(recorded(copy).filter((i) => i % 5 !== 3));
      }
    }
  });

  test('goes on in a project that was moved: its outputs and its tasks move with it', options, async () => {
    const project = sideProject();
    const dir = await killedRun(project);
    const kept = recorded(dir);
    const executed = executions(project).length;
    const moved = join(dirname(project.dir), 'moved');
    renameSync(project.dir, moved);
    const { code, stderr } = await project.run(['resume'], { cwd: moved });
    expect(code, stderr).toBe(1);
    const again = readNdjson<number>(join(moved, 'side')).slice(executed);
    expect(again.filter((task) => kept.includes(task))).toEqual([]);
    expect(again.length).toBeGreaterThanOrEqual(TASKS - kept.length);
    expect(okTasks(join(moved, 'results'))).toEqual(expectedOk(TASKS));
    // Nothing comes into being where the project was.
    expect(existsSync(project.dir)).toBe(false);
    renameSync(moved, project.dir);
  });

  test('goes on in a project that was copied: the first one is left alone', options, async () => {
    const project = sideProject();
    const dir = await killedRun(project);
    const kept = recorded(dir);
    const copy = join(dirname(project.dir), 'copy');
    cpSync(project.dir, copy, { recursive: true, verbatimSymlinks: true });
    const before = [one(project.path('results/*.ndjson')), project.path('side')].map((path) =>
      readFileSync(path, 'utf8'),
    );
    const { code, stderr } = await project.run(['resume'], { cwd: copy });
    expect(code, stderr).toBe(1);
    expect(
      [one(project.path('results/*.ndjson')), project.path('side')].map((path) => readFileSync(path, 'utf8')),
    ).toEqual(before);
    expect(recorded(dir)).toEqual(kept);
    expect(okTasks(join(copy, 'results'))).toEqual(expectedOk(TASKS));
  });
});

const STOPPABLE = {
  'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\nworkers: 2\n',
  'ten.ndjson': Array.from({ length: 10 }, (_, i) => `${i}\n`).join(''),
  // The first waits for the file `go`, busily: its host is the one that is stopped.
  'tasks/wait.ts': `
    import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
    export async function wait(i: number) {
      appendFileSync('side', i + '\\n');
      if (i === 0) writeFileSync('pid', String(process.pid));
      if (i === 0) while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 20));
      return { i };
    }`,
};

describe('a host that is stopped by a signal', () => {
  /** Stops the host of the first task. */
  async function stopped(
    ...more: string[]
  ): Promise<{ project: Project; run: Promise<RunResult>; host: number; err: () => string }> {
    const project = makeProject(STOPPABLE);
    let err = '';
    const run = project.run(['map', 'tasks.wait.wait', '--args_list', 'ten.ndjson', ...more], {
      onStart: (child) => child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString())),
    });
    const host = await pidIn(project.path('pid'));
    process.kill(host, 'SIGSTOP');
    return { project, run, host, err: () => err };
  }

  test('is told of, and goes on when it is let go on', options, async () => {
    const { project, run, host, err } = await stopped();
    await until('it is told of', () => err().includes(`kill -CONT ${host}`));
    expect(err()).toMatch(/host \d+ \(pid \d+\) is stopped by a signal/);
    writeFileSync(project.path('go'), '');
    process.kill(host, 'SIGCONT');
    const { code, stderr } = await run;
    expect(code, stderr).toBe(0);
    expect(okTasks(project.path('results'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(executions(project).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('loses its task to the time limit, and no other task', options, async () => {
    // Time enough to be stopped first, and for the other tasks if the machine stands still for a while.
    const { project, run, host } = await stopped('--timeout', '6s');
    const { code, stderr } = await run;
    expect(code, stderr).toBe(1);
    expect(isRunning(host)).toBe(false);
    const [error] = readNdjson<{ TASK_ID: number; FAILURE_TYPE: string; ERROR: string }>(
      one(project.path('errors/*.ndjson')),
    );
    expect(error).toMatchObject({ TASK_ID: 0, FAILURE_TYPE: 'timeout' });
    expect(error?.ERROR).toContain('may take 6s');
    expect(okTasks(project.path('results'))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('ends with a controller that is killed, and its task is run again', options, async () => {
    const project = makeProject(STOPPABLE);
    let controller = 0;
    const run = project.run(['map', 'tasks.wait.wait', '--args_list', 'ten.ndjson'], {
      onStart: (child) => {
        controller = child.pid as number;
      },
    });
    const host = await pidIn(project.path('pid'));
    const processes = tree(controller).map(({ pid }) => pid);
    process.kill(host, 'SIGSTOP');
    process.kill(controller, 'SIGKILL');
    await run;
    await until('nothing of it is left', () => !processes.some(isRunning));
    const kept = recorded(runDir(project.dir));
    const executed = executions(project).length;
    writeFileSync(project.path('go'), '');
    const { code, stderr } = await project.run(['resume']);
    expect(code, stderr).toBe(0);
    const again = executions(project).slice(executed);
    expect(again).toContain(0);
    expect(again.filter((task) => kept.includes(task))).toEqual([]);
    expect(okTasks(project.path('results'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
