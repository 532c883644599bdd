/**
 * The records of one task, found by the shards' indexes where these are right, and without them where they are not.
 * lines: one run of many shards, and what is done to its indexes.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordLine } from '../../src/contract/record-line.js';
import type { EndRecord, JournalRecord } from '../../src/contract/record.js';
import { NO_SLURM } from '../../src/contract/spec.js';
import { findTask, type TaskRecords } from '../../src/outputs/find-task.js';
import { acceptDamage } from '../../src/store/damage.js';
import { JournalWriter } from '../../src/store/journal-writer.js';
import { writeRound, type RoundFile } from '../../src/store/rounds.js';
import { createRunFolder, shardFiles, type RunPaths } from '../../src/store/run-folder.js';
import { indexPath } from '../../src/store/shard-index.js';

const ROUND: Omit<RoundFile, 'work' | 'round' | 'again'> = {
  version: 1,
  kind: 'run',
  platform: 'local',
  code: 'c',
  entry: 't.mjs',
  shuffle: null,
  resources: {
    cpuJob: true,
    image: '',
    cpus: 1,
    gpus: 0,
    gpuType: null,
    workers: 1,
    taskConcurrency: 1,
    taskKwargs: {},
    slurm: NO_SLURM,
  },
  policy: {
    retries: 0,
    retryOn: [],
    retryDelay: 0,
    timeout: null,
    memory: null,
    maxFailures: null,
    failFast: false,
    shuffle: false,
    durability: 'none',
  },
  started: '2026-01-01T00:00:00.000Z',
};

const leftovers: string[] = [];
afterAll(() => {
  for (const folder of leftovers) rmSync(folder, { recursive: true, force: true });
});

/** Tasks of a batch, and batches of a shard. */
const BATCH = 5;
const BATCHES = 8;
const SHARDS = 6;
const TASKS = BATCH * BATCHES * SHARDS;
/** A value that looks like records, and one as long as several groups. */
const VALUES = ['"v":1,"k":"end","t":3\n"v":1,"k":"start","p":[[3,9]]', 'ü'.repeat(70_000), { t: 7 }];

/** The keys in their order. */
function end(task: number, { r = 1, ft, fin, ...rest }: Partial<EndRecord>): JournalRecord {
  const failure = ft === undefined ? {} : { ft, ...(fin === false && { fin }) };
  const s = ft === undefined ? 'ok' : 'error';
  return { v: 1, k: 'end', t: task, r, a: 1, s, ...failure, at: 1000 + task, d: 1.5, ...rest };
}

/**
 * Six shards of round 1 whose batches take turns, one of round 2 in which task 3 and 7 run again, and which holds many
 * tiny tasks in a line.
 */
async function makeRun(): Promise<RunPaths> {
  const root = mkdtempSync(join(tmpdir(), 'dl-jobs-find-'));
  leftovers.push(root);
  const paths = createRunFolder(root, 'run');
  for (const [round, again] of [
    [1, 0],
    [2, 2],
  ] as const)
    writeRound(paths, { ...ROUND, round, again }, null);
  const options = { durability: 'none', onWritten: () => undefined, onError: () => undefined } as const;
  for (let shard = 0; shard < SHARDS; shard++) {
    const journal = new JournalWriter(paths, 'run', `w${shard}`, options);
    for (let batch = 0; batch < BATCHES; batch++) {
      const first = (batch * SHARDS + shard) * BATCH;
      const last = first + BATCH - 1;
      const tasks = Array.from({ length: BATCH }, (_, i) => first + i);
      const start = {
        v: 1,
        k: 'start',
        r: 1,
        h: shard,
        b: batch,
        p: [[first, BATCH]],
        a: 1,
        at: batch,
      } as const;
      journal.append([recordLine(start)], [first, last]);
      journal.append(
        tasks.map((t) =>
          recordLine(
            t === 3
              ? end(t, {
                  ft: 'timeout',
                  fin: false,
                  log: [shard, 0, 9],
                  error: { type: 'T', message: '' },
                })
              : t === 7
                ? end(t, { ft: 'exception', error: { type: 'E', message: 'no' } })
                : end(t, { value: VALUES[t % VALUES.length] }),
          ),
        ),
        [first, last],
      );
      journal.flush();
    }
    await journal.close();
  }
  const journal = new JournalWriter(paths, 'run', 'z', options);
  journal.append(
    [
      recordLine({
        v: 1,
        k: 'start',
        r: 2,
        h: 0,
        b: 1,
        p: [
          [3, 1],
          [7, 1],
          [500, 1],
        ],
        a: 1,
        at: 5,
      }),
      recordLine(end(3, { r: 2, value: 'now' })),
      recordLine(end(7, { r: 2, ft: 'crash', error: { type: 'Crash', message: 'x' } })),
    ],
    [3, 500],
  );
  journal.flush();
  const many = {
    v: 1,
    k: 'ends',
    t: 300,
    n: 3,
    r: 2,
    a: 1,
    at: 7000,
    d: 20.4,
    values: [[1, ']'], null, 'c'],
  } as const;
  journal.append([recordLine(many)], [300, 302]);
  await journal.close();
  return paths;
}

/** What was found, without where. */
function plain({ starts, ends, outcome, unfinished }: TaskRecords) {
  return {
    starts: starts.map(({ round, attempt, host, at }) => ({ round, attempt, host, at })),
    ends: ends.map(({ round, failure, final, at, log, json }) => {
      const value = JSON.parse(Buffer.from(json, 'latin1').toString()) as unknown;
      return { round, failure, final, at, log, value };
    }),
    outcome: outcome === null ? null : ends.indexOf(outcome),
    unfinished: unfinished === null ? null : starts.indexOf(unfinished),
  };
}

const SOME = [0, 3, 4, 7, 8, 29, 30, 119, TASKS - 1, 300, 301, 302, 500, 999_999];
const ok = (task: number) => ({
  round: 1,
  failure: null,
  final: true,
  at: 1000 + task,
  log: null,
  value: VALUES[task % VALUES.length],
});

describe('records of one task', () => {
  let wanted: Map<number, ReturnType<typeof plain>>;
  const all = (paths: RunPaths) => new Map(SOME.map((task) => [task, plain(findTask(paths, task))]));
  beforeAll(async () => {
    wanted = all(await makeRun());
  });

  test('are all there are, in the order of rounds', () => {
    const start = (task: number, host: number) => ({
      round: 1,
      attempt: 1,
      host,
      at: Math.floor(task / BATCH / SHARDS),
    });
    for (const task of [0, 4, 8, 29, 30, 119, TASKS - 1]) {
      expect(wanted.get(task)).toEqual({
        starts: [start(task, Math.floor(task / BATCH) % SHARDS)],
        ends: [ok(task)],
        outcome: 0,
        unfinished: null,
      });
    }
    const again = { round: 2, attempt: 1, host: 0, at: 5 };
    expect(wanted.get(3)).toEqual({
      starts: [start(3, 0), again],
      ends: [
        {
          round: 1,
          failure: 'timeout',
          final: false,
          at: 1003,
          log: [0, 0, 9],
          value: { type: 'T', message: '' },
        },
        { round: 2, failure: null, final: true, at: 1003, log: null, value: 'now' },
      ],
      outcome: 1,
      unfinished: null,
    });
    // Of errors the last one counts.
    expect(wanted.get(7)).toMatchObject({
      ends: [{ failure: 'exception' }, { failure: 'crash' }],
      outcome: 1,
    });
    // Of tasks that share a line, each began when the one before it ended.
    const shared = (at: number, value: unknown) => ({
      round: 2,
      failure: null,
      final: true,
      at,
      log: null,
      value,
    });
    expect(wanted.get(300)?.ends).toEqual([shared(7000, [1, ']'])]);
    expect(wanted.get(301)?.ends).toEqual([shared(7020, null)]);
    expect(wanted.get(302)?.ends).toEqual([shared(7040, 'c')]);
    expect(wanted.get(500)).toEqual({ starts: [again], ends: [], outcome: null, unfinished: 0 });
    expect(wanted.get(999_999)).toEqual({ starts: [], ends: [], outcome: null, unfinished: null });
  });

  test('are found without reading what is about others', async () => {
    const paths = await makeRun();
    const shard = join(paths.journal, 'w2.ndjson');
    // Task 10 stands in the first group of the shard, task 40 in the second.
    const bytes = readFileSync(shard);
    const at = bytes.indexOf('"t":10,');
    bytes[at + 5] = 57;
    writeFileSync(shard, bytes);
    expect(() => findTask(paths, 11)).toThrow(expect.objectContaining({ code: 'JOURNAL_DAMAGED' }));
    expect(plain(findTask(paths, 41)).ends).toEqual([ok(41)]);
    // Somebody decided to do without the damaged part, which begins amid the group.
    const from = bytes.lastIndexOf(10, at) + 1;
    acceptDamage(paths, [{ shard: 'w2.ndjson', from, to: bytes.indexOf(10, at) + 1 }]);
    expect(plain(findTask(paths, 11)).ends).toEqual([ok(11)]);
    expect(findTask(paths, 10)).toMatchObject({ ends: [], outcome: null, unfinished: { host: 2 } });
  });

  const indexes = (paths: RunPaths) => shardFiles(paths).map(indexPath);
  const SPOILERS: Readonly<Record<string, (index: Buffer, size: number) => Buffer | null>> = {
    missing: () => null,
    empty: () => Buffer.alloc(0),
    'torn within an entry': (index) => index.subarray(0, index.length - 7),
    'torn between entries': (index) => index.subarray(0, 32),
    'of zeros': (index) => Buffer.alloc(index.length),
    'ahead of the shard': (index, size) => {
      const entry = Buffer.alloc(16);
      entry.writeBigUInt64LE(BigInt(size + 500), 0);
      return Buffer.concat([index, entry]);
    },
    'whose groups do not end with a line': (index) => {
      for (let at = 0; at < index.length; at += 16)
        index.writeBigUInt64LE(index.readBigUInt64LE(at) - 3n, at);
      return index;
    },
    'whose groups end amid a long line': (index) => {
      for (let at = 0; at < index.length; at += 16)
        index.writeBigUInt64LE(BigInt(Math.max(at, Number(index.readBigUInt64LE(at)) - 40_000)), at);
      return index;
    },
    'that tells of no task': (index) => {
      for (let at = 0; at < index.length; at += 16) {
        index.writeUInt32LE(0xffff_ffff, at + 8);
        index.writeUInt32LE(0, at + 12);
      }
      return index;
    },
  };
  test.each(Object.entries(SPOILERS))('are the same with an index %s', async (_, spoil) => {
    const paths = await makeRun();
    for (const [i, path] of indexes(paths).entries()) {
      const spoiled = spoil(readFileSync(path), readFileSync(shardFiles(paths)[i] as string).length);
      if (spoiled === null) rmSync(path);
      else writeFileSync(path, spoiled);
    }
    expect(all(paths)).toEqual(wanted);
  });

  test('are the same with the index of another shard', async () => {
    const paths = await makeRun();
    const files = indexes(paths).map((path) => readFileSync(path));
    indexes(paths).forEach((path, i) => writeFileSync(path, files[(i + 1) % files.length] as Buffer));
    expect(all(paths)).toEqual(wanted);
  });

  test('are those before a torn tail, which says nothing yet', async () => {
    const paths = await makeRun();
    const shard = join(paths.journal, 'z.ndjson');
    truncateSync(shard, readFileSync(shard).length - 5);
    expect(plain(findTask(paths, 301))).toMatchObject({ ends: [], outcome: null });
    expect(plain(findTask(paths, 3))).toEqual(wanted.get(3));
    expect(readdirSync(paths.journal)).toHaveLength(2 * (SHARDS + 1));
  });
});
