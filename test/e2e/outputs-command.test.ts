/** `dl_jobs outputs`: the files of a run made anew, whatever became of them. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { addShard, gatedProject, killHard, start } from './gated.js';
import { runDir } from './journal.js';
import { until } from './processes.js';

const COUNT = 300;
const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\nworkers: 3\n',
  'tasks/t.ts': `
    export async function f(i: number) {
      // The later ones end first.
      await new Promise((resolve) => setTimeout(resolve, (i * 7) % 5));
      if (i % 10 === 3) throw new Error('no ' + i);
      if (i % 10 === 4) return [{ i }, 'ERROR bad', '"ü\\n'];
      if (i % 10 === 5) console.log('printed ' + i);
      return { i, text: '日本\\u2028' };
    }`,
  'tasks/p.py': `
import time
def f(i):
    time.sleep((i * 7) % 5 / 1000)
    if i % 10 == 3: raise ValueError('no %d' % i)
    if i % 10 == 4: return [{'i': i}, 'ERROR bad', '"ü\\n']
    if i % 10 == 5: print('printed %d' % i)
    return {'i': i, 'text': '日本\\u2028'}
`,
  'a.ndjson': Array.from({ length: COUNT }, (_, i) => `${i}\n`).join(''),
};
const files = (p: Project) => ({
  results: one(p.path('results/*.ndjson')),
  errors: one(p.path('errors/*.ndjson')),
  log: one(p.path('logs/*.log')),
});
const read = (path: string) => readFileSync(path, 'utf8');
const sorted = (text: string) => text.split('\n').sort();
const indexes = (path: string) =>
  readNdjson<{ i: number; TASK_ID: number }>(path).flatMap(({ i, TASK_ID }) => i ?? TASK_ID ?? []);
const ascending = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

async function ended(module: string): Promise<Project> {
  const p = makeProject(FILES, { hostilePath: true });
  const { code, stderr } = await p.run(['map', `tasks.${module}.f`, '--args_list', 'a.ndjson']);
  expect(code, stderr).toBe(1);
  return p;
}

describe.each([
  ['TypeScript', 't', {}],
  ['Python', 'p', requires('python3')],
])('of a run in %s', (_, module, options) => {
  test('are the same lines in the order of the tasks, also once edited or deleted', options, async () => {
    const p = await ended(module);
    const { results, errors, log } = files(p);
    const before = { results: read(results), errors: read(errors), log: read(log) };
    appendFileSync(results, '{"mine":1}\n');
    rmSync(errors);
    writeFileSync(log, 'scribbled over\n');
    const first = await p.run(['outputs']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const lines = (text: string) => text.split('\n').length - 1;
    expect(first.stdout).toBe(
      `results  ${results}  ${lines(before.results)} lines\n` +
        `errors   ${errors}  ${lines(before.errors)} lines\n` +
        `log      ${log}  ${lines(before.log)} lines\n`,
    );
    expect(sorted(read(results))).toEqual(sorted(before.results));
    expect(sorted(read(errors))).toEqual(sorted(before.errors));
    expect(sorted(read(log))).toEqual(sorted(before.log));
    expect(indexes(results)).toEqual(ascending(indexes(results)));
    expect(indexes(errors)).toEqual(ascending(indexes(errors)));
    // Once more changes nothing.
    const after = { results: read(results), errors: read(errors), log: read(log) };
    expect((await p.run(['outputs', runDir(p.dir)])).stdout).toBe(first.stdout);
    expect({ results: read(results), errors: read(errors), log: read(log) }).toEqual(after);
    expect(readdirSync(p.path('results'))).toHaveLength(1);
  });
});

test('tell how far they are, so that a later round goes on with them', async () => {
  const p = await ended('t');
  const dir = runDir(p.dir);
  rmSync(files(p).results);
  rmSync(join(dir, 'checkpoint.json'));
  rmSync(join(dir, 'state.json'));
  await p.run(['outputs']);
  const shard = one(join(dir, 'journal/*.ndjson'));
  const { results, errors } = files(p);
  const position = (path: string) => ({ inode: statSync(path).ino, size: statSync(path).size });
  const shards = { [shard.split('/').at(-1) as string]: statSync(shard).size };
  expect(JSON.parse(read(join(dir, 'checkpoint.json')))).toMatchObject({
    version: 1,
    shards,
    results: position(results),
    errors: position(errors),
  });
  expect(JSON.parse(read(join(dir, 'state.json')))).toMatchObject({
    status: 'finished',
    total: COUNT,
    shards,
    counts: { done: COUNT, errors: COUNT / 5, ok: (COUNT * 4) / 5 },
  });
  expect(existsSync(join(dir, 'lock'))).toBe(false);
});

test('hold what counts now', async () => {
  const p = await ended('t');
  const end = { d: 1, value: { i: 13, mended: true } };
  addShard(runDir(p.dir), 'zzz', [{ v: 1, k: 'end', t: 13, r: 2, a: 1, s: 'ok', at: 1, ...end }], '');
  await p.run(['outputs']);
  const { results, errors } = files(p);
  expect(readNdjson<{ i: number }>(results).find(({ i }) => i === 13)).toEqual({ i: 13, mended: true });
  expect(indexes(errors)).not.toContain(13);
  expect(indexes(errors)).toContain(3);
});

test('are none where there is nothing to write', async () => {
  const p = makeProject({ ...FILES, 'b.ndjson': '3\n13\n' });
  await p.run(['map', 'tasks.t.f', '--args_list', 'b.ndjson']);
  expect(existsSync(p.path('results'))).toBe(false);
  const { stdout } = await p.run(['outputs']);
  expect(stdout).toMatch(/^results {2}nothing to write, so there is no file\nerrors {3}.* {2}2 lines\n/);
  expect(existsSync(p.path('results')) && readdirSync(p.path('results')).length > 0).toBe(false);
});

test('leave alone what is another’s: a file of a fixed name, and a log that was named', async () => {
  const p = makeProject({
    ...FILES,
    'run/j.ts': `import { DLJob } from 'dl-jobs';
      export const task = () => new DLJob({ moduleName: 'tasks.t', methodName: 'f', argsList: 5, saveResults: 'fixed', resultsTimestamp: false, log: 'diary.log' });`,
  });
  await p.run(['run', 'j']);
  const results = p.path('results/fixed.ndjson');
  const mine = read(results);
  // By another name first: a removed file's number may be given to the next one.
  writeFileSync(p.path('other'), '"not of the run"\n');
  renameSync(p.path('other'), results);
  const log = read(p.path('logs/diary.log'));
  const { code, stdout, stderr } = await p.run(['outputs']);
  expect(code).toBe(0);
  expect(sorted(read(results))).toEqual(sorted(mine));
  expect(read(p.path('results/fixed.1.ndjson'))).toBe('"not of the run"\n');
  expect(stderr).toBe(`another file of that name is now ${p.path('results/fixed.1.ndjson')}\n`);
  expect(stdout).toContain(`log      ${p.path('logs/diary.log')}  left alone: others may write to it\n`);
  expect(read(p.path('logs/diary.log'))).toBe(log);
  // It is known as the run's own again.
  expect((await p.run(['outputs'])).stderr).toBe('');
  expect(readdirSync(p.path('results')).sort()).toEqual(['fixed.1.ndjson', 'fixed.ndjson']);
});

test('are refused of a run that is running, and made of one that was killed', async () => {
  const p = gatedProject({ 'three.ndjson': '2\n1\n0\n' });
  const run = start(p, ['map', 'ts.gated.gated', '--args_list', 'three.ndjson', '--workers', '1']);
  p.open('2', '2-b');
  await until('a task has ended and the next begun', () => existsSync(p.path('pid-1')));
  // Its folder is made before the file, and the file before its lines.
  const written = (): string[] => (existsSync(p.path('results')) ? readdirSync(p.path('results')) : []);
  await until('the first is on disk', () =>
    written().some((name) => read(p.path('results', name)).endsWith('\n')),
  );
  const results = one(p.path('results/*.ndjson'));
  const refused = await p.run(['outputs']);
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  expect(refused.stderr).toMatch(/is controlled by process \d+ .*\[RUN_LOCKED\]/);
  expect(read(results)).toBe('{"i":2}\n');
  await killHard(run, Number(read(p.path('pid-1'))));
  const dir = runDir(p.dir);
  expect(existsSync(join(dir, 'lock'))).toBe(true);
  // What a controller leaves that is killed while it writes outputs anew.
  writeFileSync(p.path(`results/.${dir.split('/').at(-1) as string}-results.tmp`), 'half of it');
  writeFileSync(results, 'garbage');
  const made = await p.run(['outputs']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toContain(`${results}  1 line\n`);
  expect(read(results)).toBe('{"i":2}\n');
  expect(readdirSync(p.path('results'))).toHaveLength(1);
  expect(existsSync(join(dir, 'lock'))).toBe(false);
  expect(JSON.parse(read(join(dir, 'state.json')))).toMatchObject({
    status: 'interrupted',
    counts: { done: 1 },
  });
});

test('stay as they are when the journal is damaged, or there is no place for them', async () => {
  const p = await ended('t');
  const { results } = files(p);
  const before = read(results);
  const shard = one(join(runDir(p.dir), 'journal/*.ndjson'));
  const bytes = readFileSync(shard);
  const spoiled = Buffer.from(bytes);
  const at = spoiled.indexOf('"k":"end"') + 30;
  spoiled[at] = (spoiled[at] as number) ^ 1;
  writeFileSync(shard, spoiled);
  const damaged = await p.run(['outputs']);
  expect(damaged).toMatchObject({ code: 3, stdout: '' });
  expect(damaged.stderr).toContain('[JOURNAL_DAMAGED]');
  expect(read(results)).toBe(before);
  writeFileSync(shard, bytes);
  rmSync(p.path('results'), { recursive: true });
  writeFileSync(p.path('results'), 'a file');
  const failed = await p.run(['outputs']);
  expect(failed).toMatchObject({ code: 3, stdout: '' });
  expect(failed.stderr).toContain('[STORE_FAILED]');
  expect(failed.stderr).toContain('/results/');
  rmSync(p.path('results'));
  mkdirSync(p.path('results'));
  expect((await p.run(['outputs'])).code).toBe(0);
  expect(sorted(read(results))).toEqual(sorted(before));
  expect(existsSync(join(runDir(p.dir), 'lock'))).toBe(false);
});
