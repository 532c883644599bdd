/** Who is charged when a host dies, and what becomes of the others. */
import { describe, expect, test } from 'vitest';
import { blame } from '../../src/worker/blame.js';
import type { Outstanding } from '../../src/worker/outstanding.js';

/** A batch of tasks, of which those at `answered` were. */
function batch(tasks: [number, number][], answered: readonly number[] = []): Outstanding {
  const count = tasks.reduce((sum, [, n]) => sum + n, 0);
  const indexes = tasks.flatMap(([first, n]) => Array.from({ length: n }, (_, i) => first + i));
  return {
    id: 1,
    batch: { tasks, count, args: Buffer.from(indexes.map((i) => `{"ü":${i}}\n`).join('')) },
    sentAt: 0,
    logFrom: 0,
    answered: indexes.map((_, position) => answered.includes(position)),
    left: count - answered.length,
  };
}
const one = (task: number) => ({ tasks: [[task, 1]], count: 1, args: Buffer.from(`{"ü":${task}}\n`) });
const alone = (task: number) => ({ ...one(task), alone: true });

describe('when a host dies', () => {
  test('that had nothing, nobody is charged', () => {
    expect(blame([], true)).toEqual({ guilty: null, suspects: [], innocent: [] });
  });

  test('that had one task and no more, that task is charged', () => {
    const only = batch([[7, 1]]);
    for (const sequential of [true, false])
      expect(blame([only], sequential)).toEqual({ guilty: only, suspects: [], innocent: [] });
  });

  test('that had several tasks, those without an answer run again, each alone', () => {
    const verdict = blame(
      [
        batch(
          [
            [4, 2],
            [9, 2],
          ],
          [0, 2],
        ),
      ],
      true,
    );
    expect(verdict).toEqual({ guilty: null, suspects: [alone(5), alone(10)], innocent: [] });
  });

  test('with the last task of a batch unanswered, that task runs again and is not charged', () => {
    expect(blame([batch([[4, 2]], [0])], true).suspects).toEqual([alone(5)]);
    expect(blame([batch([[4, 2]], [0])], true).guilty).toBeNull();
  });

  test('batches that it had not begun go back without suspicion, even behind a batch of one', () => {
    expect(blame([batch([[1, 1]]), batch([[2, 2]])], true)).toEqual({
      guilty: null,
      suspects: [alone(1)],
      innocent: [one(2), one(3)],
    });
  });

  test('that ran several at a time, every unanswered task is a suspect', () => {
    expect(blame([batch([[1, 1]]), batch([[2, 2]], [1])], false)).toEqual({
      guilty: null,
      suspects: [alone(1), alone(2)],
      innocent: [],
    });
  });
});
