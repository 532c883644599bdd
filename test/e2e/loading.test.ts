/** How task modules are loaded: every flavour of TypeScript and JavaScript, Python packages, snapshots. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { until } from './processes.js';

const ONE = { 'one.ndjson': '5\n', 'dl_jobs.config.yaml': 'noisy: false\nlog: false\n' };

/** Runs a task function over `5`; the one result. */
async function valueOf(project: Project, method: string): Promise<unknown> {
  const { code, stderr } = await project.run(['map', method, '--args_list', 'one.ndjson']);
  const errors = existsSync(project.path('errors')) ? readNdjson(one(project.path('errors/*.ndjson'))) : [];
  expect(errors).toEqual([]);
  expect(code, stderr).toBe(0);
  const [value, ...more] = readNdjson(one(project.path('results/*.ndjson')));
  expect(more).toEqual([]);
  return value;
}

const MODULE = `
import { Colour, double } from './lib/more';
import type { Shape } from './lib/more';
import settings from './lib/settings.json';
import { aliased } from '@lib/aliased';
enum Kind { A = 'a', B = 'b' }
namespace Inner { export const x = 1; }
class Box { constructor(private readonly value: number) {} get() { return this.value; } }
export function f(i: number): unknown {
  const shape: Shape = { side: i };
  return { double: double(shape.side), colour: Colour.Green, kind: Kind.B, inner: Inner.x, name: settings.name,
    aliased: aliased(), box: new Box(i).get() };
}
`;
const LIBRARY = {
  'tasks/m.ts': MODULE,
  'tasks/lib/more.ts': `export enum Colour { Red, Green }
    export interface Shape { side: number }
    export const double = (n: number) => n * 2;`,
  'tasks/lib/settings.json': '{"name":"from json"}',
  'shared/aliased.ts': "export const aliased = () => 'aliased';",
  'tsconfig.json': `{
    // comments are fine here
    "compilerOptions": { "baseUrl": ".", "paths": { "@lib/*": ["./shared/*"] }, "resolveJsonModule": true },
  }`,
};
const EXPECTED = {
  double: 10,
  colour: 1,
  kind: 'b',
  inner: 1,
  name: 'from json',
  aliased: 'aliased',
  box: 5,
};

describe('TypeScript', () => {
  test.for([
    ['an ESM package', '{"type":"module"}'],
    ['a CommonJS package', '{"type":"commonjs"}'],
    ['a package that does not say', '{}'],
    ['no package at all', null],
  ] as const)('extensionless imports, paths, enums and JSON work in %s', async ([, manifest]) => {
    const project = makeProject({
      ...ONE,
      ...LIBRARY,
      ...(manifest !== null && { 'package.json': manifest }),
    });
    expect(await valueOf(project, 'tasks.m.f')).toEqual(EXPECTED);
  });

  test('.mts and .cts, .js imports that mean .ts, and JavaScript of both kinds', async () => {
    const project = makeProject({
      ...ONE,
      'package.json': '{"type":"module"}',
      'tasks/m.mts': `import { b } from './b.cjs'; import { c } from './c.js'; import { d } from './d.js'; import { e } from './e.cjs';
        export const f = (i: number) => ({ i, b, c, d, e });`,
      'tasks/b.cts': "const b: string = 'cts'; module.exports = { b };",
      'tasks/c.ts': "export const c: string = 'ts';",
      'tasks/d.js': "export const d = 'js';",
      'tasks/e.cjs': "exports.e = 'cjs';",
    });
    expect(await valueOf(project, 'tasks.m.f')).toEqual({ i: 5, b: 'cts', c: 'ts', d: 'js', e: 'cjs' });
  });

  test('a plain JavaScript task, CommonJS, with its own require, __dirname and a package', async () => {
    const project = makeProject({
      ...ONE,
      'package.json': '{"type":"commonjs"}',
      'tasks/m.js': `const fs = require('fs'); const path = require('path'); const dep = require('dep');
        const { helper } = require('./helper');
        module.exports.f = (i) => ({ i, dep, data: fs.readFileSync(path.join(__dirname, 'data.txt'), 'utf8'), helper: helper() });`,
      'tasks/helper.js': "exports.helper = () => 'helped';",
      'tasks/data.txt': 'data',
      'node_modules/dep/package.json': '{"name":"dep","main":"main.js"}',
      'node_modules/dep/main.js': "module.exports = 'dependency';",
    });
    expect(await valueOf(project, 'tasks.m.f')).toEqual({
      i: 5,
      dep: 'dependency',
      data: 'data',
      helper: 'helped',
    });
  });

  test('import.meta.url, import.meta.dirname and a lazy import find what lies beside the file', async () => {
    const project = makeProject({
      ...ONE,
      'package.json': '{"type":"module"}',
      'tasks/m/index.ts': `import { readFile } from 'node:fs/promises';
        export async function f(i: number) {
          const { lazy } = await import('./lazy');
          return { i, lazy, text: await readFile(new URL('../data/a.txt', import.meta.url), 'utf8') };
        }`,
      'tasks/m/lazy.ts': "export const lazy: string = 'lazy';",
      'tasks/data/a.txt': 'A',
    });
    expect(await valueOf(project, 'tasks.m.f')).toEqual({ i: 5, lazy: 'lazy', text: 'A' });
  });

  test('stacks show the lines of the user’s own files, through imports and async calls', async () => {
    const project = makeProject({
      ...ONE,
      'tasks/m.ts': `import { deep } from './deep';

interface Long {
  a: number;
}

export async function f(i: number): Promise<Long> {
  await Promise.resolve();
  return await deep({ a: i });
}
`,
      'tasks/deep.ts': `type T = { a: number };

export async function deep(t: T): Promise<T> {
  await null;
  if (t.a === 5) throw new TypeError('deep ' + t.a, { cause: new Error('why') });
  return t;
}
`,
    });
    await project.run(['map', 'tasks.m.f', '--args_list', 'one.ndjson']);
    const [error] = readNdjson<{ STACK: string }>(one(project.path('errors/*.ndjson')));
    expect(error).toMatchObject({ TYPE: 'TypeError', ERROR: 'deep 5' });
    expect(error?.STACK).toContain(`${project.path('tasks/deep.ts')}:5:`);
    expect(error?.STACK).toContain(`${project.path('tasks/m.ts')}:9:`);
    expect(error?.STACK).toContain('Caused by: Error: why');
    expect(error?.STACK).not.toMatch(/\.mjs|node-host|node:|dl_jobs\/runs/);
  });

  test('a task can use the package itself', async () => {
    const project = makeProject({
      ...ONE,
      'tasks/m.ts': `import { asJson, attempt, expandArgs } from 'dl-jobs';
        export const f = asJson(attempt(expandArgs((i: number) => { if (i === 5) return { i }; throw new Error('x'); })));`,
    });
    expect(await valueOf(project, 'tasks.m.f')).toEqual({ i: 5 });
  });
});

describe('the snapshot', () => {
  test('freezes the code: a change during the run shows in the next run only', async () => {
    const project = makeProject({
      ...ONE,
      'tasks/m.ts': `import { version } from './version';
        import { existsSync, writeFileSync } from 'node:fs';
        export async function f() {
          writeFileSync('started', '');
          while (!existsSync('go')) await new Promise((r) => setTimeout(r, 10));
          const { late } = await import('./late');
          return { version, late };
        }`,
      'tasks/version.ts': 'export const version: number = 1;',
      'tasks/late.ts': 'export const late: number = 1;',
    });
    const first = project.run(['map', 'tasks.m.f', '--args_list', 'one.ndjson']);
    await until('the task runs', () => existsSync(project.path('started')));
    for (const name of ['version', 'late'])
      writeFileSync(project.path(`tasks/${name}.ts`), `export const ${name} = 2;`);
    appendFileSync(project.path('tasks/m.ts'), '\nthis is no TypeScript');
    writeFileSync(project.path('go'), '');
    expect((await first).code).toBe(0);
    expect(readNdjson(one(project.path('results/*.ndjson')))).toEqual([{ version: 1, late: 1 }]);

    writeFileSync(
      project.path('tasks/m.ts'),
      "import { version } from './version'; import { late } from './late'; export const f = () => ({ version, late });",
    );
    const second = await project.run(['map', 'tasks.m.f', '--args_list', 'one.ndjson']);
    expect(second.code, second.stderr).toBe(0);
    // The first run's file sorts before the second's.
    const { readdirSync } = await import('node:fs');
    const last = readdirSync(project.path('results')).sort().at(-1) as string;
    expect(readNdjson(project.path('results', last))).toEqual([{ version: 2, late: 2 }]);
  });

  test('a changed import is seen by the next run', async () => {
    const project = makeProject({
      ...ONE,
      'tasks/m.ts': "import { n } from './n'; export const f = () => n;",
      'tasks/n.ts': 'export const n = 1;',
      'dl_jobs.config.yaml': 'log: false\nprint_logs: false\n',
    });
    const args = ['map', 'tasks.m.f', '--args_list', 'one.ndjson'];
    expect((await project.run(args)).stdout).toBe('1\n');
    expect((await project.run(args)).stdout).toBe('1\n');
    writeFileSync(project.path('tasks/n.ts'), 'export const n = 2;');
    expect((await project.run(args)).stdout).toBe('2\n');
  });
});

describe('Python', requires('python3'), () => {
  test('packages, relative imports, data by __file__, and the guest package', async () => {
    const project = makeProject({
      ...ONE,
      'pkg/__init__.py': 'NAME = "pkg"\n',
      'pkg/sub/__init__.py': '',
      'pkg/sub/task.py': [
        'import os, types',
        'from .. import NAME',
        'from ..lib import twice',
        'import pkg.other as other',
        'from dl_jobs.decorators import as_json, attempt, expand_args',
        '@as_json',
        '@attempt',
        '@expand_args',
        'def f(i):',
        '    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data.txt")',
        '    return {"name": NAME, "twice": twice(i), "other": other.VALUE, "data": open(path).read(), "mod": __name__}',
        '',
      ].join('\n'),
      'pkg/sub/data.txt': 'D',
      'pkg/lib.py': 'def twice(n): return n * 2\n',
      'pkg/other.py': 'VALUE = 3\n',
      'one.ndjson': '[5]\n',
    });
    expect(await valueOf(project, 'pkg.sub.task.f')).toEqual({
      name: 'pkg',
      twice: 10,
      other: 3,
      data: 'D',
      mod: 'pkg.sub.task',
    });
  });

  test('modules named as others that Python has are the project’s all the same', async () => {
    const project = makeProject({
      ...ONE,
      'code/tiles.py': 'from .near import NEAR\ndef f(i): return [i, NEAR, __name__]\n',
      'code/near.py': 'NEAR = "near"\n',
      'types.py': 'def f(i): return "ours"\n',
    });
    expect(await valueOf(project, 'types.f')).toBe('ours');
    const { code, stderr, stdout } = await project.run([
      'map',
      'code.tiles.f',
      '--args_list',
      'one.ndjson',
      '--noisy',
    ]);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('5\n"near"\n"code.tiles"\n');
  });

  test('`modules` brings what no import names', async () => {
    const project = makeProject({
      ...ONE,
      'pkg/task.py': 'import importlib\ndef f(i): return importlib.import_module("plug." + "in").VALUE\n',
      'plug/in.py': '',
      'plug/__init__.py': '',
      'run/j.ts': `import { DLJob } from 'dl-jobs';
        export const task = () => new DLJob({ moduleName: 'pkg.task', methodName: 'f', argsList: [1], modules: ['plug'] });`,
    });
    writeFileSync(project.path('plug/in.py'), 'VALUE = "plugged"\n');
    const { code, stderr } = await project.run(['run', 'j']);
    expect(code, stderr).toBe(0);
    expect(readNdjson(one(project.path('results/*.ndjson')))).toEqual(['plugged']);
    expect(existsSync(one(project.path('dl_jobs/runs/*')) + '/code')).toBe(true);
  });

  test('async functions run, and a change of an imported file is seen by the next run', async () => {
    const project = makeProject({
      ...ONE,
      'dl_jobs.config.yaml': 'log: false\nprint_logs: false\n',
      'py_tasks/t.py':
        'import asyncio\nfrom .n import N\nasync def f(i):\n    await asyncio.sleep(0)\n    return N + i\n',
      'py_tasks/n.py': 'N = 1\n',
    });
    const args = ['map', 'py_tasks.t.f', '--args_list', 'one.ndjson'];
    expect((await project.run(args)).stdout).toBe('6\n');
    writeFileSync(project.path('py_tasks/n.py'), 'N = 2\n');
    expect((await project.run(args)).stdout).toBe('7\n');
  });
});
