/** Python programs that run jobs and are interrupted, or killed, or whose command is. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeProject, type Project, type RunResult } from '../support/project.js';
import { guest, PROGRAM_FILES as FILES, python } from '../support/python-program.js';
import { requires } from '../support/requires.js';
import { isRunning, onLinux, until } from './processes.js';

describe('Ctrl-C in a program', requires('python3'), () => {
  const SLOW = `
import time
from dl_jobs.job import DLJob
def numbers():
    for i in range(100000):
        # Slow, or much would be recorded that has to be run in the end.
        time.sleep(0.005)
        yield i
        if i == 20:
            print('GO', flush=True)
job = DLJob('tasks.work', 'napping', args_list=LIST, noisy=False)
try:
    job.run()
except KeyboardInterrupt:
    print('interrupted', job.summary and job.summary.status)
    raise SystemExit(7)
`;
  const interrupt = async (project: Project, program: string, wholeGroup: boolean): Promise<RunResult> =>
    new Promise((resolve, reject) => {
      const child = spawn('python3', ['-c', program], {
        cwd: project.dir,
        env: { ...process.env, PYTHONPATH: guest },
        detached: true,
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (data) => {
        const before = stdout;
        stdout += String(data);
        if (before.includes('GO') || !stdout.includes('GO')) return;
        // A little later, so that tasks are at work.
        setTimeout(
          () => process.kill(wholeGroup ? -(child.pid as number) : (child.pid as number), 'SIGINT'),
          300,
        );
      });
      child.stderr.on('data', (data) => (stderr += String(data)));
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    });

  test.each([
    ['from a terminal', 'numbers()', true],
    ['from a notebook', 'numbers()', false],
    [
      'while the list takes its time',
      "(print('GO', flush=True) or __import__('time').sleep(600) or i for i in range(3))",
      true,
    ],
  ])('%s ends the run in order, and it can be gone on with', async (_, list, wholeGroup) => {
    const project = makeProject(FILES);
    const { code, stdout, stderr } = await interrupt(project, SLOW.replace('LIST', list), wholeGroup);
    expect(stdout, stderr).toContain('interrupted None');
    expect(code).toBe(7);
    const [run] = readdirSync(project.path('dl_jobs/runs'));
    expect((await project.run(['status', run as string])).stdout).toContain('interrupted');
    expect((await project.run(['resume', '--seal'])).code).toBe(0);
  });

  test('a command that is killed is told, and its run can be gone on with', async () => {
    const project = makeProject(FILES);
    const program = `
import os, signal, subprocess
from dl_jobs.job import DLJob
from dl_jobs.errors import DLJobsError
def numbers():
    for i in range(100):
        yield i
        if i == 20:
            children = open('/proc/%d/task/%d/children' % (os.getpid(), os.getpid())).read().split()
            os.kill(int(children[0]), signal.SIGKILL)
try:
    DLJob('tasks.work', 'napping', args_list=numbers(), noisy=False).run()
except DLJobsError as error:
    print(error.code, 'signal 9' in str(error))`;
    const { stdout, stderr } = await python(project, program);
    expect(stdout, stderr).toBe('CORE_ENDED True\n');
    expect((await project.run(['resume', '--seal'])).code).toBe(0);
  });

  test('a program that is killed takes nothing with it, and leaves nothing running', async () => {
    const project = makeProject(FILES);
    const killed = await python(project, SLOW.replace('LIST', 'numbers()'), {
      onStart: (child) => {
        child.stdout?.on('data', (data) => {
          if (String(data).includes('GO')) setTimeout(() => child.kill('SIGKILL'), 300);
        });
      },
    });
    expect(killed.signal).toBe('SIGKILL');
    const [run] = readdirSync(project.path('dl_jobs/runs'));
    await expect
      .poll(async () => (await project.run(['status', run as string])).stdout, { timeout: 30_000 })
      .toContain('interrupted');
    // Its controller says so before it lets go of the run.
    const lock = project.path('dl_jobs/runs', run as string, 'lock');
    await until('the run is free', () => !existsSync(lock));
    const resumed = await project.run(['resume', '--seal']);
    expect(resumed.code, resumed.stderr).toBe(0);
  });
});

test(
  'a list ends when the command that reads it is killed, whatever it does then',
  { ...requires('python3'), ...onLinux },
  async () => {
    const project = makeProject({
      ...FILES,
      'run/stuck.py': `
import os, signal, time
from dl_jobs.job import DLJob

def numbers():
    yield 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open('stuck.new', 'w') as file:
        file.write(str(os.getpid()))
    os.rename('stuck.new', 'stuck')
    while True:
        time.sleep(60)

def task():
    return DLJob('tasks.work', 'napping', args_list=numbers())
`,
    });
    const note = project.path('stuck');
    const killed = await project.run(['run', 'stuck'], {
      onStart: (child) =>
        void until('the list is stuck', () => existsSync(note)).finally(() => child.kill('SIGKILL')),
    });
    expect(killed.signal).toBe('SIGKILL');
    const pid = Number(readFileSync(note, 'utf8'));
    await until('the process of the list has ended', () => !isRunning(pid), 20_000);
  },
);
