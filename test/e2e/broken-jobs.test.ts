/** A job that cannot run says why, in our words and the user's lines, with its exit code. */
import { describe, expect, test } from 'vitest';
import { makeProject } from '../support/project.js';
import { requires } from '../support/requires.js';

const FILES = {
  'args.ndjson': '0\n1\n',
  'tasks/good.ts': 'export const f = () => 1; export const greet = () => 2;',
  'tasks/throws.ts': "const a: number = 1;\n\nthrow new Error('while loading ' + a);\n",
  'tasks/rejects.ts': "\nawait Promise.reject(new Error('top level'));\nexport const f = () => 1;\n",
  'tasks/exits.ts': "console.log('last words');\nprocess.exit(5);\n",
  'tasks/syntax.ts': '\nexport function f( {\n',
  'tasks/imports.ts': "import './gone';\nexport const f = () => 1;\n",
  'tasks/good.js': '',
  'tasks/only.ts': 'export const greet = () => 2;',
  'py/good.py': 'def f(x): return x\ndef other(x): return x\n',
  'py/throws.py': '\nraise ValueError("while loading")\n',
  'py/exits.py': 'import os\nprint("last words", flush=True)\nos._exit(5)\n',
  'py/sysexit.py': 'import sys\nsys.exit("no more")\n',
  'py/syntax.py': '\ndef f(:\n',
  'py/imports.py': 'import no_such_module_at_all\n',
  'twice/m.ts': 'export const f = () => 1;',
  'twice/m.py': 'def f(x): return x\n',
};

interface Case {
  readonly title: string;
  readonly method: string;
  readonly code: number;
  readonly error: string;
  readonly says: readonly RegExp[];
  readonly more?: readonly string[];
}

const TYPESCRIPT: Case[] = [
  { title: 'a missing module', method: 'tasks.god.f', code: 2, error: 'MODULE_NOT_FOUND', says: [/good/] },
  {
    title: 'a missing function',
    method: 'tasks.only.gret',
    code: 2,
    error: 'TASK_FUNCTION_NOT_FOUND',
    says: [/gret/, /greet/],
  },
  {
    title: 'two modules of one name',
    method: 'tasks.good.f',
    code: 2,
    error: 'MODULE_AMBIGUOUS',
    says: [/good\.ts/, /good\.js/],
  },
  {
    title: 'two languages of one name',
    method: 'twice.m.f',
    code: 2,
    error: 'MODULE_AMBIGUOUS',
    says: [/m\.ts/, /m\.py/],
  },
  {
    title: 'a module that throws',
    method: 'tasks.throws.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/while loading 1/, /tasks\/throws\.ts:3:/],
  },
  {
    title: 'a module that rejects',
    method: 'tasks.rejects.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/top level/, /tasks\/rejects\.ts:2:/],
  },
  {
    title: 'a module that exits',
    method: 'tasks.exits.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/exit code 5/, /last words/],
  },
  {
    title: 'a syntax error',
    method: 'tasks.syntax.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/tasks\/syntax\.ts:\d/],
  },
  {
    title: 'a missing import',
    method: 'tasks.imports.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/gone/, /imports\.ts/],
  },
  {
    title: 'a wrong option',
    method: 'tasks.only.greet',
    code: 2,
    error: 'UNKNOWN_OPTION',
    says: [/--noisy/],
    more: ['--nosy'],
  },
  {
    title: 'an unknown platform',
    method: 'tasks.only.greet',
    code: 2,
    error: 'PLATFORM_UNKNOWN|CONFIG_INVALID',
    says: [/mars/],
    more: ['--platform', 'mars'],
  },
];

const PYTHON: Case[] = [
  {
    title: 'a missing function',
    method: 'py.good.g',
    code: 2,
    error: 'TASK_FUNCTION_NOT_FOUND',
    says: [/`g`/, /f, other/],
  },
  {
    title: 'a module that raises',
    method: 'py.throws.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/while loading/, /py\/throws\.py", line 2/],
  },
  {
    title: 'a module that exits',
    method: 'py.exits.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/exit code 5/, /last words/],
  },
  {
    title: 'a module that calls sys.exit',
    method: 'py.sysexit.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/no more/],
  },
  {
    title: 'a syntax error',
    method: 'py.syntax.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/py\/syntax\.py/, /line 2/],
  },
  {
    title: 'a missing import',
    method: 'py.imports.f',
    code: 2,
    error: 'MODULE_LOAD_FAILED',
    says: [/no_such_module_at_all/],
  },
];

async function check({ method, code, error, says, more = [] }: Case): Promise<void> {
  const project = makeProject(FILES);
  const result = await project.run(['map', method, '--args_list', 'args.ndjson', ...more]);
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(new RegExp(`^error: [^]*\\[(${error})\\]$`, 'm'));
  for (const part of says) expect(result.stderr).toMatch(part);
  // No frame of ours, and no file of the snapshot.
  expect(result.stderr).not.toMatch(/node:internal|\/dist\/|dl_jobs\/runs\/.*\/code|_host\.py|This is a bug/);
  expect(result.code).toBe(code);
}

describe('a broken TypeScript job', () => {
  test.for(TYPESCRIPT)('$title', async (one) => check(one));
});

describe('a broken Python job', requires('python3'), () => {
  test.for(PYTHON)('$title', async (one) => check(one));
});

test('a missing interpreter is named, with what to do', async () => {
  const project = makeProject({ ...FILES, 'dl_jobs.config.yaml': 'python: /no/such/python\n' });
  const { code, stderr } = await project.run(['map', 'py.good.f', '--args_list', 'args.ndjson']);
  expect(code).toBe(3);
  expect(stderr).toMatch(/error: .*\/no\/such\/python.*\[PYTHON_NOT_FOUND\]/);
  expect(stderr).toContain('dl_jobs.config.yaml');
});
