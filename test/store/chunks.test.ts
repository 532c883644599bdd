import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Chunks, cutChunks, readChunks, writeChunks, type RoundTasks } from '../../src/store/chunks.js';
import type { RoundFile } from '../../src/store/rounds.js';
import { createRunFolder, type RunPaths } from '../../src/store/run-folder.js';
import { readRounds, writeRound } from '../../src/store/rounds.js';
import { WorkList } from '../../src/store/work-list.js';

const all = (of: number): RoundTasks => ({ of, work: null, shuffle: null, most: null });

function sizes({ bounds }: { readonly bounds: readonly number[] }): number[] {
  return bounds.slice(1).map((to, i) => to - (bounds[i] as number));
}

function folder(): RunPaths {
  const dir = mkdtempSync(join(tmpdir(), 'dl-jobs-chunks-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return createRunFolder(dir, '20260101T000000.000-a-000000');
}

/** A round on disk, and its chunks. */
function chunksOf(tasks: RoundTasks, workers: number): Chunks {
  const paths = folder();
  const round = { version: 1, round: 1, kind: 'run', shuffle: tasks.shuffle, started: '' };
  writeRound(paths, round as unknown as RoundFile, tasks.work);
  writeChunks(paths, 1, cutChunks(tasks, workers));
  return new Chunks(
    paths,
    readRounds(paths)[0] as RoundFile,
    readChunks(paths, 1) as NonNullable<ReturnType<typeof readChunks>>,
  );
}

function tasksOf(chunks: Chunks): number[] {
  return Array.from({ length: chunks.count }, (_, chunk) => chunks.tasks(chunk)).flat();
}

describe('a round that is cut into chunks', () => {
  test.each([
    [0, 4],
    [1, 4],
    [3, 64],
    [100, 1],
    [1_000, 16],
    [20_000, 8],
    [1_000_000, 1_000],
  ])('of %i tasks for %i at a time has each task once, the large chunks first', (of, workers) => {
    const table = cutChunks(all(of), workers);
    const cut = sizes(table);
    expect(cut.reduce((sum, size) => sum + size, 0)).toBe(of);
    expect(cut.length).toBe(Math.min(of, 64 * workers, 20_000));
    expect(cut.every((size) => size >= 1)).toBe(true);
    // Rounding may make a chunk one larger than the one before.
    expect(cut.every((size, i) => i === 0 || size <= (cut[i - 1] as number) + 1)).toBe(true);
    if (of > 0) expect(cut.at(-1)).toBeLessThanOrEqual(2);
  });

  test('takes only the tasks of the round, in a random order too', () => {
    const work = new WorkList(1_000, false);
    for (let task = 7; task < 1_000; task += 13) work.add(task);
    const wanted = Array.from({ length: 1_000 }, (_, task) => task).filter((task) => work.has(task));
    for (const shuffle of [null, 'a key']) {
      const chunks = chunksOf({ of: 1_000, work, shuffle, most: null }, 2);
      expect(tasksOf(chunks).sort((a, b) => a - b)).toEqual(wanted);
    }
  });

  test('takes the first of a random order where only some are asked for', () => {
    const chunks = chunksOf({ of: 1_000, work: null, shuffle: 'a key', most: 50 }, 2);
    const picked = tasksOf(chunks);
    expect(new Set(picked).size).toBe(50);
    expect(Math.max(...picked)).toBeGreaterThan(100);
  });

  test('has the tasks of a chunk in the order of their arguments', () => {
    const chunks = chunksOf({ of: 5_000, work: null, shuffle: 'a key', most: null }, 1);
    for (let chunk = 0; chunk < chunks.count; chunk++) {
      const tasks = chunks.tasks(chunk);
      expect(tasks).toEqual([...tasks].sort((a, b) => a - b));
    }
  });

  test('includes what a list that had not ended brought later', () => {
    const work = new WorkList(3, true);
    work.add(1);
    const chunks = chunksOf({ of: 6, work, shuffle: null, most: null }, 1);
    expect(tasksOf(chunks)).toEqual([1, 3, 4, 5]);
  });
});
