/** Job functions and scripts: what they may return, and what they get back. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { project } from './small-tasks.js';

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
