/** `runs` and `path`: which runs there are, and how one is named. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bin, one } from '../support/project.js';
import { runDirs } from './journal.js';
import { killed, open, over, rowsOf, slowProject, statusOf } from './live-runs.js';

const HOSTILE = { hostilePath: true };

describe('runs', () => {
  test('lists what there is, the latest last, as a table and as JSON', async () => {
    const project = slowProject(HOSTILE);
    const none = await project.run(['runs']);
    expect(none).toMatchObject({ code: 0, stdout: '' });
    expect(none.stderr).toContain('no runs in');
    await project.run(over('twenty.ndjson', 'tasks.slow.square'));
    await killed(project);
    open(project, 'go');
    await project.run(over('twenty.ndjson', 'tasks.slow.wait'));
    const { code, stdout, stderr } = await project.run(['runs']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [head, ...rows] = rowsOf(stdout);
    expect(head).toEqual(['ID', 'JOB', 'PLATFORM', 'STATUS', 'DONE', 'ERRORS', 'STARTED', 'DURATION']);
    const ids = runDirs(project.dir).map((dir) => dir.split('/').at(-1));
    expect(rows.map((row) => row.slice(0, 6))).toEqual([
      [ids[0], 'tasks.slow.square', 'local', 'finished', '20/20', '0'],
      [ids[1], 'tasks.slow.wait', 'local', 'interrupted', '6/20', '2'],
      [ids[2], 'tasks.slow.wait', 'local', 'finished', '20/20', '7'],
    ]);
    const json = (await project.run(['runs', '--json'])).stdout.trimEnd().split('\n');
    const objects = json.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects.map(({ id }) => id)).toEqual(ids);
    for (const object of objects) {
      expect(Object.keys(object)).toEqual(
        'id group job platform status reason round done total ok errors created started ended durationMs path'.split(
          ' ',
        ),
      );
      expect(new Date(object['started'] as string).toISOString()).toBe(object['started']);
      expect(object['path']).toBe(project.path('dl_jobs/runs', object['id'] as string));
    }
    expect(objects[1]).toMatchObject({
      status: 'interrupted',
      done: 6,
      total: 20,
      ok: 4,
      errors: 2,
      ended: null,
    });
  });

  test('lists runs that cannot be read as such, with the reason on stderr, and all the others', async () => {
    const project = slowProject();
    await project.run(over('two.ndjson', 'tasks.slow.square'));
    await project.run(over('two.ndjson', 'tasks.slow.square'));
    await project.run(over('two.ndjson', 'tasks.slow.square'));
    await project.run(over('two.ndjson', 'tasks.slow.square'));
    const [later, broken, damaged, fine] = runDirs(project.dir) as [string, string, string, string];
    const run = JSON.parse(readFileSync(join(later, 'run.json'), 'utf8')) as object;
    writeFileSync(join(later, 'run.json'), JSON.stringify({ ...run, version: 99 }));
    writeFileSync(join(broken, 'run.json'), 'null');
    const shard = one(join(damaged, 'journal/*.ndjson'));
    writeFileSync(shard, readFileSync(shard, 'utf8').replace('round-started', 'round-stARted'));
    // Without it the records have to be read.
    rmSync(join(damaged, 'state.json'));
    const { code, stdout, stderr } = await project.run(['runs']);
    expect(code).toBe(0);
    expect(
      rowsOf(stdout).map(([id, ...rest]) => [id, rest.filter((cell) => /^[a-z]+$/.test(cell)).at(-1)]),
    ).toEqual([
      ['ID', undefined],
      [later.split('/').at(-1), 'unreadable'],
      [broken.split('/').at(-1), 'unreadable'],
      [damaged.split('/').at(-1), 'damaged'],
      [fine.split('/').at(-1), 'finished'],
    ]);
    expect(stderr).toMatch(/is unreadable: .*expected a run of format 1 or older, got format 99/);
    expect(stderr).toMatch(/is unreadable: cannot read .*run\.json/);
    expect(stderr).toMatch(/is damaged: .*\.ndjson:2: expected a record/);
    const objects = (await project.run(['runs', '--json'])).stdout.trimEnd().split('\n');
    expect(JSON.parse(objects[2] as string)).toMatchObject({ status: 'damaged', path: damaged });
  });

  test('reads no record of a run that ended in order', async () => {
    const project = slowProject();
    await project.run(over('twenty.ndjson', 'tasks.slow.square'));
    const shard = one(join(runDirs(project.dir)[0] as string, 'journal/*.ndjson'));
    writeFileSync(shard, Buffer.alloc(readFileSync(shard).length));
    const { stdout, stderr } = await project.run(['runs']);
    expect(stderr).toBe('');
    expect(rowsOf(stdout)[1]?.slice(3, 6)).toEqual(['finished', '20/20', '0']);
  });
});

describe('a run', () => {
  test('is found by its id, its beginning, its end, and its folder', async () => {
    const project = slowProject(HOSTILE);
    await project.run(over('two.ndjson', 'tasks.slow.square'));
    await project.run(over('two.ndjson', 'tasks.slow.gate', '--limit', '1'), {
      onStart: () => open(project, 'go-0'),
    });
    const [first] = runDirs(project.dir) as [string];
    const id = first.split('/').at(-1) as string;
    for (const word of [id, id.slice(0, 19), id.slice(-6), `dl_jobs/runs/${id}`, first, `${first}/`]) {
      expect((await statusOf(project, word)).id).toBe(id);
    }
    const path = await project.run(['path', id.slice(-6)]);
    expect(path).toMatchObject({ code: 0, stdout: `${first}\n`, stderr: '' });
    expect((await project.run(['path'])).stdout).toBe(`${runDirs(project.dir)[1]}\n`);
  });

  test('that is not there, and words too many, are usage errors', async () => {
    const project = slowProject();
    for (const command of ['status', 'errors', 'attach', 'cancel', 'path']) {
      expect(await project.run([command])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('[RUN_NOT_FOUND]') as string,
      });
      expect(await project.run([command, 'a', 'b'])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('[USAGE]') as string,
      });
    }
    for (const command of ['runs', 'clean']) {
      const { code, stderr } = await project.run([command, '__proto__']);
      expect(code, stderr).toBe(2);
      expect(stderr).toContain('[USAGE]');
    }
    await project.run(over('two.ndjson', 'tasks.slow.square'));
    expect((await project.run(['status', '__proto__'])).stderr).toContain('[RUN_NOT_FOUND]');
    expect((await project.run(['status', ''])).stderr).toContain('[RUN_NOT_FOUND]');
    expect(readdirSync(project.path('dl_jobs/runs'))).toHaveLength(1);
  });

  test('that is looked at by somebody who leaves early gives no error', async () => {
    const project = slowProject();
    await project.run(over('two.ndjson', 'tasks.slow.square'));
    for (const command of ['runs', 'status', 'errors']) {
      const { stderr, status } = spawnSync(
        '/bin/sh',
        ['-c', '"$0" "$@" | true', process.execPath, bin, command],
        { cwd: project.dir, encoding: 'utf8' },
      );
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    }
  });
});
