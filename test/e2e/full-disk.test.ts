/** Disks that are full or read-only: it is said at once, and nothing that was recorded is lost. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { one, type Project, type RunResult } from '../support/project.js';
import { requires } from '../support/requires.js';
import { executions, expectedOk, okTasks, recorded, runAndKill, sideProject } from './side-file.js';

const TASKS = 200;
const options = { ...requires('tmpfs'), timeout: 180_000 };

interface Disk {
  readonly dir: string;
  /** Changes it: `size=64m`, `ro`, `rw`. */
  remount(how: string): void;
}

/** A file system in memory; gone when the test ends. */
function disk(size: string): Disk {
  const dir = mkdtempSync(join(tmpdir(), 'dl-jobs-disk-'));
  const run = (command: string, ...args: string[]): void => {
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  };
  run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'none', dir);
  onTestFinished(() => {
    run('umount', '--lazy', dir);
    rmSync(dir, { recursive: true, force: true });
  });
  return { dir, remount: (how) => run('mount', '-o', `remount,${how}`, dir) };
}

/** The one run below `root`. */
function runBelow(root: string): string {
  const [id, ...others] = readdirSync(join(root, 'runs'));
  if (id === undefined || others.length > 0) throw new Error('expected one run');
  return join(root, 'runs', id);
}

function expectSaid({ code, stderr }: RunResult, meaning: string): void {
  expect(code, stderr).toBe(3);
  expect(stderr).toContain('[STORE_FAILED]');
  expect(stderr).toContain(meaning);
  expect(stderr).not.toContain('This is a bug');
}

/** Goes on with the run, and checks that nothing that was recorded before is done again. */
async function finish(project: Project, dir: string, results: string, wasKilled = false): Promise<void> {
  const before = recorded(dir, wasKilled);
  const executed = executions(project).length;
  const { code, stderr } = await project.run(['resume'], { env: { BYTES: '20000' } });
  expect(code, stderr).toBe(1);
  const again = executions(project).slice(executed);
  expect(again.filter((task) => before.includes(task))).toEqual([]);
  expect(recorded(dir, wasKilled)).toEqual(Array.from({ length: TASKS }, (_, i) => i));
  expect(okTasks(results)).toEqual(expectedOk(TASKS));
  const temps = readdirSync(results).filter((name) => name.startsWith('.') || name.endsWith('.tmp'));
  expect(temps).toEqual([]);
}

describe('a disk that gets full', () => {
  test('under the journal ends the run, and room lets it go on', options, async () => {
    const small = disk('1m');
    const project = sideProject({ dls_root: small.dir });
    expectSaid(
      await project.run(['run', 'side', String(TASKS)], { env: { BYTES: '20000' } }),
      'the disk is full (ENOSPC)',
    );
    const dir = runBelow(small.dir);
    const kept = recorded(dir);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(TASKS);
    // What is published is a part of what is recorded, in whole lines.
    const published = okTasks(project.path('results'));
    expect(published.filter((task) => !kept.includes(task))).toEqual([]);

    expectSaid(await project.run(['resume'], { env: { BYTES: '20000' } }), 'the disk is full (ENOSPC)');
    expect(recorded(dir).filter((task) => kept.includes(task))).toEqual(kept);

    small.remount('size=64m');
    await finish(project, dir, project.path('results'));
  });

  test('under the results ends the run, and room lets it go on', options, async () => {
    const small = disk('1m');
    const project = sideProject({ results_dir: small.dir });
    expectSaid(
      await project.run(['run', 'side', String(TASKS)], { env: { BYTES: '20000' } }),
      'the disk is full (ENOSPC)',
    );
    const dir = runBelow(project.path('dl_jobs'));
    expect(okTasks(small.dir).filter((task) => !recorded(dir).includes(task))).toEqual([]);

    expectSaid(await project.run(['resume'], { env: { BYTES: '20000' } }), 'the disk is full (ENOSPC)');
    small.remount('size=64m');
    await finish(project, dir, small.dir);
  });

  test('before there is a run leaves none', options, async () => {
    const small = disk('512k');
    const project = sideProject({ dls_root: small.dir });
    spawnSync('dd', ['if=/dev/zero', `of=${join(small.dir, 'filler')}`, 'bs=4k']);
    expectSaid(await project.run(['run', 'side', '5']), 'the disk is full (ENOSPC)');
    rmSync(join(small.dir, 'filler'));
    const { code, stderr } = await project.run(['run', 'side', '5']);
    expect(code, stderr).toBe(1);
    expect(executions(project)).toHaveLength(5);
  });
});

describe('a read-only folder', () => {
  test('for results is said before much is done, and nothing is done twice', options, async () => {
    const results = disk('64m');
    results.remount('ro');
    const project = sideProject({ results_dir: results.dir });
    const env = { NAP: '50', BYTES: '20000' };
    expectSaid(
      await project.run(['run', 'side', String(TASKS)], { env }),
      'the file system is read-only (EROFS)',
    );
    expect(executions(project).length).toBeLessThan(TASKS);
    const dir = runBelow(project.path('dl_jobs'));

    expectSaid(await project.run(['outputs']), 'the file system is read-only (EROFS)');
    results.remount('rw');
    await finish(project, dir, results.dir);
  });

  test('that became so after a run was killed keeps what it has, and is gone on with', options, async () => {
    const results = disk('64m');
    const project = sideProject({ results_dir: results.dir });
    const env = { BYTES: '20000' };
    await runAndKill(project, ['run', 'side', String(TASKS)], () => executions(project).length > TASKS / 2, {
      // Else all may be done before it is killed.
      env: { ...env, HOLD: String(0.75 * TASKS) },
    });
    const dir = runBelow(project.path('dl_jobs'));
    // A line that the kill cut off may be at its end.
    const published = readFileSync(one(`${results.dir}/*.ndjson`));
    results.remount('ro');
    for (const words of [['resume'], ['outputs']]) {
      expectSaid(await project.run(words, { env }), 'the file system is read-only (EROFS)');
      // Not `toEqual`: over two megabytes it takes ten seconds.
      expect(readFileSync(one(`${results.dir}/*.ndjson`)).equals(published)).toBe(true);
    }
    results.remount('rw');
    await finish(project, dir, results.dir, true);
  });

  test('for runs is said, and leaves nothing', options, async () => {
    const runs = disk('1m');
    mkdirSync(join(runs.dir, 'runs'));
    runs.remount('ro');
    const project = sideProject({ dls_root: runs.dir });
    expectSaid(await project.run(['run', 'side', '5']), 'the file system is read-only (EROFS)');
    expect(executions(project)).toEqual([]);
    expect(existsSync(project.path('results'))).toBe(false);
  });
});
