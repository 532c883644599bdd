/** A digest only saves work: the journal alone gives the same outputs. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TaskBatch } from '../../src/contract/platform.js';
import type { JobSpec } from '../../src/contract/spec.js';
import type { InitMessage, OutMessage } from '../../src/contract/wire.js';
import { Collector } from '../../src/outputs/collector.js';
import { OutputFile } from '../../src/outputs/output-file.js';
import { TaskLogs } from '../../src/outputs/task-logs.js';
import { ArgsReader, sealRange } from '../../src/store/args-store.js';
import type { JournalEntry } from '../../src/store/journal-writer.js';
import { createRunFolder } from '../../src/store/run-folder.js';
import { withDigest } from '../../src/worker/digest.js';
import { outstanding } from '../../src/worker/outstanding.js';
import { RecordBatch } from '../../src/worker/record-batch.js';
import { outcomeOfError, outcomeOfValue } from '../../src/worker/task-outcome.js';

interface Case {
  readonly tasks: TaskBatch['tasks'];
  /** What each task gives; a function throws. */
  readonly values: readonly unknown[];
  /** Of each task, milliseconds. */
  readonly took: number;
  /** Further keys of the first record. */
  readonly extra?: string;
  /** Where they ended out of order. */
  readonly positions?: readonly number[];
}

const text = 'ü"],[{日本\n🎉';
const CASES: readonly Case[] = [
  { tasks: [[0, 1]], values: [{ i: 0 }], took: 0.002 },
  { tasks: [[1, 4]], values: [1, text, null, { text, list: [text, null] }], took: 0.01 },
  { tasks: [[5, 3]], values: [null, null, null], took: 0.5 },
  { tasks: [[8, 3]], values: [1, [1, null, [text]], 3], took: 0.3 },
  { tasks: [[11, 3]], values: [1, 'x'.repeat(5_000), text.repeat(40)], took: 0.02 },
  { tasks: [[14, 2]], values: [text, () => text], took: 3 },
  { tasks: [[16, 2]], values: ['ERROR said', 5], took: 70 },
  { tasks: [[18, 2]], values: [1, 2], took: 5, extra: ',"cpu":4.5,"rss":40000' },
  { tasks: [[20, 2]], values: [1, 2], took: 5, extra: ',"log":[0,0,0]' },
  { tasks: [[20, 2]], values: ['again', 'again'], took: 0.1 },
  { tasks: [[22, 3]], values: [3, 1, 2], took: 0.001, positions: [2, 0, 1] },
  {
    tasks: [
      [25, 1],
      [27, 2],
    ],
    values: [25, 27, 28],
    took: 0.7,
  },
  { tasks: [[26, 1]], values: [text], took: 1500 },
  // What has an outcome keeps it, whoever brings another.
  { tasks: [[0, 2]], values: ['again', 'again'], took: 0.1 },
  { tasks: [[29, 200]], values: Array.from({ length: 200 }, (_, i) => ({ i, text })), took: 0.04 },
];
const TASKS = 229;

/** The answer of a host to one batch, as the journal gets it: with a digest where the host gives one. */
function answer({ tasks, values, took, extra, positions = [] }: Case, init: InitMessage): JournalEntry {
  const indexes = tasks.flatMap(([first, n]) => Array.from({ length: n }, (_, i) => first + i));
  const records = new RecordBatch(init);
  const message = { type: 'batch', id: 1, round: 1, attempt: 1, tasks, bytes: 0 } as const;
  values.forEach((value, i) => {
    const outcome =
      typeof value === 'function'
        ? outcomeOfError(new Error(String((value as () => string)())), (stack) => stack)
        : outcomeOfValue(value, init.grouped);
    const position = positions[i] ?? i;
    const task = indexes[position] as number;
    records.add(message, task, position, outcome, performance.now(), took, i === 0 ? (extra ?? '') : '');
  });
  const bytes = Buffer.from(records.take(1, 1, true, positions));
  const end = bytes.indexOf(10) + 1;
  const out = JSON.parse(bytes.toString('utf8', 0, end)) as OutMessage;
  const count = values.length;
  expect(bytes.length - end).toBe(out.bytes);
  const batch = outstanding(1, { tasks, count, args: Buffer.alloc(0) }, 0);
  const [pieces, digest] = withDigest(out, [bytes.subarray(end)], batch);
  return { lines: Buffer.concat(pieces), digest };
}

/** All that comes of these entries. */
function outputs(groups: readonly (readonly JournalEntry[])[], grouped: boolean, withLog: boolean) {
  const dir = mkdtempSync(join(tmpdir(), 'dl-jobs-digest-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const paths = createRunFolder(dir, 'run');
  sealRange(paths, TASKS);
  const file = (name: string) => join(dir, name);
  const collector = new Collector({
    spec: { groupedResults: grouped, suppress: [], call: 'each' } as unknown as JobSpec,
    files: {
      results: new OutputFile(file('results'), { temp: file('results.tmp') }),
      errors: new OutputFile(file('errors'), { temp: file('errors.tmp') }),
      log: withLog ? new OutputFile(file('log'), { temp: file('log.tmp') }) : null,
    },
    args: new ArgsReader(paths),
    logs: new TaskLogs(paths.logs, 'w'),
    listener: {},
    describe: () => [],
  });
  for (const group of groups) collector.consume(group);
  collector.close();
  const read = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : null);
  return {
    counts: collector.counts,
    results: read('results'),
    errors: read('errors'),
    log: read('log'),
    percentiles: [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1].map((p) => collector.tally.durations.percentile(p)),
  };
}

describe.for([
  [false, true],
  [true, true],
  [false, false],
  [true, false],
] as const)('grouped %s, with a log %s', ([grouped, withLog]) => {
  test('the outputs with digests are those without', () => {
    const init = { grouped, digests: withLog ? 'results and log' : 'results' } as InitMessage;
    const entries = CASES.map((one) => answer(one, init));
    const plain = entries.map(({ lines }) => ({ lines, digest: undefined }));
    // Some have one, and some cannot.
    const digests = entries.filter(({ digest }) => digest !== undefined).length;
    expect(digests).toBeGreaterThan(3);
    expect(digests).toBeLessThan(entries.length - 3);

    const scanned = outputs([plain], grouped, withLog);
    expect(scanned.counts).toMatchObject({ done: TASKS, errors: 2 });
    expect(scanned.log === null).toBe(!withLog);
    expect(outputs([entries], grouped, withLog)).toEqual(scanned);
    expect(
      outputs(
        entries.map((entry) => [entry]),
        grouped,
        withLog,
      ),
    ).toEqual(scanned);
    // Any mixture.
    const mixed = entries.map((entry, i) => (i % 2 === 0 ? entry : (plain[i] as JournalEntry)));
    expect(outputs([mixed], grouped, withLog)).toEqual(scanned);
    // The other way round: a digest that comes second is not believed over the record before it.
    const reversed = (list: readonly JournalEntry[]) => outputs([[...list].reverse()], grouped, withLog);
    expect(reversed(entries)).toEqual(reversed(plain));
  });
});

test('a host that was asked for none gives no digest', () => {
  const init = { grouped: false, digests: 'none' } as InitMessage;
  for (const one of CASES) expect(answer(one, init).digest).toBeUndefined();
});
