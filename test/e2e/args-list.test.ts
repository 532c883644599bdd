/** Every form in which arguments can come. */
import { describe, expect, test } from 'vitest';
import { bin, makeProject, one, readNdjson, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { ends, runDir } from './journal.js';

const FILES = {
  'dl_jobs.config.yaml': 'log: false\n',
  'tasks/t.ts':
    'export const same = (arg: unknown) => ({ arg, type: Array.isArray(arg) ? "array" : typeof arg });',
  'tasks/x.py': 'def same(arg):\n    return {"arg": arg}\n',
};
const project = (files: Record<string, string> = {}): Project => makeProject({ ...FILES, ...files });
const job = (argsList: string, before = '') =>
  `import { DLJob, range } from 'dl-jobs';\n${before}
   export function task() { return new DLJob({ moduleName: 'tasks.t', methodName: 'same', argsList: ${argsList} }); }`;

/** The arguments that the tasks got, in task order. */
function got(dir: string): unknown[] {
  return ends(runDir(dir))
    .sort((a, b) => a.t - b.t)
    .map((end) => (end.value as { arg: unknown }).arg);
}

const FORMS: readonly (readonly [string, string, unknown[]])[] = [
  [
    'an array',
    "[1, 'two', { three: 3 }, [4, [5]], null, true]",
    [1, 'two', { three: 3 }, [4, [5]], null, true],
  ],
  ['a Set', "new Set(['a', 'b'])", ['a', 'b']],
  [
    'the entries of a Map',
    "new Map([['k', 1], ['l', 2]])",
    [
      ['k', 1],
      ['l', 2],
    ],
  ],
  ['a generator', '(function* () { yield 1; yield [2]; })()', [1, [2]]],
  ['an async generator', '(async function* () { yield 1; await null; yield { a: 2 }; })()', [1, { a: 2 }]],
  ['a bare iterator', '[1, 2].values()', [1, 2]],
  ['a count', '3', [0, 1, 2]],
  ['a range in an array', '[range(4)]', [0, 1, 2, 3]],
  ['a generator in an array', '[(function* () { yield 7; yield 8; })()]', [7, 8]],
  ['an array of one array', '[[1, 2]]', [[1, 2]]],
  ['a file of NDJSON', "'data/a.ndjson'", [1, { b: 'ü\u2028' }, 'text']],
  ['a JSON file', "'data/a.json'", [[1], { c: 2 }]],
  [
    'a CSV file',
    "'data/a.csv'",
    [
      { name: 'x, y', n: '1' },
      { name: 'quo"te', n: '' },
    ],
  ],
  [
    'dates, maps and what else JSON has no word for',
    '[new Date(0), new Map([["a", 1]]), NaN, undefined]',
    ['1970-01-01T00:00:00.000Z', { a: 1 }, null, null],
  ],
  [
    'keys that objects have by themselves',
    '[JSON.parse(\'{"__proto__": 1, "constructor": 2}\')]',
    [JSON.parse('{"__proto__": 1, "constructor": 2}')],
  ],
];

const DATA = {
  'data/a.ndjson': '1\n\n  {"b": "ü\u2028"}\r\n"text"\n',
  'data/a.json': '\ufeff[[1], {"c": 2}]',
  'data/a.csv': '\ufeffname,n\n"x, y",1\n"quo""te",\n',
};

describe('argsList', () => {
  test.for(FORMS)('may be %s', async ([, code, expected]) => {
    const p = project({ ...DATA, 'run/j.ts': job(code) });
    const result = await p.run(['run', 'j']);
    expect(result.code, result.stderr).toBe(0);
    expect(got(p.dir)).toEqual(expected);
  });

  test('an infinite generator is read only as far as --limit says', async () => {
    const p = project({
      'run/j.ts': job(
        'forever()',
        'function* forever() { try { for (let i = 0; ; i++) yield i; } finally { console.error("closed"); } }',
      ),
    });
    const { code, stderr } = await p.run(['run', 'j', '--limit', '5']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('closed');
    expect(got(p.dir)).toEqual([0, 1, 2, 3, 4]);
  });

  test('an empty list is a job without tasks', async () => {
    for (const code of ['[]', '0', '(function* () {})()', '(async function* () {})()']) {
      const p = project({ 'run/j.ts': job(code) });
      const { code: exit, stdout, stderr } = await p.run(['run', 'j']);
      expect(exit, stderr).toBe(0);
      expect(stdout).toBe('');
      expect(stderr).toContain('0 tasks');
    }
  });

  test.for([
    [
      'a generator that throws',
      '(function* () { yield 1; throw new Error("out of data"); })()',
      /out of data/,
    ],
    [
      'an async generator that throws',
      '(async function* () { yield 1; throw new Error("out of data"); })()',
      /out of data/,
    ],
    ['an element that JSON cannot hold', '[1, { deep: [2n] }]', /argsList\[1\]\.deep\[0\]/],
    ['something else', '({ a: 1 }) as never', /argsList: expected an array/],
    ['a negative count', '-1', /argsList: expected a count/],
    ['a file that is not there', "'none.ndjson'", /none\.ndjson/],
    ['a file of another kind', "'data.txt'", /data\.txt/],
  ] as const)('%s is an error that says so', async ([, code, says]) => {
    const p = project({ 'run/j.ts': job(code) });
    const result = await p.run(['run', 'j']);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(says);
    expect(result.stderr).toContain('[ARGS_INVALID]');
    expect(result.stderr).not.toContain('This is a bug');
  });

  test('a malformed line is named by file and number', async () => {
    const p = project({ 'bad.ndjson': '1\n2\n{"a":\n4\n' });
    const { code, stderr } = await p.run(['map', 'tasks.t.same', '--args_list', 'bad.ndjson']);
    expect(code).toBe(2);
    expect(stderr).toContain(`${p.path('bad.ndjson')}:3`);
    expect(stderr).toContain('[NDJSON_MALFORMED]');
  });
});

describe('dl_jobs map', () => {
  test('reads standard input', async () => {
    const p = project();
    const { code, stderr } = await p.run(['map', 'tasks.t.same', '--args_list', '-'], {
      input: '{"a":1}\n[2]\n"x"\n',
    });
    expect(code, stderr).toBe(0);
    expect(got(p.dir)).toEqual([{ a: 1 }, [2], 'x']);
  });

  test('runs tasks while standard input is still open', async () => {
    const p = project();
    const { code, stdout, stderr } = await p.node([
      '-e',
      `const child = require('node:child_process').spawn(process.execPath, process.argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
         let out = '';
         child.stdin.write('1\\n');
         child.stdout.on('data', (chunk) => { out += chunk; child.stdin.end('2\\n'); });
         child.on('close', (code) => { process.stdout.write(out); process.exitCode = code; });`,
      bin,
      'map',
      'tasks.t.same',
      '--args_list',
      '-',
    ]);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('{"arg":1,"type":"number"}\n{"arg":2,"type":"number"}\n');
  });

  test('names the line of standard input that is malformed', async () => {
    const { code, stderr } = await project().run(['map', 'tasks.t.same', '--args_list', '-'], {
      input: '1\nnope\n',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('standard input:2');
  });

  test('runs Python functions', requires('python3'), async () => {
    const p = project({ 'a.ndjson': '{"a":[1.5,"ü",null]}\n12345678901234567890\n' });
    const { code, stderr } = await p.run(['map', 'tasks.x.same', '--args_list', 'a.ndjson']);
    expect(code, stderr).toBe(0);
    const text = (await import('node:fs')).readFileSync(one(p.path('results/*.ndjson')), 'utf8');
    expect(text.split('\n').sort()).toEqual([
      '',
      '{"arg":12345678901234567890}',
      '{"arg":{"a":[1.5,"ü",null]}}',
    ]);
  });
});

describe('words', () => {
  test('are texts as typed, `:=` is JSON, only an identifier before `=` is a keyword', async () => {
    const p = project({
      'tasks/w.ts': 'export const words = (...given: unknown[]) => given;',
      'run/w.ts': `import { DLJob } from 'dl-jobs';
        export function task(first: string, ...rest: unknown[]) {
          return new DLJob({ moduleName: 'tasks.w', methodName: 'words', args: [first, ...rest], groupedResults: true });
        }`,
    });
    const words = ['007', 'http://x/?a=b', 'n:=[1,{"a":null}]', '__proto__=p', '-5.2', '--', '--noisy'];
    const { code, stderr } = await p.run(['run', 'w', ...words]);
    expect(code, stderr).toBe(0);
    const [given] = readNdjson<unknown[]>(one(p.path('results/*.ndjson')));
    expect(given).toEqual([
      '007',
      'http://x/?a=b',
      '-5.2',
      '--noisy',
      JSON.parse('{"n":[1,{"a":null}],"__proto__":"p"}'),
    ]);
  });
});
