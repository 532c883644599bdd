/** A project, and Python programs in it that run jobs. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { findOldest } from '../../scripts/pythons.mjs';
import { repoRoot, runProcess, type Project, type RunOptions, type RunResult } from './project.js';

/** Where Python finds the package. */
export const guest = join(repoRoot, 'python');

export const PROGRAM_FILES = {
  'tasks/work.py': `
import os, sys, time
from dl_jobs.decorators import as_json, attempt, expand_args

def work(x, k=None):
    if x == 'bad':
        raise ValueError('bad "one"\\n')
    if x == 'err':
        return {'ERROR': 'mine', 'x': x}
    print('working on', x)
    return {'x': x, 'k': k}

def nothing(x):
    return None

def napping(x):
    time.sleep(0.05)
    return x

def python(x):
    return sys.executable

@as_json
@attempt
@expand_args
def both(value, k=None):
    return {'value': value, 'k': k}
`,
  'tasks/script.ts': 'export const twice = (n: number) => ({ twice: 2 * n });\n',
  'run/product.py': `
from dl_jobs.job import DLJob

def create(name, *args, **kwargs):
    return [None, DLJob('tasks.work', 'work', args_list=[name, *args], save_results='made', results_timestamp=False),
            DLJob('tasks.work', 'both', args=[name], kwargs={'k': kwargs.get('k')}, save_results='single', results_timestamp=False)]
`,
  'run/script.ts': `
import { DLJob } from 'dl-jobs';
export const task = (n: string) => new DLJob({ moduleName: 'tasks.script', methodName: 'twice', argsList: [Number(n)] });
`,
};

/** The interpreters that programs are tried with: `python3`, and the oldest that there is beside it. */
export function programPythons(): readonly (readonly [name: string, python: string])[] {
  const oldest = findOldest();
  return [
    ['python3', 'python3'],
    ...(oldest === undefined ? [] : [[`Python 3.${oldest.minor}`, oldest.path] as const]),
  ];
}

/** Python programs, in one interpreter. */
export interface Programs {
  /** Runs a program in the project. */
  readonly python: (project: Project, program: string, how?: RunOptions) => Promise<RunResult>;
  /** Runs `python <words>` in the project. */
  readonly runPython: (project: Project, words: readonly string[], how?: RunOptions) => Promise<RunResult>;
  /** Runs a program that prints JSON last. */
  readonly answer: (project: Project, program: string, how?: RunOptions) => Promise<unknown>;
}

export function programsOf(interpreter: string): Programs {
  const path = `${join(process.execPath, '..')}:${process.env['PATH']}`;
  const runPython: Programs['runPython'] = (project, words, how = {}) =>
    runProcess(interpreter, words, {
      ...how,
      cwd: project.dir,
      env: { PYTHONPATH: guest, PATH: path, ...how.env },
    });
  const python: Programs['python'] = (project, program, how) => runPython(project, ['-c', program], how);
  const answer: Programs['answer'] = async (project, program, how) => {
    const imports = 'import json\nfrom dl_jobs.job import DLJob, run\n';
    const { code, stdout, stderr } = await python(project, imports + program, how);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) as string);
  };
  return { python, runPython, answer };
}

export const { python, runPython } = programsOf('python3');
