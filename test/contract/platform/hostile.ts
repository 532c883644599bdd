/** Paths and values, in files and on standard input, that a shell, a URL, a batch script or a careless join gets wrong. */
import { describe, expect } from 'vitest';
import type { Cases } from './cases.js';
import { errorsOf, resultsOf, sorted } from './scene.js';

/** Each is the JSON text of an argument. */
const values = (longest: number): string[] => [
  '"$HOME `id` $(id) %j %A ;&| > < * ? ~ ! # {a,b}"',
  '"\'single\' \\"double\\" \\\\ back"',
  '"two\\nlines\\r\\n\\ttab \\u0000\\u001b[31m\\u007f"',
  '"ü日本🎉 \\u2028\\u2029 \\ufeff \\ud800"',
  '{"__proto__":{"x":1},"constructor":2,"toString":3,"":4,"a b":5}',
  '[[[[[]]]],null,true,-0.5e-7,123456789012345,{}]',
  JSON.stringify('x'.repeat(longest)),
];

const FILES = {
  /** For tasks that see no more of the project than their job names. */
  'run/jobs.ts': `
    import { DLJob } from 'dl-jobs';
    const job = (moduleName: string) =>
      new DLJob({ moduleName, methodName: 'act', argsList: [], data: ['tasks/data.txt'], platformJob: true });
    export const node = () => job('tasks.local');
    export const python = () => job('tasks.local_py');`,
  'tasks/data.txt': 'the data',
  'tasks/local.ts': `
    import { readFileSync } from 'node:fs';
    import { helper } from './helper';
    export function act({ i, value }: { i: number; value: unknown }) {
      console.log('printing', i);
      if (i === 1) helper();
      const data = readFileSync(new URL('./data.txt', import.meta.url), 'utf8');
      return { i, value, data, cwd: process.cwd() };
    }`,
  'tasks/helper.ts': `export function helper(): never {\n  throw new Error('from the helper');\n}`,
  'tasks/local_py.py': [
    'import os',
    'from .helper_py import helper',
    '',
    'def act(arg):',
    '    print("printing %d" % arg["i"])',
    '    if arg["i"] == 1:',
    '        helper()',
    '    with open(os.path.join(os.path.dirname(__file__), "data.txt")) as file:',
    '        return {"i": arg["i"], "value": arg["value"], "data": file.read(), "cwd": os.getcwd()}',
    '',
  ].join('\n'),
  'tasks/helper_py.py': 'def helper():\n    raise KeyError("from the helper")\n',
};

const LANGUAGES = [
  ['TypeScript', 'tasks.local.act', 'helper.ts', 'node'],
  ['Python', 'tasks.local_py.act', 'helper_py.py', 'python'],
] as const;

export function hostileCases(cases: Cases): void {
  const all = values(cases.can.longestText);
  const input = all.map((value, i) => `{"i":${i},"value":${value}}\n`).join('');

  describe.concurrent('a project with a hostile path', () => {
    const sees = cases.part('is where tasks stand, and what their stacks name', ['sharesFiles']);
    for (const [name, method, helper, language] of LANGUAGES) {
      cases.test(`runs tasks over hostile values: ${name}`, [language], async () => {
        const scene = cases.newScene(FILES, { hostilePath: true });
        const words = sees ? scene.map(method) : ['run', `jobs.${language}`];
        await scene.run(1, [...words, '--args_list', '-'], { input });
        const status = await scene.status();
        const rows = resultsOf(status) as { cwd: string }[];
        if (sees) expect(new Set(rows.map(({ cwd }) => cwd))).toEqual(new Set([scene.project.dir]));
        expect(sorted(rows.map(({ cwd: _, ...row }) => row))).toEqual(
          sorted(
            all
              .map((value, i) => ({ i, value: JSON.parse(value) as unknown, data: 'the data' }))
              .filter(({ i }) => i !== 1),
          ),
        );
        const errors = errorsOf(status);
        expect(errors).toMatchObject([
          { TASK_ID: 1, KWARGS: { value: JSON.parse(all[1] as string) as unknown }, LOG: 'printing 1\n' },
        ]);
        expect(errors[0]?.ERROR).toContain('from the helper');
        expect(errors[0]?.STACK).toContain(sees ? scene.project.path('tasks', helper) : `tasks/${helper}`);
        await scene.isQuiet();
      });
    }
  });
}
