import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordLine } from '../../src/contract/record-line.js';
import type { JournalRecord } from '../../src/contract/record.js';
import { HeldChunk } from '../../src/pilot/held-chunk.js';
import { leftOver } from '../../src/pilot/left-over.js';
import { createRunFolder, type RunPaths } from '../../src/store/run-folder.js';

function folder(): RunPaths {
  const dir = mkdtempSync(join(tmpdir(), 'dl-jobs-left-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return createRunFolder(dir, '20260101T000000.000-a-000000');
}

const start = (tasks: readonly (readonly [number, number])[]): JournalRecord => ({
  v: 1,
  k: 'start',
  r: 1,
  h: 0,
  b: 1,
  p: tasks,
  a: 1,
  at: 1,
});
const ok = (task: number): JournalRecord => ({
  v: 1,
  k: 'end',
  t: task,
  r: 1,
  a: 1,
  s: 'ok',
  at: 1,
  d: 1,
  value: task,
});
const failed = (task: number, attempt: number): JournalRecord => ({
  v: 1,
  k: 'end',
  t: task,
  r: 1,
  a: attempt,
  s: 'error',
  ft: 'crash',
  fin: false,
  at: 1,
  d: 1,
  error: { type: 'Crash', message: 'it did' },
});
const ended = (why: string): JournalRecord => ({
  v: 1,
  k: 'event',
  r: 1,
  e: 'worker-ended',
  at: 1,
  w: 'w',
  why,
});

function shard(paths: RunPaths, writer: string, records: readonly JournalRecord[], torn = ''): void {
  writeFileSync(
    join(paths.journal, `${writer}.ndjson`),
    Buffer.concat([...records.map((record) => recordLine(record)), Buffer.from(torn)]),
  );
}

const tasks = [10, 11, 12, 13, 14];
const none = new Map<string, never>();

describe('what is left of a chunk', () => {
  test('is all of it when its worker wrote nothing', () => {
    const left = leftOver(folder(), tasks, new Set(['a']), none);
    expect(left.tasks).toEqual(tasks);
    expect(left.suspects.size).toBe(0);
  });

  test('is what has no final record; what was begun and not answered is suspect', () => {
    const paths = folder();
    shard(paths, 'a', [start([[10, 3]]), ok(10), failed(11, 1)], '{"crc":"0000');
    const left = leftOver(paths, tasks, new Set(['a']), none);
    expect(left.tasks).toEqual([11, 12, 13, 14]);
    expect(left.charged).toEqual(new Map([[11, 1]]));
    expect([...left.suspects]).toEqual([12]);
    expect(left.vanished).toEqual(new Map([[12, 1]]));
  });

  test('has nobody to blame when its worker ended in order', () => {
    const paths = folder();
    shard(paths, 'a', [start([[10, 1]]), ended('signal')]);
    const left = leftOver(paths, tasks, new Set(['a']), none);
    expect([left.suspects.size, left.vanished.size]).toEqual([0, 0]);
  });

  test('blames the task that was cut off by the end of the time', () => {
    const paths = folder();
    for (const writer of ['a', 'b', 'c']) shard(paths, writer, [start([[12, 1]]), ended('deadline')]);
    const left = leftOver(paths, tasks, new Set(['a', 'b', 'c']), none);
    expect(left.vanished).toEqual(new Map([[12, 3]]));
  });

  test('tells what the platform says', () => {
    const paths = folder();
    shard(paths, 'a', [start([[12, 1]])]);
    const gone = new Map([['a', { state: 'OUT_OF_MEMORY', message: 'job 1_0 on n1 is OUT_OF_MEMORY' }]]);
    const left = leftOver(paths, tasks, new Set(['a']), gone);
    expect(left.outOfMemory).toEqual(new Map([[12, 'job 1_0 on n1 is OUT_OF_MEMORY']]));
    expect(left.how.get(12)).toBe('job 1_0 on n1 is OUT_OF_MEMORY');
  });
});

describe('a chunk that is handed out', () => {
  const args = { lines: (first: number, count: number) => lines(first, count) };
  const lines = (first: number, count: number): Buffer =>
    Buffer.from(Array.from({ length: count }, (_, i) => `${first + i}\n`).join(''));

  test('gives runs of tasks in batches, and suspects and tries one by one', () => {
    const chunk = new HeldChunk(0, {
      tasks: [1, 2, 3, 5, 6, 8],
      charged: new Map([[5, 2]]),
      suspects: new Set([8]),
    });
    expect(chunk.take(2, args)).toMatchObject({ tasks: [[1, 2]], count: 2 });
    expect(chunk.take(10, args)).toMatchObject({
      tasks: [
        [3, 1],
        [6, 1],
      ],
      count: 2,
      args: Buffer.from('3\n6\n'),
    });
    expect(chunk.take(10, args)).toMatchObject({ tasks: [[5, 1]], attempt: 3 });
    expect(chunk.take(10, args)).toMatchObject({ tasks: [[8, 1]], attempt: 1, alone: true });
    expect(chunk.take(10, args)).toBeNull();
    expect(chunk.isFinished).toBe(false);
    for (const task of [1, 2, 3, 5, 6, 8]) chunk.settle(task);
    expect(chunk.isFinished).toBe(true);
  });

  test('never puts more than 64 kB of arguments into a batch, but always one task', () => {
    const wide = { lines: () => Buffer.from(`"${'x'.repeat(70_000)}"\n`) };
    const chunk = new HeldChunk(0, { tasks: [1, 2], charged: new Map(), suspects: new Set() });
    expect(chunk.take(10, wide)?.count).toBe(1);
    expect(chunk.take(10, wide)?.count).toBe(1);
    expect(chunk.take(10, wide)).toBeNull();
  });
});
