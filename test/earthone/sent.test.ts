/** Notes of what was sent, as whoever takes over reads them. */
import { appendFileSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { jobsOfTasks, referenceOf, Sent } from '../../src/platforms/earthone/sent.js';
import { runPaths, type RunPaths } from '../../src/store/run-folder.js';

function newRun(): RunPaths {
  const paths = runPaths(mkdtempSync(join(tmpdir(), 'dl-jobs-sent-')));
  for (const round of ['1', '2']) mkdirSync(join(paths.rounds, round), { recursive: true });
  return paths;
}

describe('what was sent', () => {
  test('is known to who takes over: what arrived, and what may not have', () => {
    const paths = newRun();
    const first = new Sent(paths, 1, 100);
    first.use({ id: 'f1', name: 'tasks.a.b', namespace: 'acme:1' });
    const arrived = first.begin(
      [
        [0, 3],
        [10, 2],
      ],
      referenceOf('run', 1, 0),
    );
    first.end(arrived, ['a', 'b', 'c', 'd', 'e']);
    const open = first.begin([[50, 1]], referenceOf('run', 1, 50));
    // A full disk cuts off a note, and the next one comes all the same.
    appendFileSync(join(paths.rounds, '1/sent.ndjson'), '{"k":"batch","batch":2,"tas');

    const second = new Sent(paths, 1, 100);
    expect(second.function).toMatchObject({ id: 'f1', namespace: 'acme:1' });
    expect(second.open).toMatchObject([open]);
    expect([0, 2, 3, 10, 11, 12, 50, 51].map((task) => second.has(task))).toEqual([
      true,
      true,
      false,
      true,
      true,
      false,
      true,
      false,
    ]);
    second.end(open, ['f']);
    const third = new Sent(paths, 1, 100);
    expect(third.open).toEqual([]);
    expect(third.begin([[60, 1]], 'r').batch).toBe(2);
    expect(jobsOfTasks(paths, 1, new Set([2, 11, 50, 99]))).toMatchObject({
      function: { id: 'f1' },
      jobs: new Map([
        [2, 'c'],
        [11, 'e'],
        [50, 'f'],
      ]),
    });
  });

  test('again is told apart from what it came to before', () => {
    const paths = newRun();
    const sent = new Sent(paths, 2, 10);
    const rerun = sent.beginRerun([{ id: 'j4', task: 4, count: 2 }]);
    const after = new Sent(paths, 2, 10);
    expect(after.openReruns).toMatchObject([rerun]);
    expect(after.has(4)).toBe(true);
    expect(after.isOfThisRound('j4', 2)).toBe(false);
    expect(after.isOfThisRound('j4', 3)).toBe(true);
    expect(after.isOfThisRound('other', 9)).toBe(false);
    after.endRerun(rerun);
    expect(new Sent(paths, 2, 10).openReruns).toEqual([]);
  });

  test('has one reference for the same tasks of the same round', () => {
    expect(referenceOf('run', 1, 0)).toBe(referenceOf('run', 1, 0));
    expect(
      new Set([
        referenceOf('run', 1, 0),
        referenceOf('run', 2, 0),
        referenceOf('run', 1, 1),
        referenceOf('ru', 11, 0),
      ]).size,
    ).toBe(4);
    expect(referenceOf('run', 1, 0)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});
