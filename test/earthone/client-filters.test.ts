/** Filters and their JSON. */
import { expect, test } from 'vitest';
import { where, type Filter } from '../../src/earthone.js';
import { filterText } from '../../src/platforms/earthone/api/filters.js';

test.each<[string, Filter[], string]>([
  ['a comparison', [where.eq('status', 'success')], '[{"name":"status","op":"eq","val":"success"}]'],
  ['keys in order', [{ val: 1, op: 'ne', name: 'x' }], '[{"name":"x","op":"ne","val":1}]'],
  ['one of one', [where.in('id', ['a'])], '[{"name":"id","op":"eq","val":"a"}]'],
  [
    'one of several',
    [where.in('id', new Set(['a', 'b']))],
    '[{"or":[{"name":"id","op":"eq","val":"a"},{"name":"id","op":"eq","val":"b"}]}]',
  ],
  [
    'what is joined at the top stands side by side',
    [where.and(where.eq('a', 1), where.and(where.ne('b', 2), where.prefix('c', 'd')))],
    '[{"name":"a","op":"eq","val":1},{"name":"b","op":"ne","val":2},{"name":"c","op":"prefix","val":"d"}]',
  ],
  [
    'within or it stays joined',
    [where.or(where.and(where.eq('a', 1), where.eq('b', 2)), where.eq('c', 3))],
    '[{"or":[{"and":[{"name":"a","op":"eq","val":1},{"name":"b","op":"eq","val":2}]},{"name":"c","op":"eq","val":3}]}]',
  ],
  [
    'a range',
    [where.range('runtime', { gt: 1, lt: 10 })],
    '[{"and":[{"name":"runtime","op":"gt","val":1},{"name":"runtime","op":"lt","val":10}]}]',
  ],
  ['half a range', [where.range('runtime', { gte: 0 })], '[{"name":"runtime","op":"gte","val":0}]'],
  [
    'dates',
    [where.gte('d', new Date('2026-01-01T00:00:00Z')), where.lt('d', new Date('2026-01-01T00:00:00.120Z'))],
    '[{"name":"d","op":"gte","val":"2026-01-01T00:00:00+00:00"},{"name":"d","op":"lt","val":"2026-01-01T00:00:00.120000+00:00"}]',
  ],
  ['any text', [where.eq('tags', 'a"b\n/ü')], '[{"name":"tags","op":"eq","val":"a\\"b\\n/ü"}]'],
])('%s', (_, filters, text) => {
  expect(filterText(filters)).toBe(text);
});

test.each<[string, () => unknown]>([
  ['in without a value', () => where.in('id', [])],
  ['or without a filter', () => where.or()],
  ['and without a filter', () => where.and()],
  ['a range without limits', () => where.range('runtime', {})],
  ['an empty and that was written by hand', () => filterText([{ and: [] }])],
  ['an invalid date', () => filterText([where.eq('d', new Date(Number.NaN))])],
  ['no number', () => filterText([where.eq('runtime', Number.NaN)])],
])('%s is refused', (_, make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'VALUE_INVALID' }));
});
