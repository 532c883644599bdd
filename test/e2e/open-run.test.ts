/** `openRun`: a run from a script. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';
import { addShard, gatedProject, killHard, printed, start } from './gated.js';
import { runDir } from './journal.js';
import { until } from './processes.js';

/** Prints what a run gives as JSON. */
const LOOK = `
  import { openRun } from 'dl-jobs';
  const all = async (rows) => { const list = []; for await (const row of rows) list.push(row); return list; };
  const run = await openRun(process.argv[2] || null, process.argv[3] ? { cwd: process.argv[3] } : undefined);
  const { status, counts } = await run.status();
  const logs = [];
  for (const task of JSON.parse(process.argv[4] ?? '[]')) logs.push(await run.logs(task));
  console.log(JSON.stringify({
    id: run.id, dir: run.dir, method: run.spec.methodName, status, done: counts.done,
    results: await all(run.results({ ordered: true, withArgs: true })), any: await all(run.results()),
    errors: await all(run.errors()), logs,
  }));`;

const FILES = {
  'look.mjs': LOOK,
  'cancel.mjs': `
    import { openRun } from 'dl-jobs';
    const run = await openRun();
    await run.cancel();
    console.log((await run.status()).status);
    await run.cancel();`,
  'tasks/t.ts': `
    export function f(i: number) {
      console.log('printed ' + i + ' ü日本');
      if (i === 1) throw new RangeError('no "one"');
      if (i === 2) return [{ i }, { ERROR: 'two', own: [1], task: 'mine', ['__proto__']: 'x' }, 'ERROR too'];
      if (i === 3) return NaN;
      return { i, big: 'x'.repeat(i === 4 ? 5_000_000 : 1), ['__proto__']: 1 };
    }`,
  'five.ndjson': '0\n1\n2\n3\n4\n',
};

interface Looked {
  readonly id: string;
  readonly results: { task: number; args: unknown; value: unknown }[];
  readonly any: { task: number }[];
  readonly errors: Record<string, unknown>[];
  readonly logs: string[];
}

async function ended() {
  const p = gatedProject(FILES);
  const { code, stderr } = await p.run(['map', 'tasks.t.f', '--args_list', 'five.ndjson', '--workers', '2']);
  expect(code, stderr).toBe(1);
  const look = async (...args: string[]) => {
    const { stdout, stderr: said } = await p.node(['look.mjs', ...args]);
    expect(said).toBe('');
    return JSON.parse(stdout) as Looked;
  };
  return { p, look, id: runDir(p.dir).split('/').at(-1) as string };
}

describe('a run that has ended', () => {
  test('gives status, results, errors and logs', async () => {
    const { p, look, id } = await ended();
    const found = await look('', '', '[0,1]');
    expect(found).toMatchObject({ id, dir: runDir(p.dir), method: 'f', status: 'finished', done: 5 });
    expect(found.results.map(({ task, args }) => [task, args])).toEqual([
      [0, 0],
      [3, 3],
      [4, 4],
    ]);
    expect(found.any.map(({ task }) => task).sort()).toEqual([0, 3, 4]);
    expect(JSON.stringify(found.results[0]?.value)).toBe('{"i":0,"big":"x","__proto__":1}');
    expect(found.results[1]?.value).toBeNull();
    expect((found.results[2]?.value as { big: string }).big).toHaveLength(5_000_000);
    expect(found.logs).toEqual(['printed 0 ü日本\n', 'printed 1 ü日本\n']);
    // The rows are the lines of the errors file, each with its task.
    const lines = readNdjson<Record<string, unknown>>(one(p.path('errors/*.ndjson')));
    const text = (rows: readonly object[]) =>
      rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort();
    expect(found.errors).toHaveLength(3);
    expect(text(found.errors)).toEqual(
      text(
        lines.map((line) => Object.assign(Object.create(null) as object, line, { task: line['TASK_ID'] })),
      ),
    );
    expect(found.errors.find(({ task }) => task === 1)).toMatchObject({
      ERROR: 'no "one"',
      ARGS: [1],
      TYPE: 'RangeError',
      FAILURE_TYPE: 'exception',
      LOG: 'printed 1 ü日本\n',
    });
  });

  test('is found by the beginning of its id, its path, and from elsewhere', async () => {
    const { p, look, id } = await ended();
    expect((await look(id)).id).toBe(id);
    expect((await look(id.slice(0, 20))).id).toBe(id);
    expect((await look(`./dl_jobs/runs/${id}`)).id).toBe(id);
    const elsewhere = gatedProject(FILES);
    const { stdout } = await elsewhere.node(['look.mjs', '', p.dir]);
    expect((JSON.parse(stdout) as Looked).id).toBe(id);
    const missing = await elsewhere.node(['look.mjs', 'nope']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('expected the id of a run or its beginning, got `nope`');
    const beyond = await p.node(['look.mjs', '', '', '[9]']);
    expect(beyond.stderr).toContain("code: 'TASK_NOT_FOUND'");
  });

  test('gives what counts, and does not need its state', async () => {
    const { p, look } = await ended();
    const dir = runDir(p.dir);
    addShard(
      dir,
      'zzz',
      [
        { v: 1, k: 'end', t: 1, r: 2, a: 1, s: 'ok', at: 1, d: 1, log: [0, 0, 7], value: 'mended' },
        {
          v: 1,
          k: 'end',
          t: 2,
          r: 2,
          a: 1,
          s: 'error',
          ft: 'crash',
          at: 1,
          d: 1,
          log: [0, 7, 13],
          error: { type: 'Crash', message: 'x' },
        },
      ],
      'second\nthird\n',
    );
    rmSync(join(dir, 'state.json'), { force: true });
    const found = await look('', '', '[1]');
    expect(found.results.map(({ task }) => task)).toEqual([0, 1, 3, 4]);
    expect(found.errors).toEqual([
      {
        task: 2,
        ERROR: 'x',
        ARGS: [2],
        KWARGS: {},
        TASK_ID: 2,
        FAILURE_TYPE: 'crash',
        TYPE: 'Crash',
        STACK: null,
        LOG: 'third\n',
      },
    ]);
    expect(found.logs).toEqual(['printed 1 ü日本\nsecond\n']);
    expect(found).toMatchObject({ status: 'finished', done: 5 });
  });
});

describe('a run that goes on', () => {
  const begin = () => {
    const p = gatedProject({ ...FILES, 'three.ndjson': '0\n1\n2\n' });
    p.open('0', '0-b', '1');
    return { p, run: start(p, ['map', 'ts.gated.gated', '--args_list', 'three.ndjson', '--workers', '1']) };
  };

  test('can be looked at, also once it was killed', async () => {
    const { p, run } = begin();
    await until('the second task begins', () => existsSync(p.path('pid-1')));
    const live = start(p, ['logs', '-f', '--task', '1']);
    await until('the second task is half done', () => live.stdout().endsWith('no newline'));
    const look = async () => JSON.parse((await p.node(['look.mjs', '', '', '[0,1,2]'])).stdout) as object;
    const wanted = {
      results: [{ task: 0, args: 0, value: { i: 0 } }],
      errors: [],
      logs: [expect.stringContaining(printed(0)) as string, 'begin 1 ü日本\nmiddle 1, no newline', ''],
    };
    expect(await look()).toMatchObject({ ...wanted, status: 'running' });
    await killHard(run, Number(readFileSync(p.path('pid-1'), 'utf8')));
    expect(await look()).toMatchObject({ ...wanted, status: 'interrupted', done: 1 });
    await live.result;
  });

  test('can be canceled', async () => {
    const { p, run } = begin();
    await until('the second task begins', () => existsSync(p.path('pid-1')));
    // The task does not end by itself; it is killed once its time to do so is over.
    const { code, stdout, stderr } = await p.node(['cancel.mjs']);
    expect([code, stdout.trim(), stderr]).toEqual([0, 'canceled', '']);
    expect((await run.result).code).toBe(130);
    const dir = runDir(p.dir);
    expect(existsSync(join(dir, 'lock'))).toBe(false);
    expect(readdirSync(join(dir, 'requests'))).toEqual([]);
    expect(existsSync(p.path('pid-2'))).toBe(false);
  });
});

test('a run can be gone on with and its failures run again, from a program', async () => {
  const p = makeProject({
    'tasks/t.ts': `
      import { existsSync } from 'node:fs';
      export function f(i: number) {
        if (i === 3 && !existsSync('mended')) throw new Error('three');
        return i;
      }`,
    'steps.mjs': `
      import { writeFileSync } from 'node:fs';
      import { DLJob, openRun } from 'dl-jobs';
      const quiet = { notice() {}, warn() {} };
      const job = new DLJob({ moduleName: 'tasks.t', methodName: 'f', argsList: 10, sample: 4, printLogs: false });
      const first = await job.run({ reporter: quiet });
      const run = await openRun(first.id);
      const resumed = await run.resume({ reporter: quiet });
      writeFileSync('mended', '');
      const retried = await run.retry({ reporter: quiet });
      const again = await run.resume({ reporter: quiet });
      console.log(JSON.stringify([first, resumed, retried, again].map((s) => [s.status, s.round, s.counts.done, s.counts.errors])));`,
  });
  const { stdout, stderr } = await p.node(['steps.mjs']);
  expect(stderr).toBe('');
  const steps = JSON.parse(stdout) as [string, number, number, number][];
  expect(steps.map(([status]) => status)).toEqual(['stopped', 'finished', 'finished', 'finished']);
  expect(steps.map(([, round]) => round)).toEqual([1, 2, 3, 3]);
  expect(steps.map(([, , done]) => done)).toEqual([4, 10, 10, 10]);
  expect(steps.slice(1).map(([, , , errors]) => errors)).toEqual([1, 0, 0]);
});
