/** What the package for Python has besides `DLJob`: `python -m`, cli, config, test_jobs, and `dl_jobs.job.run`. */
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeProject, readNdjson, runProcess } from '../support/project.js';
import { guest, PROGRAM_FILES as FILES, programPythons, programsOf } from '../support/python-program.js';
import { requires } from '../support/requires.js';

describe.each(programPythons())('python -m dl_jobs, %s', requires('python3'), (_, interpreter) => {
  const { python, runPython } = programsOf(interpreter);

  test('is the command line', async () => {
    const project = makeProject(FILES);
    const ran = await runPython(project, [
      '-m',
      'dl_jobs',
      'run',
      'product.create',
      'a b',
      'k=2',
      '--no-noisy',
    ]);
    expect(ran.code, ran.stderr).toBe(0);
    expect(readNdjson(project.path('results/single.ndjson'))).toEqual([{ value: 'a b', k: '2' }]);
    expect((await runPython(project, ['-m', 'dl_jobs', 'run', 'nowhere'])).code).toBe(2);
    const failing = await runPython(project, ['-m', 'dl_jobs', 'run', 'product.create', 'bad']);
    expect(failing.code).toBe(1);
  });

  test('and dl_jobs.cli have the same exit codes', async () => {
    const project = makeProject(FILES);
    const program = `
import sys
from dl_jobs import cli
print(cli.run('nowhere'), cli.test(1, 'a'), cli.config('noisy=false'))
sys.argv[1:] = ['run', 'product.create', 'bad']
cli.cli()`;
    const { code, stdout } = await python(project, program);
    expect(stdout).toContain('2 0 0');
    expect(code).toBe(1);
    expect(readFileSync(project.path('dl_jobs.config.yaml'), 'utf8')).toContain('noisy: false');
  });

  test('without Node says what is missing', async () => {
    const project = makeProject(FILES);
    mkdirSync(project.path('bin'));
    const where = await runProcess('python3', ['-c', 'import sys; print(sys.executable)']);
    symlinkSync(where.stdout.trim(), project.path('bin/python3'));
    const env = { PYTHONPATH: guest, PATH: project.path('bin') };
    const bare = await runProcess(where.stdout.trim(), ['-m', 'dl_jobs', 'list'], { cwd: project.dir, env });
    expect(bare).toMatchObject({ code: 3 });
    expect(bare.stderr).toBe(
      'error: expected `node` on the PATH, found none [NODE_MISSING]\n  Install Node.js 20.19 or later.\n',
    );
  });
});

describe.each(programPythons())('dl_jobs.config, %s', requires('python3'), (_, interpreter) => {
  const { answer } = programsOf(interpreter);

  test('is what is in force where the program stands, and is written by generate', async () => {
    const project = makeProject({ ...FILES, 'dl_jobs.config.yaml': 'cpus: 3\nnoisy: no\n', 'deep/er/x': '' });
    const said = await answer(
      project,
      `
import os
from dl_jobs import config
from dl_jobs.errors import DLJobsError
os.chdir('deep/er')
before = [config.get('cpus'), config.CONFIG['noisy'], config.get('gpus'), DLJob('tasks.work').cpus]
config.generate(cpus=4, suppress=['Deprecation "x"'], results_dir='r/ü', save_results=False, workers=2)
text = open('dl_jobs.config.yaml').read()
after = [config.get('cpus'), config.CONFIG['results_dir'], config.get('workers'), config.get('suppress')]
def why(**how):
    try:
        config.generate(**how)
    except DLJobsError as error:
        return str(error)
errors = [why(), why(cpus='many', force=True), why(colour=1, force=True)]
config.generate(gpus=1, force=True)
print(json.dumps([before, 'save_results: false' in text, after, errors, config.get('cpus'), config.get('gpus')]))`,
      { env: { DL_JOBS_GPUS: '2' } },
    );
    const [before, isWritten, after, errors, cpus, gpus] = said as [
      unknown,
      unknown,
      unknown,
      string[],
      unknown,
      unknown,
    ];
    expect(before).toEqual([3, false, 2, 3]);
    expect(isWritten).toBe(true);
    expect(after).toEqual([4, 'r/ü', 2, ['Deprecation "x"']]);
    expect(errors[0]).toContain('CONFIG_EXISTS');
    expect(errors[1]).toContain('many');
    expect(errors[2]).toContain('colour');
    expect([cpus, gpus]).toEqual([1, 2]);
  });
});

describe.each(programPythons())('dl_jobs.test_jobs, %s', requires('python3'), (_, interpreter) => {
  const { answer } = programsOf(interpreter);

  test('gives back what its tasks were called with, from a program and a job function', async () => {
    const project = makeProject({ ...FILES, 'run/hello.py': 'from dl_jobs.test_jobs import task\n' });
    const said = await answer(
      project,
      `
from dl_jobs.test_jobs import task, return_args
print(json.dumps([task(1, 'a', k='b').local_run(), task('2', 'a').local_run(), return_args(5)]))`,
    );
    expect(said).toEqual([
      [{ args: ['a'], kwargs: { k: 'b' } }],
      [
        { task_id: 0, args: ['a'], kwargs: {} },
        { task_id: 1, args: ['a'], kwargs: {} },
      ],
      5,
    ]);
    const { code, stderr } = await project.run(['run', 'hello', '3', 'x']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('3 tasks, 3 ok');
  });
});

describe.each(programPythons())('the run helper, %s', requires('python3'), (_, interpreter) => {
  const { answer } = programsOf(interpreter);

  test('calls job functions of both languages, and returns the summaries', async () => {
    const project = makeProject(FILES);
    const said = await answer(
      project,
      `
made = run('product', 'create', args=['a', 'b'], kwargs={'k': '2'}, noisy=False)
print(json.dumps([[s.status, s.counts['ok']] for s in made + run('script', args=['4'])]))`,
    );
    expect(said).toEqual([
      ['finished', 2],
      ['finished', 1],
      ['finished', 1],
    ]);
    expect(readNdjson(project.path('results/made.ndjson'))).toEqual(
      expect.arrayContaining([
        { x: 'a', k: null },
        { x: 'b', k: null },
      ]),
    );
    expect(readNdjson(project.path('results/single.ndjson'))).toEqual([{ value: 'a', k: '2' }]);
  });

  test('takes arguments as a list or the path of a file, another folder of modules, and dev', async () => {
    const project = makeProject({
      ...FILES,
      'jobs/deep.py':
        "from dl_jobs.job import DLJob\ndef task():\n    return DLJob('tasks.work', 'nothing', args_list=1, platform_job=True)\n",
      'tiles.ndjson': '1\n2\n3\n',
      'dl_jobs.config.yaml': 'platform: slurm\nis_dev: false\n',
    });
    const said = await answer(
      project,
      `
how = dict(module_dir='jobs', dev=True, noisy=False, print_logs=False)
print(json.dumps([run('deep', args_list=given, **how)[0].counts['ok'] for given in ([7, 8], (n for n in range(4)), 'tiles.ndjson', None)]))`,
    );
    expect(said).toEqual([2, 4, 3, 1]);
  });

  test('a job function may run jobs itself, where --dev says', async () => {
    const project = makeProject({
      ...FILES,
      'run/chain.py': `
from dl_jobs.job import DLJob
def task():
    first = DLJob('tasks.work', 'napping', args_list=3, platform_job=True, noisy=False).run()
    print('first', first)
    return DLJob('tasks.work', 'work', args_list=first, save_results='chain', results_timestamp=False)
`,
      'dl_jobs.config.yaml': 'platform: slurm\n',
    });
    const { code, stdout, stderr } = await project.run(['run', 'chain']);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('first [0, 1, 2]\n');
    expect(readNdjson(project.path('results/chain.ndjson'))).toHaveLength(3);
  });
});
