/** Python programs that run jobs: scripts and notebooks. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject, runProcess } from '../support/project.js';
import { guest, PROGRAM_FILES as FILES, programPythons, programsOf } from '../support/python-program.js';
import { requires } from '../support/requires.js';

describe.each(programPythons())('a job that a program of %s runs', requires('python3'), (_, interpreter) => {
  const { answer, python, runPython } = programsOf(interpreter);

  test('gives the value of a single task, and where it was written', async () => {
    const project = makeProject(FILES, { hostilePath: true });
    const said = await answer(
      project,
      `
job = DLJob('tasks.work', 'work', args=['ü "1"'], kwargs={'k': [1, None]})
value = job.run()
print(json.dumps([value, open(job.results_path).read(), open(job.log_file).read().count('working on'), job.errors_path,
                  job.timer.duration(), job.summary.status, job.name in job.results_path.replace('_', ' ') or job.name]))`,
    );
    const value = { x: 'ü "1"', k: [1, null] };
    expect(said).toEqual([
      value,
      `${JSON.stringify(value)}\n`,
      1,
      null,
      expect.stringMatching(/^0:00:\d\d$/),
      'finished',
      expect.anything(),
    ]);
  });

  test('gives the values of a list in order, error lines among them, and what each task came to', async () => {
    const project = makeProject(FILES);
    const said = await answer(
      project,
      `
job = DLJob('tasks.work', 'work', args_list=(x for x in ['a', 'bad', 'err', 'b']), noisy=False)
values = job.run()
print(json.dumps([values, [[t.id, t.is_success, t.exception, t.failure_type, t.log] for t in job.tasks],
                  job.summary.counts, job.summary.failed, isinstance(values, list)]))`,
    );
    const [values, tasks, counts, failed, isList] = said as [unknown[], ...unknown[]];
    expect(values).toEqual([
      { x: 'a', k: null },
      expect.objectContaining({ ERROR: 'bad "one"\n', ARGS: ['bad'], KWARGS: {}, TYPE: 'ValueError' }),
      { ERROR: 'mine', x: 'err' },
      { x: 'b', k: null },
    ]);
    expect(tasks).toEqual([
      [0, true, null, null, 'working on a\n'],
      [1, false, 'ValueError: bad "one"\n', 'exception', ''],
      [2, false, null, 'returned', ''],
      [3, true, null, null, 'working on b\n'],
    ]);
    expect(counts).toMatchObject({ total: 4, ok: 2, errors: 2 });
    expect([failed, isList]).toEqual([true, true]);
  });

  test('may be of any kind: a count, a range in a list, a path, none, with decorators, in TypeScript', async () => {
    const project = makeProject({
      ...FILES,
      'tiles.ndjson': '{"value": 1}\n{"value": "__proto__", "k": 2}\n',
    });
    const said = await answer(
      project,
      `
print(json.dumps([
    DLJob('tasks.work', 'nothing', args_list=3).run(),
    DLJob('tasks.work', 'work', args_list=[range(2)]).run(),
    DLJob('tasks.work', 'both', args_list='tiles.ndjson').run(),
    DLJob('tasks.work', 'nothing', args_list=[]).run(),
    DLJob('tasks.work', 'both', args=[5]).run(),
    DLJob('tasks.work', 'nothing', args=[5]).run(),
    DLJob('tasks.script', 'twice', args_list=[4]).run(),
]))`,
    );
    expect(said).toEqual([
      [null, null, null],
      [
        { x: 0, k: null },
        { x: 1, k: null },
      ],
      [
        { value: 1, k: null },
        { value: '__proto__', k: 2 },
      ],
      [],
      { value: 5, k: null },
      null,
      [{ twice: 8 }],
    ]);
  });

  test('of one task raises what went wrong in it', async () => {
    const project = makeProject(FILES);
    const said = await answer(
      project,
      `
from dl_jobs.errors import DLJobsError, TaskError
try:
    DLJob('tasks.work', 'work', args=['bad']).run()
except TaskError as error:
    print(json.dumps([error.code, error.type, error.failure_type, error.stack, str(error), isinstance(error, DLJobsError)]))`,
    );
    const [code, type, failure, stack, text, isOurs] = said as string[];
    expect([code, type, failure, isOurs]).toEqual(['TASK_FAILED', 'ValueError', 'exception', true]);
    expect(stack).toContain('tasks/work.py", line');
    expect(text).toMatch(/^tasks\.work\.work: ValueError: bad "one"/);
    expect(text).toMatch(/`dl_jobs replay \S+ --task 0`/);
    const [run] = readdirSync(project.path('dl_jobs/runs'));
    expect((await project.run(['replay', run as string, '--task', '0'])).stderr).toContain('ValueError');
  });

  test('that is broken raises an error with a code and a hint, before anything runs', async () => {
    const said = await answer(
      makeProject(FILES),
      `
from dl_jobs.errors import DLJobsError
def why(**how):
    try:
        DLJob(**how).run()
    except DLJobsError as error:
        return [error.code, bool(error.hint), error.message]
print(json.dumps([why(module_name='tasks.wrok'), why(module_name='tasks.work', method_name='wrk'),
                  why(module_name='tasks.work', args_list='none.ndjson'), why(module_name='tasks.work', cpus='many')]))`,
    );
    expect(said).toEqual([
      ['MODULE_NOT_FOUND', true, expect.stringContaining('tasks.wrok')],
      ['TASK_FUNCTION_NOT_FOUND', true, expect.stringContaining('wrk')],
      ['ARGS_INVALID', true, expect.stringContaining('none.ndjson')],
      ['JOB_INVALID', true, expect.stringContaining('many')],
    ]);
  });

  test('raises what its argument list raises, as it was', async () => {
    const said = await answer(
      makeProject(FILES),
      `
class Mine(Exception):
    pass
def numbers():
    yield 1
    raise Mine('second')
import traceback
try:
    DLJob('tasks.work', 'nothing', args_list=numbers()).run()
except Mine as error:
    print(json.dumps(''.join(traceback.format_exception(type(error), error, error.__traceback__))))`,
    );
    expect(said).toContain('in numbers');
    expect(said).toContain('Mine: second');
  });

  test('begins before its list is complete', async () => {
    const project = makeProject(FILES);
    const said = await answer(
      project,
      `
import glob, time
def numbers():
    for i in range(5):
        yield i
    # The list goes on only when a task has been done.
    end = time.time() + 30
    while not any('"end' in open(path).read() for path in glob.glob('dl_jobs/runs/*/journal/*.ndjson')):
        if time.time() > end:
            raise RuntimeError('no task began')
        time.sleep(0.02)
    yield 5
print(json.dumps(DLJob('tasks.work', 'napping', args_list=numbers(), noisy=False).run()))`,
    );
    expect(said).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('shows itself where the program prints, though that be no file', async () => {
    const said = await answer(
      makeProject(FILES),
      `
import io, contextlib
out, err = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    job = DLJob('tasks.work', 'work', args=['ü'])
    job.run()
    again = io.StringIO()
    with contextlib.redirect_stdout(again):
        job.print_logs()
print(json.dumps([out.getvalue(), err.getvalue(), again.getvalue()]))`,
    );
    const [out, err, again] = said as string[];
    expect(out).toContain('{"x":"ü","k":null}\n');
    expect(out).toContain('working on ü\n');
    expect(err).toContain('1 task, 1 ok');
    expect(again).toBe('logs[0]\nworking on ü\n');
  });

  test('shows nothing of what went well when it is not noisy', async () => {
    const { stdout, stderr } = await python(
      makeProject(FILES),
      `from dl_jobs.job import DLJob\nDLJob('tasks.work', 'nothing', args_list=3, noisy=False).run()`,
    );
    expect([stdout, stderr]).toEqual(['', '']);
  });

  test('runs in the interpreter of the program, unless the project names one', async () => {
    const program = `
import sys
print(json.dumps(DLJob('tasks.work', 'python', args=[1]).run() == sys.executable))`;
    const project = makeProject(FILES);
    const venv = project.path('own venv');
    expect((await runPython(project, ['-m', 'venv', '--without-pip', venv])).code).toBe(0);
    const own = async (): Promise<unknown> => {
      const { stdout, stderr } = await runProcess(
        join(venv, 'bin/python'),
        ['-c', `import json\nfrom dl_jobs.job import DLJob\n${program}`],
        { cwd: project.dir, env: { PYTHONPATH: guest } },
      );
      return stdout.trimEnd().split('\n').at(-1) ?? stderr;
    };
    expect(await own()).toBe('true');
    expect(await answer(project, program, { env: { DL_JOBS_PYTHON: join(venv, 'bin/python') } })).toBe(false);
  });

  test('can be asked for its summary alone, which stays readable', async () => {
    const said = await answer(
      makeProject(FILES),
      `
job = DLJob('tasks.work', 'work', args_list=['a', 'bad'], noisy=False, name='two')
summary = job.run(values=False)
print(json.dumps([summary.counts['ok'], summary.failures, summary.is_local, [t.is_success for t in summary.tasks()], repr(summary), job.name]))`,
    );
    expect(said).toEqual([
      1,
      { exception: 1 },
      true,
      [true, false],
      expect.stringContaining('1 of 2 ok, 1 errors'),
      'two',
    ]);
  });

  test('that a rule stops raises, and can be gone on with', async () => {
    const project = makeProject({ ...FILES, 'dl_jobs.config.yaml': 'fail_fast: true\nworkers: 1\n' });
    const said = await answer(
      project,
      `
from dl_jobs.errors import DLJobsError
job = DLJob('tasks.work', 'work', args_list=['bad'] + list(range(2000)), noisy=False)
try:
    job.run()
except DLJobsError as error:
    print(json.dumps([error.code, error.hint, len(job.tasks) > 0]))`,
    );
    expect(said).toEqual(['RUN_STOPPED', expect.stringContaining('dl_jobs resume 2'), true]);
  });
});
