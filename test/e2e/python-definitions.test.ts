/** Jobs defined in Python, as projects of the original have them. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startServer } from '../support/earthone-server.js';
import { makeProject, readNdjson, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';

const FILES = {
  'run/product.py': `
from __future__ import print_function
from dl_jobs.job import DLJob
import dl_jobs.helpers as h
import dl_jobs.nd_json as ndj
from lib.shared import FACTOR


def create(name, *args, **kwargs):
    """Makes a product.

    Only if it is confirmed.
    """
    print('creating', name, args, sorted(kwargs.items()))
    if not h.truthy(kwargs.get('confirm', False)):
        return None
    lines = h.update_list({'product': name}, ndj.read('tiles.ndjson'))
    return [
        None,
        DLJob(module_name='tasks.work', method_name='work', args_list=lines, modules=['dl_jobs', 'lib'],
              platform_job=True, save_results=name, results_timestamp=False, task_kwargs={'memory': '1GB'}),
        DLJob('tasks.work', 'both', args=[name], kwargs={'k': FACTOR}, noisy=False, save_results='single',
              results_timestamp=False),
    ]


def task(value='3'):
    return DLJob('tasks.work', 'both', args=[value], save_results='task', results_timestamp=False)


def counted(n):
    return DLJob('tasks.work', 'work', args_list=int(n), save_results='counted', results_timestamp=False)


def rows(**kwargs):
    return DLJob('tasks.work', 'work', args_list=[range(3)], name='named', cpus=kwargs.get('cpus'), results_dir='out')


def typescript():
    return DLJob('tasks.script', 'twice', args_list=[1, 2], save_results='script', results_timestamp=False)


def throws():
    raise ValueError('no product "today"\\n')


def nothing_of_ours():
    return [{'module_name': 'tasks.work'}]


def leaves():
    import os
    os._exit(3)


def late():
    def numbers():
        yield 1
        raise KeyError('second')
    return DLJob('tasks.work', 'work', args_list=numbers())


def both_lists():
    return DLJob('tasks.work', 'work', args_list=[1], args=[2])


def config():
    from dl_jobs import config, constants
    from dl_jobs.config import CONFIG
    print(CONFIG['results_dir'], config.get('is_dev'), constants.IMAGES['py37'])
    job = task()
    print(job.results_dir, job.cpus, job.method_name, job.full_method_name('a', 'b'), job.kwargs, job.args)
`,
  'run/nested/__init__.py': '',
  'run/nested/deep.py': `
from dl_jobs.job import DLJob

def task():
    return DLJob(module_name='tasks.work', args=['deep'], save_results='deep', results_timestamp=False)
`,
  'run/broken.py': 'import nowhere_to_be_found\n',
  'run/twice.py': 'def task(): pass\n',
  'run/twice.ts': 'export const task = () => null;\n',
  'lib/__init__.py': '',
  'lib/shared.py': 'FACTOR = 7\n',
  'tasks/work.py': `
from dl_jobs.decorators import as_json, attempt, expand_args

def work(arg):
    return {'got': arg}

def task(value):
    return {'value': value}

@as_json
@attempt
@expand_args
def both(value, k=None):
    return {'value': value, 'k': k}
`,
  'tasks/script.ts': 'export const twice = (n: number) => ({ twice: 2 * n });\n',
  'tiles.ndjson': '{"tile": 1}\n{"tile": "ü \\" 2"}\n',
  'dl_jobs.config.yaml': 'is_dev: true\nresults_dir: results\nnoisy: false\n',
};

const results = (project: Project, name: string): unknown[] =>
  readNdjson(project.path(`results/${name}.ndjson`)).sort((a, b) =>
    JSON.stringify(a) < JSON.stringify(b) ? -1 : 1,
  );

describe('a job function in Python', requires('python3'), () => {
  test('gets words and keywords, and its jobs run in order', async () => {
    const project = makeProject(FILES, { hostilePath: true });
    const { code, stdout, stderr } = await project.run([
      'run',
      'product.create',
      'ama zon',
      'x',
      'confirm=true',
    ]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("creating ama zon ('x',) [('confirm', 'true')]\n");
    expect(results(project, 'ama.zon')).toEqual([
      { got: { product: 'ama zon', tile: 'ü " 2' } },
      { got: { product: 'ama zon', tile: 1 } },
    ]);
    expect(results(project, 'single')).toEqual([{ k: 7, value: 'ama zon' }]);
  });

  test('may return nothing, and is found by its module alone or in a package', async () => {
    const project = makeProject(FILES);
    const { code, stderr } = await project.run(['run', 'product.create', 'amazon']);
    expect(code).toBe(0);
    expect(stderr).toContain('no job was found for product.create');
    expect((await project.run(['run', 'product'])).code).toBe(0);
    expect(results(project, 'task')).toEqual([{ k: null, value: '3' }]);
    expect((await project.run(['run', 'nested.deep'])).code).toBe(0);
    expect(results(project, 'deep')).toEqual([{ value: 'deep' }]);
  });

  test('may give a count, a range in a list, and a task in TypeScript', async () => {
    const project = makeProject(FILES);
    expect((await project.run(['run', 'product.counted', '3'])).code).toBe(0);
    expect(results(project, 'counted')).toEqual([{ got: 0 }, { got: 1 }, { got: 2 }]);
    expect((await project.run(['run', 'product.typescript'])).code).toBe(0);
    expect(results(project, 'script')).toEqual([{ twice: 2 }, { twice: 4 }]);
    const { code, stderr } = await project.run(['run', 'product.rows', '--cpus', '2']);
    expect(code, stderr).toBe(0);
    const [name = ''] = readdirSync(project.path('out'));
    expect(name).toContain('named');
    expect(readFileSync(project.path('out', name), 'utf8').trimEnd().split('\n').sort()).toEqual([
      '{"got":0}',
      '{"got":1}',
      '{"got":2}',
    ]);
  });

  test('takes the place of its arguments from --args_list where it does not read that', async () => {
    const project = makeProject(FILES);
    const { code, stderr } = await project.run([
      'run',
      'product.counted',
      '3',
      '--args_list',
      'tiles.ndjson',
    ]);
    expect(code, stderr).toBe(0);
    expect(results(project, 'counted')).toEqual([{ got: { tile: 'ü " 2' } }, { got: { tile: 1 } }]);
  });

  test('sees the settings in force', async () => {
    const { stdout, code, stderr } = await makeProject(FILES).run(['run', 'product.config']);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(
      'results True us.gcr.io/dl-ci-cd/images/tasks/public/py3.7/default:v2019.02.12\n',
    );
    expect(stdout).toContain("results 1 both a.b {} ['3']\n");
  });

  test.each([
    [['product.throws'], 2, 'JOB_INVALID', 'ValueError: no product "today"', 'run/product.py'],
    [['product.create'], 2, 'USAGE', "missing a required argument: 'name'", 'create(name, *args, **kwargs)'],
    [['product.counted', '1', '2'], 2, 'USAGE', 'too many positional arguments', 'counted(n)'],
    [['product.counted', '1', 'm=2'], 2, 'USAGE', "unexpected keyword argument 'm'", 'counted(n)'],
    [['product.creat'], 2, 'JOB_FUNCTION_NOT_FOUND', 'Did you mean create?', 'run/product.py'],
    [['product.nothing_of_ours'], 2, 'JOB_INVALID', 'expected a DLJob', 'got dict'],
    [['product.leaves'], 2, 'JOB_INVALID', 'ended (exit code 3)', 'return, not exit'],
    [['product.both_lists'], 2, 'JOB_INVALID', 'got both', 'tasks.work.work'],
    [['product.late'], 2, 'ARGS_INVALID', "KeyError: 'second'", 'run/product.py'],
    [['broken'], 2, 'MODULE_LOAD_FAILED', 'nowhere_to_be_found', 'run/broken.py'],
    [['twice'], 2, 'MODULE_AMBIGUOUS', 'twice.py', 'twice.ts'],
  ] as const)('says what is wrong, and shows nothing of ours: %j', async (words, code, id, ...texts) => {
    const result = await makeProject(FILES).run(['run', ...words]);
    expect(result.stderr).toContain(id);
    for (const text of texts) expect(result.stderr).toContain(text);
    expect(result.stderr).not.toMatch(/_define|importlib|python-job/);
    expect(result.code).toBe(code);
  });

  test('is listed, and shows what it takes, without being run', async () => {
    const project = makeProject({
      ...FILES,
      'run/loud.py': 'print("imported")\ndef task(a, b=2, *, c="x"):\n    pass\n',
    });
    const list = await project.run(['list']);
    expect(list.stdout).toContain('product.create NAME [ARGS...] [NAME=VALUE...]  Makes a product.');
    expect(list.stdout).toContain('nested.deep.task');
    expect(list.stdout).not.toContain('imported');
    const help = await project.run(['run', 'loud', '--help']);
    expect(help.stdout).toContain('loud A [B] [c=VALUE]');
  });

  test('runs where the user stands, with the root of the project on its path', async () => {
    const project = makeProject({ ...FILES, 'deep/er/tiles.ndjson': '{"tile": 9}\n' });
    const ran = await project.run(['run', 'product.create', 'there', 'confirm=1'], { cwd: 'deep/er' });
    expect(ran.code, ran.stderr).toBe(0);
    expect(results(project, 'there')).toEqual([{ got: { product: 'there', tile: 9 } }]);
  });

  test('is read by an interpreter that is named relative to the project', async () => {
    const project = makeProject({
      'tools/python': '#!/bin/sh\nexec python3 "$@"\n',
      'run/own.py': 'def task(a):\n    return None\n',
      'dl_jobs.config.yaml': 'python: tools/python\n',
    });
    chmodSync(project.path('tools/python'), 0o755);
    const [list, help, run] = [['list'], ['run', 'own', '--help'], ['run', 'own', '1']];
    expect((await project.run(list)).stdout).toContain('own.task A');
    expect((await project.run(help)).stdout).toContain('own A');
    expect(await project.run(run)).toMatchObject({ code: 0 });
    writeFileSync(project.path('dl_jobs.config.yaml'), 'python: tools/none\n');
    const missing = await project.run(run);
    expect(missing).toMatchObject({ code: 3 });
    expect(missing.stderr).toContain('[PYTHON_NOT_FOUND]');
  });

  test('goes on where its list was when the run was killed, with the code of then', async () => {
    const slow = (factor: number): string => `
import os, time
from dl_jobs.job import DLJob
def numbers(n):
    for i in range(n):
        # Not before it was killed.
        while i >= 100 and not os.path.exists('go'):
            time.sleep(0.01)
        yield ${factor} * i
def task(n):
    return DLJob('tasks.work', 'work', args_list=numbers(int(n)), save_results='slow', results_timestamp=False)
`;
    const project = makeProject({ ...FILES, 'run/slow.py': slow(2) });
    const recorded = (): boolean => {
      const runs = project.path('dl_jobs/runs');
      const [run] = existsSync(runs) ? readdirSync(runs) : [];
      const journal = `${runs}/${run}/journal`;
      if (run === undefined || !existsSync(journal)) return false;
      return readdirSync(journal).some(
        (name) => name.endsWith('.ndjson') && readFileSync(`${journal}/${name}`, 'utf8').includes('"end'),
      );
    };
    const killed = await project.run(['run', 'slow', '300'], {
      onStart: (child) => {
        const look = setInterval(() => {
          if (!recorded()) return;
          clearInterval(look);
          child.kill('SIGKILL');
          // The process that has the list hears of it when it next gives an element.
          writeFileSync(project.path('go'), '');
        }, 20);
      },
    });
    expect(killed.signal).toBe('SIGKILL');
    writeFileSync(project.path('run/slow.py'), slow(3));
    const resumed = await project.run(['resume']);
    expect(resumed.code, resumed.stderr).toBe(0);
    const got = readNdjson<{ got: number }>(project.path('results/slow.ndjson')).map(({ got: n }) => n);
    expect(got.sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => 2 * i));
  });

  test('runs its tasks on EarthOne', { timeout: 60_000 }, async () => {
    const server = await startServer();
    try {
      const project = makeProject(FILES);
      const words = ['run', 'product.create', 'far', 'confirm=1', '--dev', 'false', '--platform', 'earthone'];
      const { code, stderr } = await project.run(words, { env: server.env });
      expect(code, stderr).toBe(0);
      expect(results(project, 'far')).toHaveLength(2);
      expect(server.jobs().length).toBeGreaterThanOrEqual(2);
    } finally {
      await server.stop();
    }
  });
});
