/** Python programs that run jobs, at their edges: odd values, odd streams, odd ends of a list. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeProject, type Project } from '../support/project.js';
import { programsOf, PROGRAM_FILES } from '../support/python-program.js';
import { requires } from '../support/requires.js';

const FILES = {
  ...PROGRAM_FILES,
  'tasks/echo.py':
    'def echo(*args):\n    return [repr(args), list(args)]\n\ndef fail(x):\n    raise ValueError(x)\n',
};
const { answer, python, runPython } = programsOf('python3');

/** Runs a program that prints JSON, and what it wrote to stderr besides. */
async function both(project: Project, program: string): Promise<[unknown, string]> {
  const { stdout, stderr } = await python(
    project,
    `import json\nfrom dl_jobs.job import DLJob, run\n${program}`,
  );
  return [JSON.parse(stdout.trimEnd().split('\n').at(-1) as string), stderr];
}

describe('values', requires('python3'), () => {
  test('come to tasks as they are, in lists and in single calls', async () => {
    const said = await answer(
      makeProject(FILES),
      `
values = [2**60 + 1, -0.0, 2.0, 'a\\u2028b\\u2029\\r\\x85', '\\ud800', {'__proto__': 1}, '{"t":0}', [], '']
listed = DLJob('tasks.echo', 'echo', args_list=values, noisy=False, grouped_results=True).run()
single = DLJob('tasks.echo', 'echo', args=values, noisy=False, grouped_results=True).run()
print(json.dumps([[row[0] for row in listed] == [repr((value,)) for value in values], single[0] == repr(tuple(values))]))`,
    );
    expect(said).toEqual([true, true]);
  });

  test('that are no JSON are named by their place', async () => {
    const said = await answer(
      makeProject(FILES),
      `
from dl_jobs.errors import JobError
def why(call):
    try:
        call()
    except JobError as error:
        return [error.code, error.message.split(', got')[0]]
print(json.dumps([
    why(lambda: DLJob('tasks.echo', 'echo', args=[1, {'a': object}]).run()),
    why(lambda: DLJob('tasks.echo', 'echo', task_kwargs={'x': object}).run()),
    why(lambda: DLJob('tasks.echo', 'echo', args_list=[1, object]).run()),
    why(lambda: run('product', 'create', args=[object])),
]))`,
    );
    const expected = 'expected a value that JSON can hold';
    expect(said).toEqual([
      ['JOB_INVALID', `tasks.echo.echo: args[1].a: ${expected}`],
      ['JOB_INVALID', `tasks.echo.echo: task_kwargs.x: ${expected}`],
      ['ARGS_INVALID', `args_list[1]: ${expected}`],
      ['JOB_INVALID', `product.create: args[0]: ${expected}`],
    ]);
  });

  test('of attributes are taken as they are when the job is run', async () => {
    const said = await answer(
      makeProject(FILES),
      `
job = DLJob('tasks.work', 'nothing', args_list=[1, 2], noisy=True)
job.noisy, job.results_dir, job.save_results, job.name, job.results_timestamp = False, 'out', 'mine', 'new', False
job.method_name = 'napping'
print(json.dumps([job.run(), job.results_path.endswith('/out/mine.ndjson'), job.name, job.summary.spec['noisy']]))`,
    );
    expect(said).toEqual([[1, 2], true, 'new', false]);
  });
});

describe('a list', requires('python3'), () => {
  test('that is slow does not hide how the run ended', async () => {
    const project = makeProject({ ...FILES, 'dl_jobs.config.yaml': 'fail_fast: true\nworkers: 1\n' });
    const [said] = await both(
      project,
      `
import glob, time
from dl_jobs.errors import DLJobsError
def numbers():
    yield 1
    # Once the first has failed: else both may be run before anybody knows.
    while not any('"s":"error"' in open(path).read() for path in glob.glob('dl_jobs/runs/*/journal/*.ndjson')):
        time.sleep(0.02)
    time.sleep(2)
    yield 2
job = DLJob('tasks.echo', 'fail', args_list=numbers(), noisy=False)
try:
    job.run()
except DLJobsError as error:
    print(json.dumps([error.code, job.summary.status]))`,
    );
    expect(said).toEqual(['RUN_STOPPED', 'stopped']);
  });

  test.each([
    ['KeyboardInterrupt', 'interrupted'],
    ['SystemExit(3)', 'interrupted'],
    ['GeneratorExit', 'interrupted'],
  ])('that raises %s ends the run', async (raised, status) => {
    const project = makeProject(FILES);
    const [said] = await both(
      project,
      `
def numbers():
    yield 1
    raise ${raised}
try:
    DLJob('tasks.work', 'napping', args_list=numbers(), noisy=False).run()
except BaseException as error:
    print(json.dumps(repr(error)))`,
    );
    expect(said).toContain(raised.replace(/\(.*/, ''));
    expect((await project.run(['status'])).stdout).toContain(status);
  });

  test('that throws keeps what it gave before, and says why on the first line', async () => {
    const job = `
from dl_jobs.job import DLJob
class Odd(Exception):
    def __str__(self):
        raise RuntimeError('no text')
def numbers(odd):
    for i in range(30):
        yield i
    raise Odd() if odd else KeyError('mine')
def task(odd=''):
    return DLJob('tasks.work', 'napping', args_list=numbers(odd), noisy=False)
`;
    const project = makeProject({ ...FILES, 'run/thrown.py': job });
    const { code, stderr } = await project.run(['run', 'thrown']);
    expect(code).toBe(2);
    expect(stderr).toContain("error: the argument list of thrown threw KeyError: 'mine' [ARGS_INVALID]");
    const resumed = await project.run(['resume', '--seal']);
    expect(resumed.stderr).toContain('30 tasks, 30 ok');
    const odd = await project.run(['run', 'thrown', 'odd']);
    expect(odd.code).toBe(2);
    expect(odd.stderr).toContain('threw Odd: <its text cannot be had>');
    expect(odd.stderr).not.toContain('_define');
  });

  test('may run jobs of its own, which Ctrl-C ends with it', async () => {
    const [said, stderr] = await both(
      makeProject(FILES),
      `
import os, signal, threading
def inner():
    yield 1
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    while True:
        import time
        time.sleep(0.01)
        yield 2
def outer():
    yield from DLJob('tasks.work', 'napping', args_list=inner(), noisy=False).run()
try:
    DLJob('tasks.work', 'napping', args_list=outer(), noisy=False).run()
except KeyboardInterrupt:
    print(json.dumps('both have ended'))`,
    );
    expect(said, stderr).toBe('both have ended');
  });
});

describe('a program', requires('python3'), () => {
  test('that holds its task and runs a job when it is imported is told to guard that', async () => {
    const project = makeProject({
      ...FILES,
      'whole.py':
        'from dl_jobs.job import DLJob\ndef task(x):\n    return x\nDLJob("whole", args_list=2).run()\n',
    });
    const { code, stderr } = await runPython(project, ['whole.py']);
    expect(code).toBe(1);
    expect(stderr).toContain("if __name__ == '__main__':");
    expect((await project.run(['runs'])).stdout.trimEnd().split('\n').length).toBeLessThan(4);
  });

  test.each([
    ['<&-', ''],
    ['>&-', ''],
    ['<&- >&- 2>&-', ''],
    ['', 'sys.stdout = None'],
    ['', 'sys.stdout.close()'],
    ['', "sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding='ascii')"],
    ['', 'sys.stderr = sys.stdout = Broken()'],
  ])('with odd streams gets its values: %s %s', async (redirections, change) => {
    const project = makeProject(FILES);
    writeFileSync(
      project.path('odd.py'),
      `
import io, json, sys
from dl_jobs.job import DLJob
class Broken(object):
    def write(self, text):
        raise RuntimeError('broken')
${change}
values = DLJob('tasks.work', 'work', args_list=['é']).run()
open('values.json', 'w').write(json.dumps(values))
`,
    );
    const shell = await runPython(project, ['-c', `import os; os.system("python3 odd.py ${redirections}")`]);
    expect(shell.stderr).not.toContain('Traceback');
    expect(await answer(project, "print(open('values.json').read())")).toEqual([{ x: 'é', k: null }]);
  });

  test('whose job function leaves something running need not wait for that', async () => {
    const project = makeProject({
      ...FILES,
      'run/leaves.py': `
import subprocess
from dl_jobs.job import DLJob
def task():
    open('pid', 'w').write(str(subprocess.Popen(['sleep', '600']).pid))
    return DLJob('tasks.work', 'nothing', args_list=1)
`,
    });
    const said = await answer(
      project,
      `
import contextlib, io, os
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    [summary] = run('leaves')
os.kill(int(open('pid').read()), 9)
print(json.dumps(summary.counts['ok']))`,
    );
    expect(said).toBe(1);
  });
});
