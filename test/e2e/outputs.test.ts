/** The files a user gets, and what stands on which stream. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { bin, makeProject, one, readNdjson, type Project } from '../support/project.js';

const TASKS = `
export function square(i: number) { return { square: i * i }; }
export function speak(i: number) {
  console.log('out ' + i);
  console.error('DeprecationWarning: hide me');
  process.stdout.write('no newline ' + i);
  return i;
}
export function silent() {}
export function fail(i: number) { throw new Error('no ' + i); }
export function mixed(i: number) {
  return [{ i }, 'ERROR: bad', '{"text": 12345678901234567890}', null, { ERROR: 'x', ARGS: 'own' }, [1, [2]], 'plain'];
}
export function list(i: number) { return [i, i + 1]; }
export function text() { return ' {"a": 1} '; }
export function listText() { return '[{"a":1},"ERROR x"]'; }
export function both(...words: unknown[]) { return { words }; }
export async function slowSpeak(steps: string) {
  for (let i = 0; i < 3; i++) { console.log('step ' + i); await new Promise((r) => setTimeout(r, 150)); }
  return 'done';
}
`;

function project(config = '', files: Record<string, string> = {}): Project {
  return makeProject({
    'dl_jobs.config.yaml': config,
    'tasks/t.ts': TASKS,
    'three.ndjson': '0\n1\n2\n',
    'one.ndjson': '0\n',
    ...files,
  });
}
const map = (method: string, ...more: string[]) => [
  'map',
  `tasks.t.${method}`,
  '--args_list',
  'three.ndjson',
  ...more,
];
const job = (options: string) =>
  `import { DLJob } from 'dl-jobs';
   export function task() { return new DLJob({ moduleName: 'tasks.t', ...${options} }); }`;

describe('streams', () => {
  test('stdout carries results and task output, stderr the rest', async () => {
    const p = project();
    const { code, stdout, stderr } = await p.run(map('square'));
    expect(code, stderr).toBe(0);
    expect(stdout.trimEnd().split('\n').sort()).toEqual(['{"square":0}', '{"square":1}', '{"square":4}']);
    expect(stderr).toContain('3 tasks, 3 ok, 0 errors');
    expect(stderr).toContain(one(p.path('results/*.ndjson')));
    expect(stderr).not.toContain('\u001b');
  });

  test('print_logs prints each task’s output below its number; suppress hides lines', async () => {
    const p = project('noisy: false\n');
    const { stdout } = await p.run(map('speak'));
    const blocks = stdout.split(/^(?=logs\[)/m).sort();
    expect(blocks).toEqual([0, 1, 2].map((i) => `logs[${i}]\nout ${i}\nno newline ${i}\n`));
    const log = readFileSync(one(p.path('logs/*.log')), 'utf8');
    for (const i of [0, 1, 2]) expect(log).toContain(`[${i}] out ${i}\n`);
    expect(log).not.toContain('hide me');
  });

  test('neither noisy nor print_logs prints nothing', async () => {
    const { stdout } = await project('noisy: false\nprint_logs: false\n').run(map('speak'));
    expect(stdout).toBe('');
  });

  test('a pipe gets every result, however many', async () => {
    const p = project('', { 'run/many.ts': job("{ methodName: 'square', argsList: 1000 }") });
    const { stdout } = await p.run(['run', 'many']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1000);
  });

  test('a reader that leaves early is no error', async () => {
    const p = project('', { 'run/many.ts': job("{ methodName: 'square', argsList: 20000 }") });
    const child = spawn(
      '/bin/sh',
      ['-c', '"$0" "$1" run many | head -1; echo "${PIPESTATUS:-}"', process.execPath, bin],
      {
        cwd: p.dir,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)));
    await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).not.toMatch(/EPIPE|bug|^\s+at /m);
    expect(stderr).toContain('20000 ok');
    expect(readNdjson(one(p.path('results/*.ndjson')))).toHaveLength(20000);
  });

  test('the output of a single task comes while it runs', async () => {
    const p = project('', { 'run/live.ts': job("{ methodName: 'slowSpeak', args: ['x'] }") });
    let early = false;
    const { stdout } = await p.run(['run', 'live'], {
      onStart: (child) => {
        child.stdout?.on('data', (chunk: Buffer) => {
          if (String(chunk).includes('step 0') && !String(chunk).includes('done')) early = true;
        });
      },
    });
    expect(early).toBe(true);
    expect(stdout).toBe('step 0\nstep 1\nstep 2\n"done"\n');
  });
});

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
    expect(log).toMatch(/COMPLETED finished: 1 tasks, 1 ok, 0 errors\nDURATION {2}0:00:0\d\n$/);
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

describe('the API', () => {
  test('run() resolves to a summary whose results can be read in any way', async () => {
    const p = project('noisy: false\nprint_logs: false\n', {
      'script.mjs': `
        import { DLJob } from 'dl-jobs';
        const job = new DLJob({ moduleName: 'tasks.t', methodName: 'square', argsList: 500 });
        const summary = await job.run();
        const rows = [];
        for await (const row of summary.results({ ordered: true, withArgs: true })) rows.push(row);
        const tasks = [];
        for await (const { task } of summary.results()) tasks.push(task);
        const failing = await new DLJob({ moduleName: 'tasks.t', methodName: 'fail', argsList: 3 }).run();
        const list = await new DLJob({ moduleName: 'tasks.t', methodName: 'list', argsList: [5] }).run();
        const lists = [];
        for await (const { value } of list.results()) lists.push(value);
        let rejected;
        try { await new DLJob({ moduleName: 'tasks.none', argsList: 3 }).run(); } catch (error) { rejected = error.code; }
        console.log(JSON.stringify({
          status: summary.status, counts: summary.counts, failed: summary.failed, paths: summary.paths,
          ordered: rows.every((row, i) => row.task === i && row.args === i && row.value.square === i * i),
          rows: rows.length, distinct: new Set(tasks).size, jobPath: job.resultsPath === summary.paths.results,
          failing: { counts: failing.counts, failures: failing.failures, failed: failing.failed }, lists, rejected,
          listLines: list.counts.results,
        }));`,
    });
    const { code, stdout, stderr } = await p.node(['script.mjs']);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      status: 'finished',
      counts: { total: 500, done: 500, ok: 500, errors: 0, results: 500 },
      failed: false,
      paths: {
        run: expect.stringContaining(p.path('dl_jobs/runs/')),
        results: expect.stringContaining(p.path('results/')),
        errors: null,
        log: expect.stringContaining(p.path('logs/')),
      },
      ordered: true,
      rows: 500,
      distinct: 500,
      jobPath: true,
      failing: {
        counts: { total: 3, done: 3, ok: 0, errors: 3, results: 0 },
        failures: { exception: 3 },
        failed: true,
      },
      lists: [[5, 6]],
      rejected: 'MODULE_NOT_FOUND',
      listLines: 2,
    });
  });

  test('a script that is in the way of nobody: importing the package does nothing', async () => {
    const p = project();
    const { stdout, stderr } = await p.node(['--input-type=module', '-e', "import 'dl-jobs'"]);
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
    expect(readdirSync(p.dir).sort()).toEqual([
      'dl_jobs.config.yaml',
      'node_modules',
      'one.ndjson',
      'tasks',
      'three.ndjson',
    ]);
  });
});

describe('job functions', () => {
  const three = (body: string) => ({
    'run/j.ts': `import { DLJob } from 'dl-jobs';
      const make = (methodName: string) => new DLJob({ moduleName: 'tasks.t', methodName, argsList: 2, name: 'same' });
      ${body}`,
  });

  test('several jobs run in order into files of their own; the worst exit code counts', async () => {
    const p = project(
      '',
      three("export const task = () => [make('square'), null, make('fail'), make('square')];"),
    );
    const { code, stderr } = await p.run(['run', 'j']);
    expect(code, stderr).toBe(1);
    expect(stderr.match(/finished/g)).toHaveLength(3);
    expect(readdirSync(p.path('results'))).toHaveLength(2);
    expect(readdirSync(p.path('errors'))).toHaveLength(1);
    const runs = readdirSync(p.path('dl_jobs/runs')).map(
      (name) =>
        JSON.parse(readFileSync(p.path('dl_jobs/runs', name, 'run.json'), 'utf8')) as Record<string, unknown>,
    );
    expect(new Set(runs.map((run) => run['group'])).size).toBe(1);
    expect(runs.map((run) => [run['groupIndex'], run['groupSize']]).sort()).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
    ]);
    expect(runs[0]).toMatchObject({ origin: { file: 'run/j.ts', method: 'task', args: [], kwargs: {} } });
  });

  test('a broken job among several keeps all of them from running', async () => {
    const body = "export const task = () => [make('square'), new DLJob({ moduleName: 'tasks.gone' })];";
    const p = project('', three(body));
    const { code, stdout, stderr } = await p.run(['run', 'j']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('MODULE_NOT_FOUND');
    expect(readdirSync(p.path('dl_jobs/runs'))).toEqual([]);
  });

  test('returning nothing is a notice, not an error', async () => {
    const { code, stdout, stderr } = await project('', three('export function task() {}')).run(['run', 'j']);
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain('no job was found for j');
  });

  test('returning something else is an error that says what', async () => {
    const { code, stderr } = await project('', three('export function task() { return [1]; }')).run([
      'run',
      'j',
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain('expected a DLJob, an array of them or nothing, got 1 (number) [JOB_INVALID]');
  });

  test('throwing is an error in the user’s own lines', async () => {
    const p = project('', { 'run/j.ts': "\nexport function task() {\n  throw new Error('oh');\n}\n" });
    const { code, stderr } = await p.run(['run', 'j']);
    expect(code).toBe(2);
    expect(stderr).toContain('oh');
    expect(stderr).toContain(`${p.path('run/j.ts')}:3:`);
    expect(stderr).not.toMatch(/dl_jobs\/cache|dist\/|node:internal/);
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
