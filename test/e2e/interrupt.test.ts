/** Ctrl-C, once and twice, and a controller that is killed: what is written, and that nothing is left running. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project, type RunResult } from '../support/project.js';
import { requires } from '../support/requires.js';
import { isRunning, onLinux, tree, until } from './processes.js';
import { ends, records, runDir } from './journal.js';

const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nworkers: 2\n',
  'args.ndjson': Array.from({ length: 50 }, (_, i) => `${i}\n`).join(''),
  'tasks/slow.ts': `
    import { spawn } from 'node:child_process';
    import { writeFileSync, existsSync } from 'node:fs';
    const mark = (i: number) => writeFileSync('started-' + i, '');
    export async function asyncSleep(i: number) {
      mark(i);
      while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 20));
      return i;
    }
    export function busy(i: number) { mark(i); for (;;); }
    export function family(i: number) {
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      writeFileSync('child-' + i, String(child.pid));
      mark(i);
      for (;;);
    }`,
  'tasks/nap.py': [
    'import os, time, subprocess',
    'def sleep(i):',
    '    open("started-%d" % i, "w").close()',
    '    while not os.path.exists("go"):',
    '        time.sleep(0.02)',
    '    return i',
    'def family(i):',
    '    child = subprocess.Popen(["sleep", "1000"])',
    '    open("child-%d" % i, "w").write(str(child.pid))',
    '    open("started-%d" % i, "w").close()',
    '    while True: pass',
    '',
  ].join('\n'),
};

interface Running {
  readonly project: Project;
  readonly pid: number;
  /** What the controller had started when two tasks ran. */
  readonly started: readonly number[];
  readonly ended: Promise<RunResult>;
  /** Resolves once it has noticed Ctrl-C: until then tasks that end make room for others, and a second one is lost. */
  isInterrupted(): Promise<void>;
}

/** Starts `method` over the list and waits until two tasks run. */
async function start(method: string): Promise<Running> {
  const project = makeProject(FILES);
  let pid = 0;
  let said = '';
  const ended = project.run(['map', method, '--args_list', 'args.ndjson'], {
    onStart: (child) => {
      pid = child.pid as number;
      child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    },
  });
  await until('two tasks run', () => [0, 1].every((i) => existsSync(project.path(`started-${i}`))));
  const started = tree(pid)
    .map((p) => p.pid)
    .filter((p) => p !== pid);
  expect(started.length).toBeGreaterThanOrEqual(3);
  const isInterrupted = () => until('the interrupt is noticed', () => said.includes('interrupted: '));
  return { project, pid, started, ended, isInterrupted };
}

async function nothingIsLeft({ started, pid }: Running): Promise<void> {
  await until('all processes end', () => [pid, ...started].every((p) => !isRunning(p)));
}

const SLOW = [
  ['an async TypeScript function', 'tasks.slow.asyncSleep', {}],
  ['a Python function', 'tasks.nap.sleep', requires('python3')],
] as const;

describe('Ctrl-C once', () => {
  test.for(SLOW)('lets %s end, writes its results, and stops', onLinux, async ([, method]) => {
    const running = await start(method);
    process.kill(running.pid, 'SIGINT');
    const { project } = running;
    await running.isInterrupted();
    writeFileSync(project.path('go'), '');
    const { code, stderr } = await running.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain('interrupted: 2');
    expect(readNdjson<number>(one(project.path('results/*.ndjson'))).sort()).toEqual([0, 1]);
    expect(existsSync(project.path('errors'))).toBe(false);
    expect(readFileSync(one(project.path('logs/*.log')), 'utf8')).toContain('COMPLETED interrupted: 2 tasks');
    const dir = runDir(project.dir);
    expect(
      ends(dir)
        .map((end) => end.t)
        .sort(),
    ).toEqual([0, 1]);
    expect(records(dir).at(-1)).toMatchObject({ k: 'event', e: 'round-ended', status: 'interrupted' });
    expect(existsSync(`${dir}/lock`)).toBe(false);
    await nothingIsLeft(running);
  });
});

const STUCK = [
  ['an async TypeScript function', 'tasks.slow.asyncSleep'],
  ['an endless loop', 'tasks.slow.busy'],
  ['a loop with a child process', 'tasks.slow.family'],
  ['a Python function that sleeps', 'tasks.nap.sleep'],
  ['a Python loop with a child process', 'tasks.nap.family'],
] as const;

describe('Ctrl-C twice', () => {
  test.for(STUCK)('ends %s at once, and leaves no process and no outcome', onLinux, async ([, method]) => {
    const running = await start(method);
    process.kill(running.pid, 'SIGINT');
    await running.isInterrupted();
    expect(isRunning(running.pid)).toBe(true);
    process.kill(running.pid, 'SIGINT');
    const { code, stderr } = await running.ended;
    expect(code, stderr).toBe(130);
    expect(ends(runDir(running.project.dir))).toEqual([]);
    await nothingIsLeft(running);
  });
});

describe('a killed controller', () => {
  test.for(STUCK)('takes %s with it', onLinux, async ([, method]) => {
    const running = await start(method);
    process.kill(running.pid, 'SIGKILL');
    const { signal } = await running.ended;
    expect(signal).toBe('SIGKILL');
    await nothingIsLeft(running);
  });
});

describe('Ctrl-C while a job function takes its time', requires('python3'), () => {
  const JOBS = {
    'run/slow.ts': `
      import { writeFileSync } from 'node:fs';
      export async function task() {
        writeFileSync('begun', '');
        await new Promise((resolve) => setTimeout(resolve, 600_000));
      }`,
    'run/nap.py': `
import atexit, time
from dl_jobs.job import DLJob
def clean():
    time.sleep(1)
    open('clean', 'w').close()
def begin():
    atexit.register(clean)
    open('begun', 'w').close()
    time.sleep(600)
def task():
    begin()
def numbers():
    yield 1
    begin()
def listed():
    return DLJob('tasks.nap', 'sleep', args_list=numbers())
`,
    'tasks/nap.py': 'def sleep(i):\n    return i\n',
  };

  /** `to`: as a terminal does it, all processes; or as \`kill\` does, the controller alone. */
  test.each([
    ['slow', 'all'],
    ['nap', 'all'],
    ['nap', 'controller'],
    ['nap.listed', 'all'],
    ['nap.listed', 'controller'],
  ] as const)('%s ends with 130 and without a stack: %s', onLinux, async (method, to) => {
    const project = makeProject(JOBS);
    let started: number[] = [];
    const { code, stderr } = await project.run(['run', method], {
      onStart: (child) => {
        void until('the function runs', () => existsSync(project.path('begun'))).then(() => {
          const running = tree(child.pid as number);
          started = running.map(({ pid }) => pid);
          // Hosts are in groups of their own.
          const group = running.filter(
            ({ pid, command }) => pid === child.pid || command.includes('_define'),
          );
          for (const { pid } of to === 'all' ? group.reverse() : group.slice(0, 1)) {
            try {
              process.kill(pid, 'SIGINT');
            } catch {
              // The end of the one before has taken it along.
            }
          }
        });
      },
    });
    expect(code, stderr).toBe(130);
    expect(stderr).toContain('interrupted');
    expect(stderr).not.toMatch(/Traceback|KeyboardInterrupt|error:/);
    await until('nothing of it is left', () => !started.some(isRunning));
    // What is to be done at exit is done, undisturbed.
    expect(existsSync(project.path('clean'))).toBe(method !== 'slow');
  });
});
