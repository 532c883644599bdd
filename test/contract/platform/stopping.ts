/** Runs that end before their end, by a rule, by a user, or with their controller; and how they go on. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ends } from '../../e2e/journal.js';
import { until } from '../../e2e/processes.js';
import { errorsOf, resultsOf, sorted, type Live, type Scene, type Status } from './scene.js';
import type { NewScene } from './suite.js';

const TASKS = 120;
const ALL = Array.from({ length: TASKS }, (_, i) => i);
const isBad = (i: number): boolean => i % 5 === 3;
const BAD = ALL.filter(isBad);
/** So many tasks have begun before a run is disturbed, */
const BEGUN = 6;

const FILES = {
  /** Each task writes down that it begins, and takes its time until there is hurry. */
  'tasks/side.ts': `
    import { appendFileSync, existsSync, readFileSync } from 'node:fs';
    const LABEL = 'submitted';
    const nap = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    export async function work(i: number) {
      appendFileSync('side', i + '\\n');
      if (existsSync('broken') && i % 5 === 3) throw new Error('no ' + i);
      for (let n = 0; n < 15 && !existsSync('hurry'); n++) await nap(20);
      console.log('did ' + i);
      return { i, label: LABEL };
    }
    export function flaky(i: number) {
      appendFileSync('try-' + i, 'x');
      if (i % 2 === 0 && readFileSync('try-' + i, 'utf8').length < 3) throw new Error('not yet');
      return { i };
    }`,
  'args.ndjson': ALL.map((i) => `${i}\n`).join(''),
  'run/jobs.ts': `
    import { DLJob } from 'dl-jobs';
    export function work() {
      return new DLJob({ moduleName: 'tasks.side', methodName: 'work', argsList: ${TASKS}, platformJob: true });
    }`,
  'script.mjs': `
    import { DLJob, openRun } from 'dl-jobs';
    const all = async (rows) => { const list = []; for await (const row of rows) list.push(row); return list; };
    const job = new DLJob({ moduleName: 'tasks.side', methodName: 'work', argsList: 8, platformJob: true });
    const { id, status, counts } = await job.run();
    const run = await openRun(id);
    const later = await run.status();
    console.log(JSON.stringify({
      status, counts, platform: run.spec.platform, later: [later.status, later.counts],
      results: await all(run.results({ ordered: true, withArgs: true })),
      errors: await all(run.errors()), log: await run.logs(4),
    }));`,
};

const mark = (scene: Scene, name: string): void => writeFileSync(scene.project.path(name), '');
const mend = (scene: Scene): void => rmSync(scene.project.path('broken'));
const inOrder = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
const labelled = (label: string, tasks: readonly number[] = ALL): object[] =>
  tasks.map((i) => ({ i, label }));

/** From now on the source says so. */
function relabel(scene: Scene, label: string): void {
  const path = scene.project.path('tasks/side.ts');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/LABEL = '\w+'/, `LABEL = '${label}'`));
}

/** Tasks that have a final record. */
function recorded({ path }: Status): number[] {
  return inOrder(
    ends(path)
      .filter(({ fin }) => fin !== false)
      .map(({ t }) => t),
  );
}

export function stoppingCases(newScene: NewScene, outlivesController: () => boolean): void {
  /** A run of which some tasks have begun. */
  async function begun(words = ['run', 'jobs.work']): Promise<{ scene: Scene; live: Live }> {
    const scene = newScene(FILES);
    const live = scene.begin(words);
    await until('some tasks have begun', () => scene.side().length >= BEGUN);
    return { scene, live };
  }

  /** All have their result once, those of `before` by the submitted code, and the others by that of `label`. */
  async function expectAll(scene: Scene, before: readonly number[], label = 'submitted'): Promise<void> {
    const status = await scene.status();
    expect(status).toMatchObject({
      status: 'finished',
      counts: { total: TASKS, done: TASKS, ok: TASKS, errors: 0, results: TASKS },
    });
    const others = ALL.filter((i) => !before.includes(i));
    expect(sorted(resultsOf(status))).toEqual(
      sorted([...labelled('submitted', before), ...labelled(label, others)]),
    );
    expect(recorded(status)).toEqual(ALL);
    await scene.isQuiet();
  }

  describe.concurrent('a task that fails', () => {
    test('is tried again as often as the job says, and each try is recorded', async () => {
      const scene = newScene({ ...FILES, 'args.ndjson': '0\n1\n2\n3\n' });
      const words = ['--retries', '2', '--retry_on', 'exception', '--retry_delay', '0'];
      await scene.run(0, scene.map('tasks.side.flaky', ...words));
      const status = await scene.status();
      expect(sorted(resultsOf(status))).toEqual(sorted([0, 1, 2, 3].map((i) => ({ i }))));
      const tries = ends(status.path).map(({ t, a, fin }) => `${t} ${String(a)} ${fin ?? true}`);
      expect(tries.sort()).toEqual(
        [0, 2]
          .flatMap((t) => [`${t} 1 false`, `${t} 2 false`, `${t} 3 true`])
          .concat('1 1 true', '3 1 true')
          .sort(),
      );
    });

    test('stops the run with fail_fast; resume runs the rest, and retry what failed', async () => {
      const scene = newScene({ ...FILES, broken: '' });
      await scene.run(1, scene.map('tasks.side.work', '--fail_fast'));
      const stopped = await scene.status();
      expect(stopped).toMatchObject({ status: 'stopped', reason: expect.stringContaining('fail_fast') });
      expect(stopped.counts.errors).toBeGreaterThan(0);
      expect(stopped.counts.done).toBeLessThan(TASKS);
      expect(inOrder(scene.side())).toEqual(recorded(stopped));

      mark(scene, 'hurry');
      await scene.run(1, ['resume', '--fail_fast', 'false']);
      const whole = await scene.status();
      expect(whole).toMatchObject({
        status: 'finished',
        counts: { total: TASKS, done: TASKS, ok: TASKS - BAD.length, errors: BAD.length },
      });
      expect(inOrder(scene.side())).toEqual(ALL);
      expect(sorted(errorsOf(whole).map(({ TASK_ID }) => TASK_ID))).toEqual(sorted(BAD));

      mend(scene);
      await scene.run(1, ['retry', '--tasks', '8,3']);
      expect(inOrder(scene.side().slice(TASKS))).toEqual([3, 8]);
      expect((await scene.status()).counts).toMatchObject({
        ok: TASKS - BAD.length + 2,
        errors: BAD.length - 2,
      });
      await scene.run(0, ['retry']);
      expect(inOrder(scene.side().slice(TASKS))).toEqual(BAD);
      const { counts, outputs, rounds } = await scene.status();
      expect(counts).toMatchObject({ done: TASKS, ok: TASKS, errors: 0, results: TASKS });
      expect(rounds.map(({ kind }) => kind)).toEqual(['run', 'resume', 'retry', 'retry']);
      expect(sorted(resultsOf({ outputs }))).toEqual(sorted(labelled('submitted')));
      expect(errorsOf({ outputs })).toEqual([]);
      await scene.isQuiet();
    });

    test('stops the run when too many did; what failed can run again with new code', async () => {
      const scene = newScene({ ...FILES, broken: '' });
      const { stderr } = await scene.run(1, scene.map('tasks.side.work', '--max_failures', '2'));
      expect(stderr).toMatch(/stopped: \d+ of 120 tasks/);
      const stopped = await scene.status();
      expect(stopped).toMatchObject({ status: 'stopped', reason: expect.stringContaining('max_failures 2') });
      expect(stopped.counts.errors).toBeGreaterThan(2);
      expect(stopped.counts.done).toBeLessThan(TASKS);
      const failed = recorded(stopped).filter(isBad);
      expect(sorted(errorsOf(stopped).map(({ TASK_ID }) => TASK_ID))).toEqual(sorted(failed));

      mend(scene);
      mark(scene, 'hurry');
      await scene.run(1, ['resume']);
      expect((await scene.status()).counts).toMatchObject({ done: TASKS, errors: failed.length });
      relabel(scene, 'mended');
      await scene.run(0, ['retry', '--failure_type', 'exception', '--code', 'new']);
      const status = await scene.status();
      expect(sorted(resultsOf(status))).toEqual(
        sorted([
          ...labelled(
            'submitted',
            ALL.filter((i) => !failed.includes(i)),
          ),
          ...labelled('mended', failed),
        ]),
      );
      expect(inOrder(scene.side())).toEqual(inOrder([...ALL, ...failed]));
      await scene.isQuiet();
    });
  });

  describe.concurrent('a run', () => {
    test('that is canceled leaves nothing running; resume runs the rest, with new code if asked', async () => {
      const { scene, live } = await begun();
      const { stderr } = await scene.run(0, ['cancel', scene.latest]);
      expect(stderr).toContain('is canceled');
      await scene.isQuiet();
      expect((await live.ended).code).toBe(130);
      const canceled = await scene.status();
      expect(canceled).toMatchObject({ status: 'canceled', counts: { errors: 0 } });
      const before = recorded(canceled);
      // What had begun had time enough.
      expect(inOrder(scene.side())).toEqual(before);
      expect(before.length).toBeLessThan(TASKS);

      relabel(scene, 'new');
      mark(scene, 'hurry');
      await scene.run(0, ['resume', '--code', 'new']);
      expect(inOrder(scene.side())).toEqual(ALL);
      await expectAll(scene, before, 'new');
    });

    test('has one controller; Ctrl-C interrupts it, and resume runs the rest', async () => {
      const { scene, live } = await begun();
      const { stderr } = await scene.run(3, ['resume', scene.latest]);
      expect(stderr).toContain('[RUN_LOCKED]');
      process.kill(live.pid, 'SIGINT');
      const { code, stderr: said } = await live.ended;
      expect(code, said).toBe(130);
      expect(said).toMatch(/interrupted: \d+ of 120 tasks/);
      await scene.isQuiet();
      const interrupted = await scene.status();
      expect(interrupted.status).toBe('interrupted');
      const before = recorded(interrupted);
      expect(inOrder(scene.side())).toEqual(before);
      expect(before.length).toBeLessThan(TASKS);

      relabel(scene, 'new');
      mark(scene, 'hurry');
      await scene.run(0, ['resume']);
      expect(inOrder(scene.side())).toEqual(ALL);
      await expectAll(scene, ALL);
    });

    test('whose controller is killed is gone on with by resume', async () => {
      const { scene, live } = await begun();
      process.kill(live.pid, 'SIGKILL');
      await live.ended;
      mark(scene, 'hurry');
      await scene.run(0, ['resume']);
      await expectAll(scene, ALL);
      if (outlivesController()) expect(inOrder(scene.side())).toEqual(ALL);
    });

    test('that was detached keeps to the submitted code when its controller is killed; attach shows its end', async () => {
      const scene = newScene(FILES);
      const { stdout } = await scene.run(0, ['run', 'jobs.work', '--detach']);
      const id = stdout.trim();
      expect(id).toBe(scene.latest);
      await until('some tasks have begun', () => scene.side().length >= BEGUN);
      relabel(scene, 'edited');
      const { controller } = await scene.status(id);
      if (controller === null) throw new Error('nobody controls it');
      process.kill(controller.pid, 'SIGKILL');
      mark(scene, 'hurry');
      if (outlivesController()) {
        await scene.run(0, ['attach', id], { cwd: 'tasks' });
        expect(inOrder(scene.side())).toEqual(ALL);
      } else {
        await scene.run(130, ['attach', id], { cwd: 'tasks' });
        await scene.run(0, ['resume', id], { cwd: 'tasks' });
      }
      await expectAll(scene, ALL);
    });

    test('that was detached is watched from another shell', async () => {
      const scene = newScene(FILES);
      const { stdout } = await scene.run(0, ['run', 'jobs.work', '--detach', '--limit', '12', '--noisy']);
      const id = stdout.trim();
      await until('some tasks have begun', () => scene.side().length >= BEGUN);
      const { code, stderr } = await scene.begin(['attach', id], { cwd: 'tasks' }).ended;
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/finished: 12 tasks, 12 ok, 0 errors/);
      const status = await scene.status(id);
      expect(sorted(resultsOf(status))).toEqual(sorted(labelled('submitted', ALL.slice(0, 12))));
      await scene.isQuiet();
    });

    test('of a script gives its summary, and openRun what it has given', async () => {
      const scene = newScene({ ...FILES, hurry: '', broken: '' });
      const { stdout } = await scene.node(['script.mjs']);
      const counts = { done: 8, ok: 7, errors: 1, results: 7 };
      const { platform } = await scene.status();
      expect(JSON.parse(stdout)).toMatchObject({
        status: 'finished',
        counts: { total: 8, ...counts },
        platform,
        later: ['finished', counts],
        results: [0, 1, 2, 4, 5, 6, 7].map((i) => ({ task: i, args: i, value: { i, label: 'submitted' } })),
        errors: [{ task: 3, ERROR: 'no 3', FAILURE_TYPE: 'exception' }],
        log: 'did 4\n',
      });
      await scene.isQuiet();
    });
  });
}
