/** Paths and values, in files and on standard input, that a shell, a URL, a batch script or a careless join gets wrong. */
import { describe, expect, test } from 'vitest';
import { requires } from '../../support/requires.js';
import { errorsOf, resultsOf, sorted } from './scene.js';
import type { NewScene } from './suite.js';

/** Each is the JSON text of an argument. */
const VALUES = [
  '"$HOME `id` $(id) %j %A ;&| > < * ? ~ ! # {a,b}"',
  '"\'single\' \\"double\\" \\\\ back"',
  '"two\\nlines\\r\\n\\ttab \\u0000\\u001b[31m\\u007f"',
  '"ü日本🎉 \\u2028\\u2029 \\ufeff \\ud800"',
  '{"__proto__":{"x":1},"constructor":2,"toString":3,"":4,"a b":5}',
  '[[[[[]]]],null,true,-0.5e-7,123456789012345,{}]',
  JSON.stringify('x'.repeat(1_000_000)),
];

const FILES = {
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
const LINES = VALUES.map((value, i) => `{"i":${i},"value":${value}}\n`).join('');

const LANGUAGES = [
  ['TypeScript', 'tasks.local.act', 'helper.ts', {}],
  ['Python', 'tasks.local_py.act', 'helper_py.py', requires('python3')],
] as const;

export function hostileCases(newScene: NewScene): void {
  describe.concurrent('a project with a hostile path', () => {
    for (const [language, method, helper, needs] of LANGUAGES) {
      test(`runs tasks over hostile values: ${language}`, needs, async () => {
        const scene = newScene(FILES, { hostilePath: true });
        await scene.run(1, scene.map(method, '--args_list', '-'), { input: LINES });
        const status = await scene.status();
        const { dir } = scene.project;
        expect(sorted(resultsOf(status))).toEqual(
          sorted(
            VALUES.map((value, i) => ({
              i,
              value: JSON.parse(value) as unknown,
              data: 'the data',
              cwd: dir,
            })).filter(({ i }) => i !== 1),
          ),
        );
        const errors = errorsOf(status);
        expect(errors).toMatchObject([
          { TASK_ID: 1, KWARGS: { value: JSON.parse(VALUES[1] as string) as unknown }, LOG: 'printing 1\n' },
        ]);
        expect(errors[0]?.ERROR).toContain('from the helper');
        expect(errors[0]?.STACK).toContain(scene.project.path('tasks', helper));
        await scene.isQuiet();
      });
    }
  });
}
