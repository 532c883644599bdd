/** `status` and `errors` of runs that nothing goes on in. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { one } from '../support/project.js';
import { ends, runDirs } from './journal.js';
import { killed, latest, open, over, slowProject, stateFile, stateOf, statusOf } from './live-runs.js';
import { onLinux } from './processes.js';

const HOSTILE = { hostilePath: true };

describe('status and errors of a run that has ended', () => {
  test('tell all there is, in words', async () => {
    const project = slowProject(HOSTILE);
    open(project, 'go');
    await project.run(over('twenty.ndjson', 'tasks.slow.wait'));
    const id = latest(project);
    const status = await project.run(['status']);
    expect(status.code, status.stderr).toBe(0);
    expect(status.stdout).toMatch(new RegExp(`^${id} {2}finished\n`));
    expect(status.stdout).toContain('20 of 20 (100%): 13 ok, 7 errors');
    expect(status.stdout).toMatch(/7 exception, such as task \d+: RangeError: no \d+\n/);
    expect(status.stdout).not.toContain('more of it');
    expect(status.stdout).toMatch(/task time +p50 .*, p95 .*, max /);
    expect(status.stdout).toMatch(/slowest +task \d+ /);
    expect(status.stdout).toContain(`dl_jobs errors ${id}`);
    expect(status.stdout).toContain(`dl_jobs retry ${id}`);
    expect(status.stdout).not.toContain('dl_jobs resume');
    expect(status.stdout).not.toContain('\u001b');
    const errors = await project.run(['errors']);
    expect(errors.code, errors.stderr).toBe(0);
    expect(errors.stdout).toContain('7 of 20 tasks failed');
    expect(errors.stdout).toMatch(/7 × exception {2}RangeError: no \d+\n {4}more of it\n/);
    const task = /dl_jobs replay (\S+) --task (\d+)\n/.exec(errors.stdout);
    expect(task?.[1]).toBe(id);
    expect(Number(task?.[2]) % 3).toBe(0);
    expect(errors.stdout).toContain(one(project.path('errors/*.ndjson')));
  });

  test('are JSON with documented keys', async () => {
    const project = slowProject();
    open(project, 'go');
    await project.run(over('twenty.ndjson', 'tasks.slow.wait'));
    const status = await statusOf(project, latest(project).slice(-6));
    expect(Object.keys(status)).toEqual(
      `id group groupIndex groupSize job name platform language status reason round kind counts percent rate etaMs
       created started roundStarted ended durationMs failures slowest taskMs memoryMiB hosts queue controller rounds path
       outputs next`.split(/\s+/),
    );
    expect(status).toMatchObject({
      id: latest(project),
      status: 'finished',
      counts: { total: 20, done: 20, ok: 13, errors: 7, results: 13 },
      percent: 100,
      etaMs: null,
      failures: [{ failure: 'exception', count: 7, example: { type: 'RangeError' } }],
      hosts: [],
      controller: null,
      rounds: [{ round: 1, kind: 'run', codeIsNew: false, tasks: null }],
      outputs: {
        results: one(project.path('results/*.ndjson')),
        errors: one(project.path('errors/*.ndjson')),
        log: one(project.path('logs/*.log')),
      },
    });
    expect(status.rate).toBeGreaterThan(0);
    const groups = (await project.run(['errors', '--json'])).stdout.trimEnd().split('\n');
    expect(groups).toHaveLength(1);
    const group = JSON.parse(groups[0] as string) as { task: number };
    expect(group).toEqual({
      failure: 'exception',
      type: 'RangeError',
      message: `no ${group.task}\nmore of it`,
      count: 7,
      task: group.task,
      replay: `dl_jobs replay ${latest(project)} --task ${group.task}`,
    });
  });

  test('say so when there are no errors', async () => {
    const project = slowProject();
    await project.run(over('two.ndjson', 'tasks.slow.square'));
    const errors = await project.run(['errors']);
    expect(errors).toMatchObject({ code: 0, stderr: '' });
    expect(errors.stdout).toContain('no errors in 2 tasks');
    expect(await project.run(['errors', '--json'])).toMatchObject({ code: 0, stdout: '' });
    expect((await statusOf(project)).next).toEqual([]);
  });

  test('do not take another run’s file for theirs', async () => {
    const project = slowProject();
    open(project, 'go-0', 'go-1', 'go-2', 'go-3', 'go-4');
    await project.run(['run', 'jobs.noisy']);
    const first = latest(project);
    await project.run(['run', 'jobs.noisy']);
    expect((await statusOf(project, first)).outputs['results']).toBeNull();
    expect((await statusOf(project)).outputs['results']).toBe(project.path('results/noisy.ndjson'));
  });

  test('count the tasks of the last round only for its rate', async () => {
    const project = slowProject();
    await project.run(over('twenty.ndjson', 'tasks.slow.square'));
    const state = stateOf(project);
    const roundStarted = (state['ended'] as number) - 5_000;
    writeFileSync(stateFile(project), JSON.stringify({ ...state, doneBefore: 10, roundStarted }));
    expect((await statusOf(project)).rate).toBe(2);
    writeFileSync(stateFile(project), JSON.stringify({ ...state, doneBefore: 20, roundStarted }));
    expect((await statusOf(project)).rate).toBeNull();
  });

  test('print no control characters of tasks', async () => {
    const project = slowProject(
      {},
      {
        'tasks/rude.ts': `export function f() { throw new Error('red \\u001b[31m and \\u0007 and \\u009b2J\\r\\nsecond'); }`,
      },
    );
    await project.run(over('two.ndjson', 'tasks.rude.f'));
    for (const command of ['status', 'errors']) {
      const { stdout } = await project.run([command]);
      expect(stdout).toContain('red ·[31m and · and ·2J\n');
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  });
});

describe('a run whose controller was killed', () => {
  test('is interrupted, with the right counts also without state.json', onLinux, async () => {
    const { project } = await killed(slowProject(HOSTILE));
    const before = await statusOf(project);
    expect(before).toMatchObject({
      status: 'interrupted',
      counts: { total: 20, done: 6, ok: 4, errors: 2, results: 4 },
      rate: null,
      etaMs: null,
      hosts: [],
      controller: null,
      next: [`dl_jobs resume ${before.id}`, `dl_jobs errors ${before.id}`, `dl_jobs retry ${before.id}`],
    });
    expect(before.durationMs).toBeGreaterThan(0);
    const [dir] = runDirs(project.dir) as [string];
    const inJournal = ends(dir);
    expect(inJournal).toHaveLength(6);
    rmSync(join(dir, 'state.json'));
    const after = await statusOf(project);
    expect(after).toMatchObject({ status: 'interrupted', counts: before.counts, failures: before.failures });
    expect((await project.run(['errors'])).stdout).toContain('2 × exception');
    expect((await project.run(['status'])).stdout).toContain(`dl_jobs resume ${before.id}`);
    // Kept, so that the records of a large run are read once.
    expect(existsSync(join(dir, 'state.json'))).toBe(true);
  });

  test('is worked out again when its journal is not what it was', onLinux, async () => {
    const { project } = await killed();
    expect((await statusOf(project)).counts.done).toBe(6);
    const shard = one(join(runDirs(project.dir)[0] as string, 'journal/*.ndjson'));
    const text = readFileSync(shard, 'utf8');
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.includes('"s":"error"'));
    writeFileSync(shard, [...lines.slice(0, at), ...lines.slice(at + 1)].join('\n'));
    expect((await statusOf(project)).counts).toMatchObject({ done: 5, errors: 1 });
  });
});
