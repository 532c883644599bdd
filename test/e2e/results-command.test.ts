/** `dl_jobs results`: of runs that have ended, that run, and that were killed. */
import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { addShard, gatedProject, killHard, start } from './gated.js';
import { runDir } from './journal.js';
import { until } from './processes.js';

/** What task i gives; `E` fails. */
const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\n',
  'tasks/t.ts': `
    const huge = 'ü"\\\\\\n'.repeat(1_000_000);
    const values = [
      { a: 1, 'b,"c"': 'x\\ny', n: null },
      [{ z: 'first' }, [1, { q: '"' }], null, ' padded '],
      '{"big":12345678901234567890,"__proto__":{"x":[1,2]}}',
      undefined,
      NaN,
      ['good', 'ERROR bad', { a: '=1+1' }],
      huge,
      { a: { deep: [true, '日本 \\u2028'] }, when: new Date(0) },
      true,
      '',
    ];
    export function value({ i }: { i: number; note?: string }) {
      if (i === 10) throw new RangeError('too "small",\\nreally');
      return values[i];
    }`,
  'tasks/p.py': `
import datetime
HUGE = 'ü"\\\\\\n' * 1000000
VALUES = [
    {'a': 1, 'b,"c"': 'x\\ny', 'n': None},
    [{'z': 'first'}, [1, {'q': '"'}], None, ' padded '],
    '{"big":12345678901234567890,"__proto__":{"x":[1,2]}}',
    None,
    float('nan'),
    ['good', 'ERROR bad', {'a': '=1+1'}],
    HUGE,
    {'a': {'deep': [True, '日本 \\u2028']}, 'when': '1970-01-01T00:00:00.000Z'},
    True,
    '',
]
def value(arg):
    i = arg['i']
    if i == 10: raise ValueError('too "small",\\nreally')
    return VALUES[i]
`,
  'a.ndjson': Array.from(
    { length: 11 },
    (_, i) => `{"i":${i}${i === 2 ? ', "__proto__" : "ü,"' : ''}}\n`,
  ).join(''),
};
const HUGE = 'ü"\\\n'.repeat(1_000_000);
/** The lines of the results file, in order. */
const LINES: readonly (readonly [task: number, value: unknown])[] = [
  [0, { a: 1, 'b,"c"': 'x\ny', n: null }],
  [1, { z: 'first' }],
  [1, [1, { q: '"' }]],
  [1, ' padded '],
  [2, JSON.parse('{"big":12345678901234567890,"__proto__":{"x":[1,2]}}')],
  [5, 'good'],
  [5, { a: '=1+1' }],
  [6, HUGE],
  [7, { a: { deep: [true, '日本 \u2028'] }, when: '1970-01-01T00:00:00.000Z' }],
  [8, true],
  [9, ''],
];
/** Nobody wants to read five megabytes when a test fails. */
const short = (text: string) =>
  text.replaceAll(HUGE, '<huge>').replaceAll(JSON.stringify(HUGE).slice(1, -1), '<huge>');
const text = (value: unknown) => short(JSON.stringify(value));
const table = (csv: string) => {
  const rows: string[][] = parse(csv);
  return rows.map((row) => row.map(short));
};
const values = (ndjson: string) =>
  ndjson
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

async function ended(module: 't' | 'p'): Promise<Project> {
  const p = makeProject(FILES, { hostilePath: true });
  const { code, stderr } = await p.run(['map', `tasks.${module}.value`, '--args_list', 'a.ndjson']);
  expect(code, stderr).toBe(1);
  return p;
}

describe.each([
  ['TypeScript', 't', { skip: false }],
  ['Python', 'p', requires('python3')],
] as const)('of a run in %s that has ended', (_, module, options) => {
  let p: Project;
  beforeAll(async () => {
    if (!options.skip) p = await ended(module);
  });

  test('are the lines of the results file', options, async () => {
    const file = readFileSync(one(p.path('results/*.ndjson')), 'utf8');
    const any = await p.run(['results']);
    expect([any.code, any.stderr]).toEqual([0, '']);
    const sorted = (lines: string) => short(lines).split('\n').sort();
    expect(sorted(any.stdout)).toEqual(sorted(file));
    const ordered = await p.run(['results', '--ordered', '--format', 'ndjson']);
    expect(values(ordered.stdout).map(text)).toEqual(LINES.map(([, value]) => text(value)));
    // The user's own text is not written anew.
    expect(short(ordered.stdout)).toContain('\n{"big":12345678901234567890,"__proto__":{"x":[1,2]}}\n');
  });

  test('come with task and arguments, a line a task', options, async () => {
    const { code, stdout } = await p.run(['results', '--with-args', '--ordered']);
    expect(code).toBe(0);
    const rows = values(stdout) as { task: number; args: { i: number }; value: unknown }[];
    // Those of the ok tasks, also of those that gave nothing.
    expect(rows.map((row) => row.task)).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9]);
    expect(rows.every(({ task, args }) => args.i === task)).toBe(true);
    expect(rows.map((row) => Object.keys(row).join())).toEqual(rows.map(() => 'task,args,value'));
    expect(text(rows[1]?.value)).toBe(text([{ z: 'first' }, [1, { q: '"' }], null, ' padded ']));
    expect([rows[3]?.value, rows[4]?.value]).toEqual([null, null]);
    expect(rows[5]?.value === HUGE).toBe(true);
    expect(short(stdout)).toContain(
      '{"task":2,"args":{"i":2, "__proto__" : "ü,"},"value":{"big":12345678901234567890',
    );
  });

  test('can be one JSON array', options, async () => {
    const plain = JSON.parse((await p.run(['results', '--format', 'json', '--ordered'])).stdout) as unknown[];
    expect(plain.map(text)).toEqual(LINES.map(([, value]) => text(value)));
    const rows = JSON.parse((await p.run(['results', '--format=json', '--with-args'])).stdout) as object[];
    expect(rows).toHaveLength(9);
  });

  test('can be CSV', options, async () => {
    const csv = (await p.run(['results', '--format', 'csv', '--ordered'])).stdout;
    const [head, ...rows] = table(csv);
    expect(head).toEqual(['a', 'b,"c"', 'n', 'z', 'value', 'big', '__proto__', 'when']);
    const row = (cells: Record<string, string>) =>
      (head as string[]).map((column) => new Map(Object.entries(cells)).get(column) ?? '');
    expect(rows).toEqual([
      row({ a: '1', 'b,"c"': 'x\ny' }),
      row({ z: 'first' }),
      row({ value: '[1,{"q":"\\""}]' }),
      row({ value: ' padded ' }),
      row({ big: '12345678901234567890', ['__proto__']: '{"x":[1,2]}' }),
      row({ value: 'good' }),
      row({ a: '=1+1' }),
      row({ value: '<huge>' }),
      row({ a: '{"deep":[true,"日本 \u2028"]}', when: '1970-01-01T00:00:00.000Z' }),
      row({ value: 'true' }),
      row({ value: '' }),
    ]);
    const withArgs = table((await p.run(['results', '--format', 'csv', '--with-args', '--ordered'])).stdout);
    expect(withArgs[0]).toEqual(['task', 'args.i', 'args.__proto__', ...(head as string[])]);
    expect(withArgs.slice(1)).toEqual(
      rows.map((cells, i) => {
        const task = String(LINES[i]?.[0]);
        return [task, task, task === '2' ? 'ü,' : '', ...cells];
      }),
    );
  });

  test('can be of one task', options, async () => {
    expect(await p.run(['results', '--task', '8'])).toMatchObject({ code: 0, stdout: 'true\n', stderr: '' });
    expect(await p.run(['results', '--task', '3'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect((await p.run(['results', '--task', '1', '--format', 'json'])).stdout).toBe(
      '[\n{"z":"first"},\n[1,{"q":"\\""}],\n" padded "\n]\n',
    );
    const huge = await p.run(['results', '--task', '6', '--with-args']);
    expect(text(JSON.parse(huge.stdout))).toBe('{"task":6,"args":{"i":6},"value":"<huge>"}');
    const beyond = await p.run(['results', '--task', '11']);
    expect(beyond).toMatchObject({ code: 2, stdout: '' });
    expect(beyond.stderr).toContain('[TASK_NOT_FOUND]');
  });

  test('of a failed task say how it failed, and what to do', options, async () => {
    const id = runDir(p.dir).split('/').at(-1) as string;
    const thrown = await p.run(['results', '--task', '10']);
    expect(thrown).toMatchObject({ code: 1, stdout: '' });
    expect(thrown.stderr).toContain('task 10 failed in round 1, attempt 1: exception: ');
    expect(thrown.stderr).toContain('Error: too "small",\nreally');
    expect(thrown.stderr).toContain(p.path(module === 't' ? 'tasks/t.ts' : 'tasks/p.py'));
    expect(thrown.stderr).toContain(`  dl_jobs errors ${id}\n`);
    expect(thrown.stderr).toContain(`  dl_jobs replay ${id} --task 10\n`);
    // The good elements of a list are among the results.
    const mixed = await p.run(['results', '--task', '5']);
    expect(mixed).toMatchObject({ code: 1, stdout: '"good"\n{"a":"=1+1"}\n' });
    expect(mixed.stderr).toContain('task 5 failed in round 1, attempt 1: returned: ERROR bad\n');
  });
});

test('of a run without results are empty, in any form', async () => {
  const p = makeProject({ ...FILES, 'two.ndjson': '{"i":3}\n{"i":10}\n' });
  await p.run(['map', 'tasks.t.value', '--args_list', 'two.ndjson']);
  expect(await p.run(['results'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect((await p.run(['results', '--format', 'json'])).stdout).toBe('[]\n');
  expect((await p.run(['results', '--format', 'csv', '--with-args'])).stdout).toBe('');
});

test('grouped, a list is one result', async () => {
  const p = makeProject({
    ...FILES,
    'run/g.ts': `import { DLJob } from 'dl-jobs';
      export const task = () => new DLJob({ moduleName: 'tasks.t', methodName: 'value', groupedResults: true, argsList: [{ i: 1 }, { i: 5 }] });`,
  });
  await p.run(['run', 'g']);
  const file = readFileSync(one(p.path('results/*.ndjson')), 'utf8');
  const { stdout } = await p.run(['results', '--ordered']);
  expect(stdout.split('\n').sort()).toEqual(file.split('\n').sort());
  expect(values(stdout)).toHaveLength(2);
  expect((await p.run(['results', '--format', 'csv', '--ordered'])).stdout).toMatch(/^value\n"\[{""z""/);
});

test('are those that count now, whatever the file holds', async () => {
  const p = await ended('t');
  const dir = runDir(p.dir);
  addShard(
    dir,
    'zzz',
    [
      { v: 1, k: 'end', t: 10, r: 2, a: 1, s: 'ok', at: 1, d: 1, value: 'mended' },
      { v: 1, k: 'end', t: 5, r: 2, a: 1, s: 'ok', at: 1, d: 1, value: ['whole'] },
      // What is ok stays what it is.
      { v: 1, k: 'end', t: 8, r: 2, a: 1, s: 'ok', at: 1, d: 1, value: 'late' },
    ],
    '',
  );
  const { stdout } = await p.run(['results', '--ordered']);
  const wanted = LINES.filter(([task]) => task !== 5).map(([, value]) => text(value));
  wanted.splice(5, 0, '"whole"');
  expect(values(stdout).map(text)).toEqual([...wanted, '"mended"']);
  expect(await p.run(['results', '--task', '10'])).toMatchObject({ code: 0, stdout: '"mended"\n' });
  expect(await p.run(['results', '--task', '8'])).toMatchObject({ code: 0, stdout: 'true\n' });
});

describe.each([
  ['TypeScript', 'ts', {}],
  ['Python', 'py', requires('python3')],
])('of a run in %s that goes on', (_, folder, options) => {
  test('are those there are; and after kill -9 too', options, async () => {
    const p = gatedProject({ 'three.ndjson': '0\n1\n2\n' });
    const args = ['map', `${folder}.gated.gated`, '--args_list', 'three.ndjson', '--workers', '1'];
    const run = start(p, args);
    p.open('0', '0-b');
    await until('the second task begins', () => existsSync(p.path('pid-1')));
    await until('the first is on disk', () => existsSync(p.path('results')));
    const look = async () => [
      await p.run(['results', '--with-args']),
      await p.run(['results', '--task', '0']),
      await p.run(['results', '--task', '1']),
      await p.run(['results', '--task', '2', '--format', 'csv']),
    ];
    const wanted = [
      { code: 0, stdout: '{"task":0,"args":0,"value":{"i":0}}\n', stderr: '' },
      { code: 0, stdout: '{"i":0}\n', stderr: '' },
      { code: 1, stdout: '', stderr: 'task 1 has not ended: it has no result\n' },
      {
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/^task 2 has not (ended|run yet): it has no result\n$/) as string,
      },
    ];
    expect(await look()).toMatchObject(wanted);
    await killHard(run, Number(readFileSync(p.path('pid-1'), 'utf8')));
    expect(await look()).toMatchObject(wanted);
  });
});

test('end quietly when their reader has gone', async () => {
  const p = await ended('t');
  const result = await p.run(['results'], {
    onStart: (child) => child.stdout?.once('data', () => child.stdout?.destroy()),
  });
  expect([result.code, result.stderr]).toEqual([0, '']);
});

test('refuse what they cannot be', async () => {
  const p = await ended('t');
  expect((await p.run(['results', '--format', 'xml'])).stderr).toContain('expected one of ndjson, json, csv');
  expect(readNdjson(one(p.path('errors/*.ndjson')))).toHaveLength(2);
});
