/** Records read back without parsing: whatever the values hold, each task gets its own. */
import { describe, expect, test } from 'vitest';
import { recordLine } from '../../src/contract/record-line.js';
import { scanEnds, splitList } from '../../src/contract/record-scan.js';
import type { JournalRecord } from '../../src/contract/record.js';

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
  scanEnds(text, ({ valueFrom, valueTo, ...end }) => {
    const json = Buffer.from(text.slice(valueFrom, valueTo), 'latin1').toString('utf8');
    found.push({ ...end, value: JSON.parse(json) as unknown });
  });
  return found;
}
const many = (t: number, values: readonly unknown[], d = 0.125): JournalRecord => ({
  ...{ v: 1, k: 'ends', t, n: values.length, r: 1, a: 1, at: AT, d, values },
});
const single = (t: number, value: unknown, d = 0.125): JournalRecord => ({
  ...{ v: 1, k: 'end', t, r: 1, a: 1, s: 'ok', at: AT, d, value },
});

describe('a record of many tasks', () => {
  test('says the same as a record each', () => {
    const apart = scan(VALUES.map((value, i) => single(40 + i, value)));
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
      ...{ v: 1, k: 'end', t: 3, r: 1, a: 1, s: 'error', ft: 'exception', fin: false, at: AT, d: 2 },
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
    const ok = { round: 1, attempt: 1, failure: null, final: true, log: null };
    const error = { round: 1, attempt: 1, failure: 'exception', final: false, log: [1, 5, 9], duration: 2 };
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
