/** Records read back without parsing: whatever the values hold, each task gets its own. */
import { describe, expect, test } from 'vitest';
import { recordLine } from '../../src/contract/record-line.js';
import { scanEnds, splitList } from '../../src/contract/record-scan.js';
import { FAILURE_TYPES, type JournalRecord } from '../../src/contract/record.js';

const VALUES: readonly unknown[] = [
  null,
  'plain',
  '',
  ']',
  '[,]{,}',
  '"',
  '\\',
  '\\"',
  '\\\\"],"values":[',
  '","k":"end","t":9',
  'ü日本🎉\ud83c\udf89\u2028',
  '\n\r\t\u0000',
  0,
  -1.5e-7,
  12345678901234567000,
  true,
  false,
  [],
  {},
  [null],
  [1, [2, [']', { a: '[' }]], ','],
  { values: [1], '"': { d: 1, ']': '}' } },
  null,
];
const AT = 1_795_402_800_000;

function scan(records: readonly JournalRecord[]) {
  const text = Buffer.concat(records.map(recordLine)).toString('latin1');
  const found: { task: number; value: unknown; [key: string]: unknown }[] = [];
  scanEnds(text, (end) => {
    const { task, round, attempt, failure, final, at, duration, rss, log } = end;
    const json = Buffer.from(text.slice(end.valueFrom, end.valueTo), 'latin1').toString('utf8');
    const value = JSON.parse(json) as unknown;
    found.push({ task, round, attempt, failure, final, at, duration, rss, log, value });
  });
  return found;
}
const many = (t: number, values: readonly unknown[], d = 0.125): JournalRecord => ({
  ...{ v: 1, k: 'ends', t, n: values.length, r: 1, a: 1, at: AT, d, values },
});
const single = (t: number, value: unknown, d = 0.125, at = AT): JournalRecord => ({
  ...{ v: 1, k: 'end', t, r: 1, a: 1, s: 'ok', at, d, value },
});

describe('a record of one task', () => {
  /** As a later version may write it. */
  const later = (record: object) => record as JournalRecord;
  const outcome = { task: 7, round: 2, attempt: 3, at: AT, duration: 12.5, value: 1 };
  const plain = { ...outcome, failure: null, final: true, rss: 0, log: null };
  const ok = { v: 1, k: 'end', t: 7, r: 2, a: 3, s: 'ok', at: AT, d: 12.5 } as const;

  test.for<[string, JournalRecord, object]>([
    ['of the usual form', { ...ok, value: 1 }, plain],
    ['with memory', { ...ok, rss: 40_000, value: 1 }, { ...plain, rss: 40_000 }],
    ['with time and memory', { ...ok, cpu: 1.5, rss: 40_000, value: 1 }, { ...plain, rss: 40_000 }],
    [
      'with output',
      { ...ok, cpu: 0, rss: 1, log: [3, 0, 12], value: 1 },
      { ...plain, rss: 1, log: [3, 0, 12] },
    ],
    [
      'with keys of a later version',
      later({ ...ok, at2: { rss: 9, fin: false }, rss: 5, value: 1 }),
      { ...plain, rss: 5 },
    ],
    ['that says it is final', later({ ...ok, fin: true, value: 1 }), plain],
    ['that began long ago', { ...ok, at: 5, value: 1 }, { ...plain, at: 5 }],
  ])('%s', ([, record, expected]) => {
    // Twice: nothing of one may be left for the other.
    const other: JournalRecord = { ...ok, t: 1, fin: false, at: AT + 9, rss: 77, log: [1, 2, 3], value: 2 };
    expect(scan([other, record, other, record]).filter(({ task }) => task === 7)).toEqual([
      expected,
      expected,
    ]);
  });

  test.for(FAILURE_TYPES)('that will be tried again after %s', (failure) => {
    const error = { type: 'Error', message: '"fin":true' };
    const { s: _, at, d, ...ids } = ok;
    const record = (fin: object): JournalRecord => ({
      ...ids,
      s: 'error',
      ft: failure,
      ...fin,
      at,
      d,
      error,
    });
    const expected = { ...plain, failure, value: error };
    expect(scan([record({ fin: false }), record({}), record({ fin: false })])).toEqual([
      { ...expected, final: false },
      expected,
      { ...expected, final: false },
    ]);
  });
});

describe('a record of many tasks', () => {
  test('says the same as a record each', () => {
    // Each began when the one before it ended.
    const apart = scan(VALUES.map((value, i) => single(40 + i, value, 0.125, AT + Math.floor(i / 8))));
    expect(scan([many(40, VALUES)])).toEqual(apart);
    expect(apart.map(({ task, value }) => [task, value])).toEqual(VALUES.map((value, i) => [40 + i, value]));
  });

  test('of each value alone, and twice, gives that value', () => {
    for (const value of VALUES) {
      expect(scan([many(0, [value])]).map((end) => end.value)).toEqual([value]);
      expect(scan([many(0, [value, value])]).map((end) => end.value)).toEqual([value, value]);
    }
  });

  test('leaves nothing of itself to its neighbours', () => {
    const failed: JournalRecord = {
      ...{
        v: 1,
        k: 'end',
        t: 3,
        r: 1,
        a: 1,
        s: 'error',
        ft: 'exception',
        fin: false,
        at: AT + 5,
        d: 2,
        rss: 9,
      },
      log: [1, 5, 9],
      error: { type: 'Error', message: '"values":[1]}' },
    };
    const found = scan([
      { v: 1, k: 'shard', run: 'x', w: 'ends', at: AT },
      failed,
      many(10, ['a', null], 1e-7),
      { v: 1, k: 'event', r: 1, e: 'ends', at: AT },
      failed,
      single(12, [1]),
    ]);
    const ok = { round: 1, attempt: 1, failure: null, final: true, at: AT, rss: 0, log: null };
    const error = {
      ...{ round: 1, attempt: 1, failure: 'exception', final: false, at: AT + 5, rss: 9 },
      ...{ log: [1, 5, 9], duration: 2 },
    };
    expect(found).toEqual([
      { ...error, task: 3, value: { type: 'Error', message: '"values":[1]}' } },
      { ...ok, task: 10, duration: 1e-7, value: 'a' },
      { ...ok, task: 11, duration: 1e-7, value: null },
      { ...error, task: 3, value: { type: 'Error', message: '"values":[1]}' } },
      { ...ok, task: 12, duration: 0.125, value: [1] },
    ]);
  });

  test('holds a thousand tasks', () => {
    const values = Array.from({ length: 1024 }, (_, i) => ({ i, text: `${']'.repeat(i % 5)}"` }));
    expect(scan([many(5000, values)]).map(({ task, value }) => [task, value])).toEqual(
      values.map((value, i) => [5000 + i, value]),
    );
  });
});

test('a list is split into the texts of its elements', () => {
  const parts = VALUES.map((value) => JSON.stringify(value));
  expect(splitList(`[${parts.join(',')}]`, 0)).toEqual(parts);
  expect(splitList(`[ ${parts.join(' ,\n\t')} ]`, 0)).toEqual(parts);
  expect(splitList('[]', 0)).toEqual([]);
});
