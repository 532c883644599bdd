/** A project whose path holds everything that a shell, a URL or a careless join gets wrong. */
import { expect, test } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';
import { requires } from '../support/requires.js';
import { readFileSync } from 'node:fs';

const CONFIG = 'noisy: false\n';

test('TypeScript tasks run in a project with a hostile path', async () => {
  const project = makeProject(
    {
      'dl_jobs.config.yaml': CONFIG,
      'args.ndjson': '{"n":1}\n{"n":2}\n',
      'tasks/data.txt': 'the data',
      'tasks/local.ts': `
        import { readFileSync } from 'node:fs';
        import { helper } from './helper';
        export function f({ n }: { n: number }) {
          console.log('printing', n);
          if (n === 2) helper();
          return { n, data: readFileSync(new URL('./data.txt', import.meta.url), 'utf8'), cwd: process.cwd() };
        }`,
      'tasks/helper.ts': `export function helper(): never {\n  throw new Error('from the helper');\n}`,
      'run/jobs.ts': `
        import { DLJob } from 'dl-jobs';
        export function task({ args_list = '' } = {}) {
          return new DLJob({ moduleName: 'tasks.local', methodName: 'f', argsList: args_list });
        }`,
    },
    { hostilePath: true },
  );
  const { code, stdout, stderr } = await project.run(['run', 'jobs', '--args_list', 'args.ndjson']);
  expect(code, stderr).toBe(1);
  expect(stdout).toContain('printing 1');
  expect(readNdjson(one(project.path('results/*.ndjson')))).toEqual([
    { n: 1, data: 'the data', cwd: project.dir },
  ]);
  const [error] = readNdjson<{ STACK: string; LOG: string; KWARGS: object }>(
    one(project.path('errors/*.ndjson')),
  );
  expect(error).toMatchObject({ ERROR: 'from the helper', KWARGS: { n: 2 }, LOG: 'printing 2\n' });
  expect(error?.STACK).toContain(`${project.path('tasks/helper.ts')}:2:`);
  expect(error?.STACK).toContain(`${project.path('tasks/local.ts')}:6:`);
  expect(readFileSync(one(project.path('logs/*.log')), 'utf8')).toContain('[0] printing 1\n');
});

test('Python tasks run in a project with a hostile path', requires('python3'), async () => {
  const project = makeProject(
    {
      'dl_jobs.config.yaml': CONFIG,
      'args.ndjson': '{"n":1}\n{"n":2}\n',
      'tasks/data.txt': 'the data',
      'tasks/local.py': [
        'import os',
        'from .helper import helper',
        '',
        'def f(arg):',
        '    n = arg["n"]',
        '    print("printing", n)',
        '    if n == 2:',
        '        helper()',
        '    with open(os.path.join(os.path.dirname(__file__), "data.txt")) as file:',
        '        return {"n": n, "data": file.read(), "cwd": os.getcwd()}',
        '',
      ].join('\n'),
      'tasks/helper.py': 'def helper():\n    raise KeyError("from the helper")\n',
    },
    { hostilePath: true },
  );
  const { code, stdout, stderr } = await project.run(['map', 'tasks.local.f', '--args_list', 'args.ndjson']);
  expect(code, stderr).toBe(1);
  expect(stdout).toContain('printing 1');
  expect(readNdjson(one(project.path('results/*.ndjson')))).toEqual([
    { n: 1, data: 'the data', cwd: project.dir },
  ]);
  const [error] = readNdjson<{ STACK: string }>(one(project.path('errors/*.ndjson')));
  expect(error).toMatchObject({ ERROR: "'from the helper'", TYPE: 'KeyError', LOG: 'printing 2\n' });
  expect(error?.STACK).toContain(`File "${project.path('tasks/helper.py')}", line 2`);
});
