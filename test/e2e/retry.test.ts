/** `retry`, and the rules that stop a run before its end. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RoundFile } from '../../src/store/rounds.js';
import { makeProject, one, readNdjson, type Project } from '../support/project.js';
import { ends, runDir } from './journal.js';
import { until } from './processes.js';

const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nworkers: 2\n',
  'tasks/bug.ts': `
    import { appendFileSync } from 'node:fs';
    const mark = (i: number) => appendFileSync('executed', i + '\\n');
    export function task(i: number) {
      mark(i);
      if (i % 10 === 3) throw new TypeError('three in ' + i);
      if (i % 10 === 4) return { ERROR: 'four', i };
      if (i % 10 === 5) return [{ i, part: 1 }, { ERROR: 'five', i }, { i, part: 2 }];
      if (i % 10 === 6) return [{ i, part: 1 }, { i, part: 2 }];
      return { i };
    }
    export function failing(i: number) { mark(i); throw new Error('always'); }
    export function order(i: number) { mark(i); return i; }`,
  'run/j.ts': `
    import { DLJob } from 'dl-jobs';
    const job = (argsList, more = {}) => new DLJob({ moduleName: 'tasks.bug', argsList, ...more });
    export const task = (n = '100') => job(Number(n));
    export const list = (n = '100') => job(Array.from({ length: Number(n) }, (_, i) => i), { methodName: 'order' });
    export const generator = (n = '100') => job((function* () { for (let i = 0; i < Number(n); i++) yield i; })(), { methodName: 'order' });
    export const failing = (n = '100') => job(Number(n), { methodName: 'failing' });
    export const asked = () => job(20000, { methodName: 'failing', maxFailures: '5%' });`,
};

const makeBugs = (): Project => makeProject(FILES);

const executed = (project: Project): number[] =>
  existsSync(project.path('executed'))
    ? readFileSync(project.path('executed'), 'utf8').trim().split('\n').map(Number)
    : [];

function mend(project: Project): void {
  const file = project.path('tasks/bug.ts');
  const mended = readFileSync(file, 'utf8')
    .replace('throw new TypeError', 'if (i < 0) throw new TypeError')
    .replaceAll('ERROR:', 'fine:');
  writeFileSync(file, mended);
}

const results = (project: Project): { i: number }[] => readNdjson(one(project.path('results/*.ndjson')));
const errors = (project: Project): { TASK_ID: number }[] => readNdjson(one(project.path('errors/*.ndjson')));

describe('retry', () => {
  test('notes what it was told to ask for, and a later round asks for the same', async () => {
    const project = makeProject({ ...FILES, 'dl_jobs.config.yaml': 'noisy: false\nslurm: {nice: 1}\n' });
    expect((await project.run(['run', 'j.failing', '2'])).code).toBe(1);
    const dir = runDir(project.dir);
    const round = (n: number): RoundFile =>
      JSON.parse(readFileSync(join(dir, `rounds/${n}/round.json`), 'utf8')) as RoundFile;
    expect(round(1).resources).toMatchObject({ cpus: 1, slurm: { partition: null, options: { nice: 1 } } });
    const told = ['--memory', '16G', '--partition', 'big', '--slurm=exclusive', '--slurm', 'comment=a b'];
    expect((await project.run(['retry', ...told, '--cpus', '2'])).code).toBe(1);
    expect((await project.run(['retry', '--partition', 'none', '--slurm', 'nice=false'])).code).toBe(1);
    const options = { nice: 1, exclusive: true, comment: 'a b' };
    expect(round(2)).toMatchObject({
      resources: { cpus: 2, slurm: { partition: 'big', options } },
      policy: { memory: 16 * 1024 ** 3 },
    });
    expect(round(3)).toMatchObject({
      resources: { cpus: 2, slurm: { partition: null, options: { ...options, nice: false } } },
      policy: { memory: 16 * 1024 ** 3 },
    });
  });

  test('goes on with a run that was made before jobs said anything of Slurm', async () => {
    const project = makeBugs();
    expect((await project.run(['run', 'j.failing', '2'])).code).toBe(1);
    const dir = runDir(project.dir);
    for (const [path, member] of [
      ['run.json', 'spec'],
      ['rounds/1/round.json', 'resources'],
    ] as const) {
      const file = JSON.parse(readFileSync(join(dir, path), 'utf8')) as Record<string, object>;
      file[member] = { ...file[member], slurm: undefined, gpuType: undefined };
      writeFileSync(join(dir, path), JSON.stringify(file));
    }
    expect((await project.run(['retry', '--time', '1h', '--gpus', '0'])).code).toBe(1);
    const second = JSON.parse(readFileSync(join(dir, 'rounds/2/round.json'), 'utf8')) as RoundFile;
    expect(second.resources).toMatchObject({ gpuType: null, slurm: { time: 3600, maxWorkers: 16 } });
  });

  test('with the mended code leaves no error, and the lines of each task once', async () => {
    const project = makeBugs();
    expect((await project.run(['run', 'j'])).code).toBe(1);
    expect(results(project).length).toBe(70 + 10 * 2 + 10 * 2 - 10);
    expect(errors(project).length).toBe(30);
    mend(project);
    // With the code of then they fail as before, and each has one line still.
    expect((await project.run(['retry'])).code).toBe(1);
    expect(errors(project).length).toBe(30);
    expect(results(project).length).toBe(100);
    const before = executed(project).length;
    const { code, stderr } = await project.run(['retry', '--code', 'new']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('running again 30 tasks, with new code');
    expect(executed(project).length - before).toBe(30);
    expect(readdirSync(project.path('errors'))).toEqual([]);
    const lines = results(project);
    expect(lines.length).toBe(80 + 10 * 3 + 10 * 2);
    expect(new Set(lines.map((line) => JSON.stringify(line))).size).toBe(lines.length);
    const dir = runDir(project.dir);
    expect(
      ends(dir)
        .filter((end) => end.t === 3)
        .map((end) => end.s),
    ).toEqual(['error', 'error', 'ok']);
    const again = await project.run(['retry']);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain('nothing to run again');
  });

  test('takes only tasks that failed in a way, or those that are named', async () => {
    const project = makeBugs();
    await project.run(['run', 'j']);
    mend(project);
    await project.run(['retry', '--code', 'new', '--failure_type', 'exception']);
    expect(errors(project).every(({ TASK_ID }) => TASK_ID % 10 !== 3)).toBe(true);
    expect(errors(project).length).toBe(20);
    await project.run(['retry', '--tasks', '4,14-15,25']);
    expect(
      errors(project)
        .map(({ TASK_ID }) => TASK_ID)
        .filter((task) => task < 30)
        .sort((a, b) => a - b),
    ).toEqual([5, 24]);
  });

  test('does not run a task that is ok, unless told to, and then its new result counts', async () => {
    const project = makeBugs();
    await project.run(['run', 'j']);
    const refused = await project.run(['retry', '--tasks', '3-7']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('got 6, which is');
    const file = project.path('tasks/bug.ts');
    writeFileSync(file, readFileSync(file, 'utf8').replace('return { i };', 'return { i, anew: true };'));
    await project.run(['retry', '--tasks', '7-8', '--again', '--code', 'new']);
    expect(
      results(project)
        .filter((line) => 'anew' in line)
        .map(({ i }) => i)
        .sort(),
    ).toEqual([7, 8]);
    expect(results(project).filter(({ i }) => i === 7)).toEqual([{ i: 7, anew: true }]);
    // What ran again and failed keeps the result it had.
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('return { i, anew: true };', "throw new Error('worse');"),
    );
    await project.run(['retry', '--tasks', '8-9', '--again', '--code', 'new']);
    const kept = results(project).filter(({ i }) => i === 8 || i === 9);
    expect(kept.sort((a, b) => a.i - b.i)).toEqual([{ i: 8, anew: true }, { i: 9 }]);
    expect(errors(project).filter(({ TASK_ID }) => TASK_ID === 8 || TASK_ID === 9)).toEqual([]);
    const beyond = await project.run(['retry', '--tasks', '99-100']);
    expect(beyond.code).toBe(2);
    expect(beyond.stderr).toContain('[TASK_NOT_FOUND]');
  });
});

describe('a rule of the job', () => {
  test('max_failures stops a run, says why, and resume goes on', async () => {
    const project = makeBugs();
    const { code, stderr } = await project.run([
      'run',
      'j.failing',
      '20000',
      '--max_failures',
      '5',
      '--workers',
      '1',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('max_failures 5');
    expect(stderr).toContain('stopped');
    const dir = runDir(project.dir);
    const first = new Set(ends(dir).map((end) => end.t));
    expect(first.size).toBeLessThan(20000);
    await project.run(['resume', '--max_failures', 'none']);
    expect(new Set(ends(dir).map((end) => end.t)).size).toBe(20000);
    expect(executed(project).length).toBe(20000);
    expect(errors(project).length).toBe(20000);
  });

  test('a percentage is one of all tasks', async () => {
    const project = makeBugs();
    const { stderr } = await project.run(['run', 'j.asked', '--workers', '1']);
    expect(stderr).toMatch(/max_failures 5%/);
  });

  test('fail_fast stops at the first failure', async () => {
    const project = makeBugs();
    const { code, stderr } = await project.run([
      'run',
      'j.failing',
      '20000',
      '--fail_fast',
      '--workers',
      '1',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('fail_fast');
    expect(executed(project).length).toBeLessThan(20000);
  });

  test.for(['list', 'generator'])(
    'a sample of a %s runs so many tasks, and resume the others',
    async (method) => {
      const project = makeBugs();
      const { code, stderr } = await project.run(['run', `j.${method}`, '--sample', '7']);
      expect(code, stderr).toBe(0);
      const first = executed(project);
      expect(first.length).toBe(7);
      expect(first).not.toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(stderr).toContain('7 of 100 tasks');
      expect((await project.run(['resume'])).code).toBe(0);
      expect(executed(project).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    },
  );

  test.for(['list', 'generator'])('shuffle runs the tasks of a %s in another order', async (method) => {
    const project = makeBugs();
    const { code, stderr } = await project.run(['run', `j.${method}`, '3000', '--shuffle', '--workers', '1']);
    expect(code, stderr).toBe(0);
    const all = Array.from({ length: 3000 }, (_, i) => i);
    const order = executed(project);
    expect([...order].sort((a, b) => a - b)).toEqual(all);
    expect(order.filter((task, at) => task === at).length).toBeLessThan(30);
    expect(readNdjson<number>(one(project.path('results/*.ndjson'))).sort((a, b) => a - b)).toEqual(all);
  });

  test('ordered puts results into the order of the arguments', async () => {
    const project = makeBugs();
    await project.run(['run', 'j.list', '3000', '--shuffle', '--ordered']);
    expect(readNdjson<number>(one(project.path('results/*.ndjson')))).toEqual(
      Array.from({ length: 3000 }, (_, i) => i),
    );
    expect(readdirSync(project.path('results')).length).toBe(1);
  });
});

test('a run in the background survives the shell, and its id is printed', async () => {
  const project = makeBugs();
  const { code, stdout, stderr } = await project.run(['run', 'j.list', '2000', '--detach']);
  expect(code, stderr).toBe(0);
  const dir = project.path('dl_jobs/runs', stdout.trim());
  expect(existsSync(join(dir, 'run.json'))).toBe(true);
  await until('the run has ended', () => !existsSync(join(dir, 'lock')));
  expect(results(project).length).toBe(2000);
  expect(readFileSync(join(dir, 'controller.log'), 'utf8')).toContain('2000 tasks, 2000 ok');
  const broken = await project.run(['run', 'j.nosuch', '--detach']);
  expect(broken.code).toBe(2);
  expect(broken.stderr).toContain('[JOB_FUNCTION_NOT_FOUND]');
  expect(readdirSync(project.path('dl_jobs/cache')).filter((name) => name.startsWith('detached'))).toEqual(
    [],
  );
});
