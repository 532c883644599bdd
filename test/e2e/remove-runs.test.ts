/** `rm` and `clean`: what is deleted, and above all what is not. */
import {
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { one, type Project } from '../support/project.js';
import { runDirs } from './journal.js';
import { allEnd, begin, latest, over, slowProject, untilState, type LiveRun } from './live-runs.js';
import { isRunning, onLinux } from './processes.js';

const HOSTILE = { hostilePath: true };
const runsOf = (project: Project): string[] => readdirSync(project.path('dl_jobs/runs')).sort();

async function finished(project: Project): Promise<string> {
  const { code, stderr } = await project.run(over('two.ndjson', 'tasks.slow.square'));
  expect(code, stderr).toBe(0);
  return latest(project);
}

/** Starts a run that does not end by itself. */
async function running(project: Project): Promise<LiveRun> {
  // Marks of an earlier run, and its state, would do as well.
  for (const name of ['started-0', 'started-1']) rmSync(project.path(name), { force: true });
  const live = begin(project, over('two.ndjson', 'tasks.slow.busy'));
  await live.marked('started-0', 'started-1');
  await untilState(project, 'both hosts are told of', ({ hosts }) => (hosts as unknown[]).length === 2);
  return live;
}

describe('rm', () => {
  test('deletes run folders, and follows no link out of them; outputs stay', async () => {
    const project = slowProject(HOSTILE, { 'precious/deep/file.txt': 'precious' });
    const id = await finished(project);
    const kept = await finished(project);
    const [dir] = runDirs(project.dir) as [string];
    const snapshot = one(join(dir, 'code/*'));
    expect(readlinkSync(join(snapshot, 'precious'))).toBe(project.path('precious'));
    symlinkSync(project.path('precious'), join(dir, 'code/again'));
    symlinkSync('/', join(dir, 'code/all'));
    symlinkSync(project.path('precious/deep/file.txt'), join(dir, 'logs/file.txt'));
    const results = readdirSync(project.path('results'));
    const { code, stderr } = await project.run(['rm', id]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^removed .* \(\d.*B\)\n/s);
    expect(stderr).toContain(`  kept ${project.path('results')}`);
    expect(runsOf(project)).toEqual([kept]);
    expect(readFileSync(project.path('precious/deep/file.txt'), 'utf8')).toBe('precious');
    expect(readdirSync(project.path('results'))).toEqual(results);
    expect(existsSync(project.path('tasks/slow.ts'))).toBe(true);
    expect((await project.run(['status', kept])).code).toBe(0);
  });

  test('takes several names at once, also of the same run, and a folder', async () => {
    const project = slowProject(HOSTILE);
    const ids = [await finished(project), await finished(project), await finished(project)] as const;
    const { code, stderr } = await project.run(['rm', ids[0], ids[0].slice(-6), `dl_jobs/runs/${ids[2]}/`]);
    expect(code, stderr).toBe(0);
    expect(stderr.match(/^removed/gm)).toHaveLength(2);
    expect(runsOf(project)).toEqual([ids[1]]);
  });

  test('deletes nothing when one of the names is wrong, and needs one', async () => {
    const project = slowProject();
    const id = await finished(project);
    for (const words of [[id, 'nonsense'], [id, '..'], ['.'], ['../../tasks'], ['tasks/'], []]) {
      const { code, stderr } = await project.run(['rm', ...words]);
      expect(code, stderr).toBe(2);
    }
    // A project may have a file of that name.
    for (const name of ['run.json', 'tasks/run.json']) {
      writeFileSync(project.path(name), '{"version":1}');
    }
    for (const word of ['./', 'tasks/', project.dir, `${project.dir}/tasks`]) {
      const { code, stderr } = await project.run(['rm', id, word]);
      expect(code, stderr).toBe(2);
      expect(stderr).toContain('[RUN_NOT_FOUND]');
    }
    expect(runsOf(project)).toEqual([id]);
    expect(existsSync(project.path('tasks/slow.ts'))).toBe(true);
  });

  test('deletes a run that nobody can read', async () => {
    const project = slowProject();
    const id = await finished(project);
    writeFileSync(project.path('dl_jobs/runs', id, 'run.json'), '{');
    const { code, stderr } = await project.run(['rm', id]);
    expect(code, stderr).toBe(0);
    expect(runsOf(project)).toEqual([]);
  });

  test('refuses a run that somebody controls; --force cancels it first', onLinux, async () => {
    const project = slowProject(HOSTILE);
    const other = await finished(project);
    const live = await running(project);
    const id = latest(project);
    const refused = await project.run(['rm', other, id]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('[RUN_LOCKED]');
    expect(refused.stderr).toContain(`process ${live.pid}`);
    expect(runsOf(project)).toEqual([other, id]);
    expect(isRunning(live.pid)).toBe(true);
    const all = live.children();
    const { code, stderr } = await project.run(['rm', '--force', id]);
    expect(code, stderr).toBe(0);
    expect(runsOf(project)).toEqual([other]);
    expect((await live.ended).code).toBe(130);
    await allEnd(all);
  });

  test('a half-deleted run is no run, and clean removes it', async () => {
    const project = slowProject();
    const id = await finished(project);
    const left = project.path(`dl_jobs/runs/.${id}.removed-0123abcd`);
    mkdirSync(left);
    writeFileSync(join(left, 'run.json'), readFileSync(project.path('dl_jobs/runs', id, 'run.json')));
    const other = project.path('dl_jobs/runs/.somebody-elses');
    mkdirSync(other);
    expect((await project.run(['runs'])).stdout.trimEnd().split('\n')).toHaveLength(2);
    expect((await project.run(['status', `.${id}`])).code).toBe(2);
    const { code, stderr } = await project.run(['clean', '--older-than', '1d']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('removed 0 runs and 1 leftover');
    expect(runsOf(project)).toEqual(['.somebody-elses', id]);
  });
});

/** Makes it look as if a run had ended so many seconds ago. */
function age(project: Project, id: string, seconds: number): void {
  const state = project.path('dl_jobs/runs', id, 'state.json');
  const ended = Date.now() - seconds * 1000;
  const content = JSON.parse(readFileSync(state, 'utf8')) as object;
  writeFileSync(state, JSON.stringify({ ...content, ended }));
}

function touch(path: string, seconds: number): void {
  const at = Date.now() / 1000 - seconds;
  lutimesSync(path, at, at);
}

describe('clean', () => {
  test('needs an age', async () => {
    const project = slowProject();
    await finished(project);
    for (const words of [[], ['--older-than'], ['--older-than', 'soon'], ['--older-than', '-1d']]) {
      const { code, stderr } = await project.run(['clean', ...words]);
      expect(code, stderr).toBe(2);
    }
    expect(runsOf(project)).toHaveLength(1);
  });

  test('removes runs that ended longer ago, and counts them and their bytes', async () => {
    const project = slowProject(HOSTILE, { 'precious/file.txt': 'precious' });
    const old = await finished(project);
    const young = await finished(project);
    age(project, old, 8 * 86_400);
    age(project, young, 6 * 86_400);
    const { code, stderr } = await project.run(['clean', '--older-than', '7d']);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(
      new RegExp(`^removed ${old}\nremoved 1 run and 0 leftovers, \\d[\\d.]* .?B; outputs`),
    );
    expect(runsOf(project)).toEqual([young]);
    expect(readdirSync(project.path('results'))).toHaveLength(2);
    expect(readFileSync(project.path('precious/file.txt'), 'utf8')).toBe('precious');
    expect((await project.run(['clean', '--older-than', '0'])).stderr).toContain('removed 1 run');
    expect(runsOf(project)).toEqual([]);
  });

  test(
    'goes by the last record of a run that nobody saw the end of, and leaves one that runs',
    onLinux,
    async () => {
      const project = slowProject();
      const killed = await running(project);
      const id = latest(project);
      process.kill(killed.pid, 'SIGKILL');
      await killed.ended;
      const dir = project.path('dl_jobs/runs', id);
      touch(join(dir, 'run.json'), 10 * 86_400);
      expect((await project.run(['clean', '--older-than', '7d'])).code).toBe(0);
      expect(runsOf(project)).toEqual([id]);
      // To look at it makes it no younger.
      for (const name of readdirSync(join(dir, 'journal'))) touch(join(dir, 'journal', name), 8 * 86_400);
      await project.run(['status']);
      const live = await running(project);
      await project.run(['clean', '--older-than', '7d']);
      expect(runsOf(project)).toEqual([latest(project)]);
      expect((await project.run(['clean', '--older-than', '0'])).code).toBe(0);
      expect(runsOf(project)).toHaveLength(1);
      expect(isRunning(live.pid)).toBe(true);
      await project.run(['rm', '--force', latest(project)]);
      await live.ended;
    },
  );

  test('removes what crashes left below dls_root, once it is old', async () => {
    const project = slowProject(HOSTILE, { 'precious/file.txt': 'precious' });
    const id = await finished(project);
    const root = project.path('dl_jobs');
    const files = {
      'runs/20260101T000000.000-never-a-run-abcdef/code/file': true,
      'runs/notes/file': false,
      'cache/trace/0123.json.999.tmp': true,
      'cache/code/.abc.999.xyz/file': true,
      'cache/spare-999999999-0.log': true,
      [`cache/spare-${process.pid}-0.log`]: false,
      'cache/text/kept': false,
      'cache/code/abc/data.tmp': false,
      'runs/file': false,
    };
    for (const name of Object.keys(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), 'x'.repeat(100));
    }
    symlinkSync(project.path('precious'), join(root, 'cache/text/link.tmp'));
    symlinkSync(project.path('precious'), join(root, 'runs/20260101T000000.000-never-a-run-abcdef/link'));
    const tops = [
      'runs/20260101T000000.000-never-a-run-abcdef',
      'runs/notes',
      'cache/code/.abc.999.xyz',
      'cache/text/link.tmp',
    ];
    const young = await project.run(['clean', '--older-than', '1d']);
    expect(young.stderr).toContain('removed 0 runs and 0 leftovers, 0 B');
    for (const name of Object.keys(files)) touch(join(root, name), 7_200);
    for (const name of tops) touch(join(root, name), 7_200);
    utimesSync(project.path('precious/file.txt'), 0, 0);
    const { code, stderr } = await project.run(['clean', '--older-than', '1d']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('removed 0 runs and 5 leftovers, 400 B');
    for (const [name, isLeft] of Object.entries(files)) {
      expect({ name, there: existsSync(join(root, name)) }).toEqual({ name, there: !isLeft });
    }
    expect(readFileSync(project.path('precious/file.txt'), 'utf8')).toBe('precious');
    expect(runsOf(project)).toEqual([id, 'file', 'notes'].sort());
    expect((await project.run(['clean', '--older-than', '1d'])).stderr).toContain('0 leftovers');
  });

  test('has nothing to do where there are no runs', async () => {
    const { code, stderr } = await slowProject().run(['clean', '--older-than', '7d']);
    expect(code).toBe(0);
    expect(stderr).toContain('removed 0 runs and 0 leftovers');
  });
});
