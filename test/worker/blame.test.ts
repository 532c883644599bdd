/** Who is charged when a host dies, and what becomes of the others. */
import { describe, expect, test } from 'vitest';
import { blame, only, suspect } from '../../src/worker/blame.js';
import { markAnswered, outstanding, type Outstanding } from '../../src/worker/outstanding.js';

/** A batch of tasks, of which those at `answered` were. */
function batch(tasks: [number, number][], answered: readonly number[] = [], attempt?: number): Outstanding {
  const count = tasks.reduce((sum, [, n]) => sum + n, 0);
  const indexes = tasks.flatMap(([first, n]) => Array.from({ length: n }, (_, i) => first + i));
  const args = Buffer.from(indexes.map((i) => `{"ü":${i}}\n`).join(''));
  const out = outstanding(1, { tasks, count, args, ...(attempt !== undefined && { attempt }) }, 0);
  markAnswered(out, { type: 'out', id: 1, n: answered.length, bytes: 0, busy: 0, at: answered });
  return out;
}
const lines = (tasks: readonly number[]) => Buffer.from(tasks.map((task) => `{"ü":${task}}\n`).join(''));
const one = (task: number) => ({ tasks: [[task, 1]], count: 1, args: lines([task]) });
const alone = (task: number) => ({ ...one(task), alone: true });

describe('when a host dies', () => {
  test('that had nothing, nobody is charged', () => {
    expect(blame([], true, undefined)).toEqual({ guilty: [], suspects: [], innocent: [] });
  });

  test('that had one task and no more, that task is charged', () => {
    const out = batch([[7, 1]]);
    for (const sequential of [true, false])
      expect(blame([out], sequential, undefined)).toEqual({
        guilty: [{ out, position: 0 }],
        suspects: [],
        innocent: [],
      });
  });

  test('that had several tasks, those without an answer run again, each alone', () => {
    const out = batch(
      [
        [4, 2],
        [9, 2],
      ],
      [0, 2],
    );
    expect(blame([out], true, undefined)).toEqual({
      guilty: [],
      suspects: [alone(5), alone(10)],
      innocent: [],
    });
  });

  test('with the last task of a batch unanswered, that task runs again and is not charged', () => {
    expect(blame([batch([[4, 2]], [0])], true, undefined).suspects).toEqual([alone(5)]);
    expect(blame([batch([[4, 2]], [0])], true, undefined).guilty).toEqual([]);
  });

  test('batches that it had not begun go back without suspicion, even behind a batch of one', () => {
    expect(blame([batch([[1, 1]]), batch([[2, 2]])], true, undefined)).toEqual({
      guilty: [],
      suspects: [alone(1)],
      innocent: [one(2), one(3)],
    });
  });

  test('that ran several at a time, every unanswered task is a suspect', () => {
    expect(blame([batch([[1, 1]]), batch([[2, 2]], [1])], false, undefined)).toEqual({
      guilty: [],
      suspects: [alone(1), alone(2)],
      innocent: [],
    });
  });

  test('tasks keep the attempt that they were at', () => {
    const { suspects, innocent } = blame([batch([[1, 2]], [], 3), batch([[8, 1]], [], 2)], true, undefined);
    expect(suspects.map(({ attempt }) => attempt)).toEqual([3, 3]);
    expect(innocent.map(({ attempt }) => attempt)).toEqual([2]);
  });
});

describe('when a host dies that said what it ran', () => {
  const first = batch(
    [
      [4, 3],
      [9, 2],
    ],
    [0],
    2,
  );
  const second = batch([[20, 2]]);

  test('that task is charged, and the others go back as they were, in one batch each', () => {
    expect(blame([first, second], true, { out: first, position: 2 })).toEqual({
      guilty: [{ out: first, position: 2 }],
      suspects: [],
      innocent: [
        {
          tasks: [
            [5, 1],
            [9, 2],
          ],
          count: 3,
          args: lines([5, 9, 10]),
          attempt: 2,
        },
        { tasks: [[20, 2]], count: 2, args: lines([20, 21]) },
      ],
    });
  });

  test('a batch of which nothing else is left does not go back', () => {
    const last = batch([[7, 2]], [0]);
    expect(only([{ out: last, position: 1 }], [last]).innocent).toEqual([]);
  });

  test('several can be charged', () => {
    const guilty = [
      { out: first, position: 1 },
      { out: second, position: 0 },
    ];
    const verdict = only(guilty, [first, second]);
    expect(verdict.guilty).toEqual(guilty);
    expect(verdict.innocent.map(({ args }) => args.toString())).toEqual([
      lines([6, 9, 10]).toString(),
      lines([21]).toString(),
    ]);
  });

  test('or that one is suspected, and runs again alone', () => {
    expect(suspect({ out: first, position: 3 }, [first, second])).toEqual({
      guilty: [],
      suspects: [{ tasks: [[9, 1]], count: 1, args: lines([9]), attempt: 2, alone: true }],
      innocent: [
        {
          tasks: [
            [5, 2],
            [10, 1],
          ],
          count: 3,
          args: lines([5, 6, 10]),
          attempt: 2,
        },
        { tasks: [[20, 2]], count: 2, args: lines([20, 21]) },
      ],
    });
  });
});
