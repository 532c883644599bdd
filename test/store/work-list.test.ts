import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { WorkList } from '../../src/store/work-list.js';

function members(work: WorkList): number[] {
  const found: number[] = [];
  for (let task = work.next(0); task >= 0; task = work.next(task + 1)) found.push(task);
  return found;
}

test('a work list holds the tasks that were put into it, on disk too', () => {
  const dir = mkdtempSync(join(tmpdir(), 'dl-jobs-work-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const work = new WorkList(1000, true);
  const tasks = [0, 1, 7, 8, 63, 64, 511, 998, 999];
  for (const task of [...tasks, 500]) work.add(task);
  work.remove(500);
  expect(members(work)).toEqual(tasks);
  expect(work.size).toBe(tasks.length);
  expect([7, 9, 999, 1000, 5000].map((task) => work.has(task))).toEqual([true, false, true, true, true]);
  const file = work.write(join(dir, 'work.bits'));
  expect(file).toEqual({ file: 'work.bits', of: 1000, tasks: tasks.length, open: true });
  const read = WorkList.read(join(dir, 'work.bits'), file);
  expect(members(read)).toEqual(tasks);
  expect(members(read.closedAt(1003))).toEqual([...tasks, 1000, 1001, 1002]);
  expect(() => WorkList.read(join(dir, 'work.bits'), { ...file, of: 2000 })).toThrow(
    expect.objectContaining({ code: 'STORE_FAILED' }),
  );
});

test('an empty work list has no first task', () => {
  expect(members(new WorkList(0, false))).toEqual([]);
  expect(members(new WorkList(100, false))).toEqual([]);
});
