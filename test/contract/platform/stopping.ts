/** Runs that are ended before their end, by a user or with their controller, and how they go on. */
import { describe, expect } from 'vitest';
import { until } from '../../e2e/processes.js';
import type { Cases } from './cases.js';
import { resultsOf, sorted, type Live, type Scene } from './scene.js';
import { ALL, BEGUN, inOrder, labelled, mark, recorded, relabel, sideFiles, TASKS } from './side.js';

export function stoppingCases(cases: Cases): void {
  const { language } = cases;
  const files = sideFiles(language);

  /** A run of which some tasks have begun. */
  async function begun(words = ['run', 'jobs.work']): Promise<{ scene: Scene; live: Live }> {
    const scene = cases.newScene(files, { marks: [] });
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

  describe.concurrent('a run', () => {
    cases.test(
      'that is canceled leaves nothing running; resume runs the rest, with new code if asked',
      [language],
      async () => {
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
      },
    );

    cases.test('has one controller; Ctrl-C interrupts it, and resume runs the rest', [language], async () => {
      const { scene, live } = await begun();
      const { stderr } = await scene.run(3, ['resume', scene.latest]);
      expect(stderr).toContain('[RUN_LOCKED]');
      expect(await scene.status()).toMatchObject({ status: 'running', controller: { pid: live.pid } });
      process.kill(live.pid, 'SIGINT');
      const { code, stderr: said } = await live.ended;
      expect(code, said).toBe(130);
      expect(said).toMatch(/interrupted: \d+ (of 120 )?tasks/);
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

    cases.test('whose controller is killed is gone on with by resume', [language], async () => {
      const { scene, live } = await begun();
      process.kill(live.pid, 'SIGKILL');
      await live.ended;
      mark(scene, 'hurry');
      await scene.run(0, ['resume']);
      await expectAll(scene, ALL);
      if (cases.ground.outlivesController) expect(inOrder(scene.side())).toEqual(ALL);
    });

    cases.test('whose controller is killed can be canceled', [language], async () => {
      const { scene, live } = await begun();
      process.kill(live.pid, 'SIGKILL');
      await live.ended;
      await scene.run(0, ['cancel']);
      await scene.isQuiet();
      const ended = await scene.status();
      expect(ended.status).toBe(cases.ground.outlivesController ? 'canceled' : 'interrupted');
      expect(recorded(ended).length).toBeLessThan(TASKS);
      mark(scene, 'hurry');
      await scene.run(0, ['resume']);
      await expectAll(scene, ALL);
    });

    cases.test(
      'that was detached keeps to the submitted code when its controller is killed; attach shows its end',
      [language],
      async () => {
        const scene = cases.newScene(files, { marks: [] });
        const { stdout } = await scene.run(0, ['run', 'jobs.work', '--detach']);
        const id = stdout.trim();
        expect(id).toBe(scene.latest);
        await until('some tasks have begun', () => scene.side().length >= BEGUN);
        relabel(scene, 'edited');
        const { controller } = await scene.status(id);
        if (controller === null) throw new Error('nobody controls it');
        process.kill(controller.pid, 'SIGKILL');
        mark(scene, 'hurry');
        if (cases.ground.outlivesController) {
          await scene.run(0, ['attach', id], { cwd: 'tasks' });
          expect(inOrder(scene.side())).toEqual(ALL);
        } else {
          await scene.run(130, ['attach', id], { cwd: 'tasks' });
          await scene.run(0, ['resume', id], { cwd: 'tasks' });
        }
        await expectAll(scene, ALL);
      },
    );

    cases.test('that was detached is watched from another shell', [language], async () => {
      const scene = cases.newScene(files, { marks: [] });
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

    cases.test('of a script gives its summary, and openRun what it has given', [language], async () => {
      const scene = cases.newScene(files, { marks: ['hurry', 'broken'] });
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
