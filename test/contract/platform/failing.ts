/** Tasks that fail: tried again, too many of them, mended. */
import { describe, expect } from 'vitest';
import { ends } from '../../e2e/journal.js';
import type { Cases } from './cases.js';
import { errorsOf, resultsOf, sorted } from './scene.js';
import {
  ALL,
  BAD,
  inOrder,
  isBad,
  labelled,
  mark,
  mend,
  recorded,
  relabel,
  sideFiles,
  TASKS,
} from './side.js';

export function failingCases(cases: Cases): void {
  const { language } = cases;
  const files = sideFiles(language);

  describe.concurrent('a task that fails', () => {
    const eachTry = cases.part('has a record of each try', ['recordsEachTry']);
    cases.test('is tried again as often as the job says', [language], async () => {
      const tasks = [0, 1, 2, 3, 4];
      const scene = cases.newScene(
        { ...files, 'args.ndjson': tasks.map((i) => `${i}\n`).join('') },
        { marks: [] },
      );
      const words = ['--retries', '2', '--retry_on', 'exception', '--retry_delay', '0'];
      await scene.run(1, scene.map('tasks.side.flaky', ...words));
      const status = await scene.status();
      expect(sorted(resultsOf(status))).toEqual(sorted([0, 1, 2, 3].map((i) => ({ i }))));
      expect(errorsOf(status)).toMatchObject([{ TASK_ID: 4, FAILURE_TYPE: 'returned' }]);
      expect(tasks.map((i) => scene.tries(i))).toEqual([3, 1, 3, 1, 1]);
      expect(recorded(status)).toEqual(tasks);
      if (!eachTry) return;
      const tries = ends(status.path).map(({ t, a, fin }) => `${t} ${String(a)} ${fin ?? true}`);
      expect(tries.sort()).toEqual(
        [0, 2]
          .flatMap((t) => [`${t} 1 false`, `${t} 2 false`, `${t} 3 true`])
          .concat('1 1 true', '3 1 true', '4 1 true')
          .sort(),
      );
    });

    cases.test(
      'stops the run with fail_fast; resume runs the rest, and retry what failed',
      [language],
      async () => {
        const scene = cases.newScene(files, { marks: ['broken'] });
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
      },
    );

    cases.test(
      'stops the run when too many did; what failed can run again with new code',
      [language],
      async () => {
        const scene = cases.newScene(files, { marks: ['broken'] });
        const { stderr } = await scene.run(1, scene.map('tasks.side.work', '--max_failures', '2'));
        expect(stderr).toMatch(/stopped: \d+ (of 120 )?tasks/);
        const stopped = await scene.status();
        expect(stopped).toMatchObject({
          status: 'stopped',
          reason: expect.stringContaining('max_failures 2'),
        });
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
      },
    );
  });
}
