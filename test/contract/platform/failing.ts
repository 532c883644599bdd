/** Tasks that fail: tried again, too many of them, mended. */
import { describe, expect, test } from 'vitest';
import { ends } from '../../e2e/journal.js';
import { errorsOf, resultsOf, sorted } from './scene.js';
import { ALL, BAD, FILES, inOrder, isBad, labelled, mark, mend, recorded, relabel, TASKS } from './side.js';
import type { NewScene } from './suite.js';

export function failingCases(newScene: NewScene): void {
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
      expect(stderr).toMatch(/stopped: \d+ (of 120 )?tasks/);
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
}
