/** The files a user gets. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';
import { job, map, project } from './small-tasks.js';

describe('files', () => {
  test('are made only when there is something to write', async () => {
    const p = project('log: false\n');
    const { code, stderr } = await p.run(map('silent'));
    expect(code, stderr).toBe(0);
    for (const folder of ['results', 'errors', 'logs']) expect(existsSync(p.path(folder))).toBe(false);
    await p.run(map('fail'));
    expect(existsSync(p.path('results'))).toBe(false);
    expect(readNdjson(one(p.path('errors/*.ndjson')))).toHaveLength(3);
  });

  test('are not made when they are not wanted', async () => {
    const p = project('log: false\nsave_results: false\nsave_errors: false\n');
    expect((await p.run(map('square'))).stdout.trimEnd().split('\n')).toHaveLength(3);
    expect((await p.run(map('fail'))).code).toBe(1);
    for (const folder of ['results', 'errors', 'logs']) expect(existsSync(p.path(folder))).toBe(false);
  });

  test('have the job’s name and the time, safe and sorting by time', async () => {
    const p = project();
    await p.run(map('square'));
    expect(readdirSync(p.path('results'))[0]).toMatch(
      /^dljob_tasks\.t\.square-\d{8}T\d{6}\.\d{3}-local\.ndjson$/,
    );
    expect(readdirSync(p.path('logs'))[0]).toMatch(/^dljob_tasks\.t\.square-\d{8}T\d{6}\.\d{3}-local\.log$/);
  });

  test('take the names and folders that the job gives them', async () => {
    const options = `{ methodName: 'square', argsList: 2, name: 'my: job/1', resultsDir: 'out/r', logDir: 'out/l',
      saveErrors: 'bad', log: 'diary.log' }`;
    const p = project('', { 'run/named.ts': job(options) });
    await p.run(['run', 'named']);
    await p.run(['run', 'named']);
    expect(readdirSync(p.path('out/r'))).toHaveLength(2);
    for (const name of readdirSync(p.path('out/r')))
      expect(name).toMatch(/^my-\.job-1_\d{8}T\d{6}\.\d{3}\.ndjson$/);
    // A log with a name of its own goes on in the same file.
    expect(readdirSync(p.path('out/l'))).toEqual(['diary.log']);
    expect(readFileSync(p.path('out/l/diary.log'), 'utf8').match(/^COMPLETED/gm)).toHaveLength(2);
  });

  test('without a timestamp, an older file of the same name is moved aside and named', async () => {
    const options = "{ methodName: 'square', argsList: 2, name: 'fixed', resultsTimestamp: false }";
    const p = project('', { 'run/fixed.ts': job(options) });
    await p.run(['run', 'fixed']);
    expect(readdirSync(p.path('results'))).toEqual(['fixed.ndjson']);
    writeFileSync(p.path('results/fixed.ndjson'), '"older"\n');
    const second = await p.run(['run', 'fixed']);
    expect(readFileSync(p.path('results/fixed.1.ndjson'), 'utf8')).toBe('"older"\n');
    expect(second.stderr).toContain(p.path('results/fixed.1.ndjson'));
    const third = await p.run(['run', 'fixed']);
    expect(third.stderr).toContain(p.path('results/fixed.2.ndjson'));
    expect(readNdjson(p.path('results/fixed.ndjson'))).toHaveLength(2);
    expect(readdirSync(p.path('results')).sort()).toEqual([
      'fixed.1.ndjson',
      'fixed.2.ndjson',
      'fixed.ndjson',
    ]);
  });

  test('a results folder that cannot be made is an infrastructure error', async () => {
    const p = project('', { results: 'I am a file' });
    const { code, stderr } = await p.run(map('square'));
    expect(code).toBe(3);
    expect(stderr).toMatch(/error: .*results.*\[STORE_FAILED\]/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('the log file has a head, each line with its task, results, errors and an end', async () => {
    const p = project('', {
      'run/j.ts': job("{ methodName: 'both', args: [1], kwargs: { a: 2 }, cpus: 2 }"),
    });
    await p.run(['run', 'j']);
    const log = readFileSync(one(p.path('logs/*.log')), 'utf8');
    for (const part of [
      'tasks.t.both',
      'STARTED',
      'PLATFORM  local',
      'IMAGE',
      'CPUS      2',
      'GPUS      0',
      'OPTIONS',
    ])
      expect(log).toContain(part);
    expect(log).toContain('[0] RESULT {"words":[1,{"a":2}]}\n');
    expect(log).toMatch(/COMPLETED finished: 1 tasks, 1 ok, 0 errors\nDURATION {2}0:0\d:\d\d\n$/);
  });
});

describe('results', () => {
  test('ungrouped, a list is a line an element, and its error elements go to errors', async () => {
    const p = project('', { 'run/m.ts': job("{ methodName: 'mixed', argsList: [7] }") });
    const { code, stderr } = await p.run(['run', 'm']);
    expect(code, stderr).toBe(1);
    expect(readFileSync(one(p.path('results/*.ndjson')), 'utf8')).toBe(
      '{"i":7}\n{"text": 12345678901234567890}\n[1,[2]]\n"plain"\n',
    );
    expect(readNdjson(one(p.path('errors/*.ndjson')))).toEqual([
      {
        ERROR: 'ERROR: bad',
        ARGS: [7],
        KWARGS: {},
        TASK_ID: 0,
        FAILURE_TYPE: 'returned',
        TYPE: null,
        STACK: null,
        LOG: '',
      },
      {
        ERROR: 'x',
        ARGS: 'own',
        KWARGS: {},
        TASK_ID: 0,
        FAILURE_TYPE: 'returned',
        TYPE: null,
        STACK: null,
        LOG: '',
      },
    ]);
  });

  test('grouped, a list is one line and never an error', async () => {
    const p = project('', {
      'run/m.ts': job("{ methodName: 'mixed', argsList: [7], groupedResults: true }"),
    });
    const { code, stderr } = await p.run(['run', 'm']);
    expect(code, stderr).toBe(0);
    const [line, ...more] = readNdjson<unknown[]>(one(p.path('results/*.ndjson')));
    expect(more).toEqual([]);
    expect(line).toHaveLength(7);
  });

  test('text of a JSON object or list is taken as that value', async () => {
    const p = project();
    await p.run(['map', 'tasks.t.text', '--args_list', 'one.ndjson']);
    expect(readNdjson(one(p.path('results/*.ndjson')))).toEqual([{ a: 1 }]);
    const { code } = await p.run(['map', 'tasks.t.listText', '--args_list', 'one.ndjson']);
    expect(code).toBe(1);
    expect(readNdjson(one(p.path('errors/*.ndjson')))).toMatchObject([{ ERROR: 'ERROR x' }]);
  });
});

test('a fixed log, results and errors folder outside of the project works', async () => {
  const outside = makeProject({});
  mkdirSync(outside.path('deep'));
  const p = project(`results_dir: '${outside.path('deep/r')}'\nlog_dir: '${outside.path('deep/l')}'\n`);
  const { code, stderr } = await p.run(map('square'));
  expect(code, stderr).toBe(0);
  expect(readNdjson(one(outside.path('deep/r/*.ndjson')))).toHaveLength(3);
});
