import { describe, expect, it } from 'vitest';
import { DlJobsError } from '../../src/base/errors.js';
import { boolStr, copyUpdate, isStr, truthy, updateList } from '../../src/base/helpers.js';
import { cases } from './cases.js';

interface Case {
  readonly title: string;
  readonly function: string;
  readonly args: readonly unknown[];
  readonly result?: unknown;
  readonly error?: boolean;
}

const FUNCTIONS = new Map<string, (...args: never[]) => unknown>([
  ['truthy', truthy],
  ['bool_str', boolStr],
  ['is_str', isStr],
  ['copy_update', copyUpdate],
  ['update_list', updateList],
]);

describe('the shared cases of helpers', () => {
  for (const item of cases<Case[]>('helpers')) {
    it(`${item.function}: ${item.title}`, () => {
      const f = FUNCTIONS.get(item.function) as (...args: unknown[]) => unknown;
      if (item.error === true) {
        expect(() => f(...item.args)).toThrow(DlJobsError);
      } else {
        const result = f(...item.args);
        expect(JSON.stringify(sorted(result))).toBe(JSON.stringify(sorted(item.result)));
      }
    });
  }
});

/** Keys in order, so that texts can be compared; toEqual would pass over a key `__proto__`. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)]);
}

describe('copyUpdate', () => {
  it('copies deeply, so that the base can change afterwards', () => {
    const base = { list: [1], when: new Date(0), map: new Map([['a', 1]]) };
    const copy = copyUpdate(base, 'x', 1);
    base.list.push(2);
    base.map.set('b', 2);
    expect(copy).toEqual({ list: [1], when: new Date(0), map: new Map([['a', 1]]), x: 1 });
  });

  it('copies a base that refers to itself', () => {
    const base: Record<string, unknown> = {};
    base['self'] = base;
    const copy = copyUpdate(base, 'x', 1);
    expect(copy['self']).toBe(copy);
  });

  it('leaves every prototype alone', () => {
    const hostile = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    ) as object;
    const copy = copyUpdate({ a: 1 }, hostile);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect('polluted' in copy).toBe(false);
    expect('polluted' in {}).toBe(false);
    expect(Object.keys(copy)).toEqual(['a', '__proto__', 'constructor']);
  });

  it('says what cannot be copied', () => {
    expect(() => copyUpdate({ f: () => 1 }, 'a', 1)).toThrow(/expected plain data to copy/);
  });

  it('types its result', () => {
    const both: { a: number; b: string } = copyUpdate({ a: 1 }, { b: 'x' });
    const named = copyUpdate({ a: 1 }, 'c', true);
    expect([both.b, named.c]).toEqual(['x', true]);
  });
});

describe('updateList', () => {
  it('takes any iterable', () => {
    function* ids() {
      yield 1;
      yield 2;
    }
    const list: { action: string; id: number }[] = updateList({ action: 'go' }, ids(), 'id');
    expect(list).toEqual([
      { action: 'go', id: 1 },
      { action: 'go', id: 2 },
    ]);
  });
});

describe('truthy', () => {
  it('names the type that it refuses', () => {
    expect(() => truthy([1])).toThrow(
      'expected a string, a boolean, a whole number or null, got [1] (array)',
    );
    expect(() => truthy(10n)).toThrow(/10 \(bigint\)/);
  });

  it('gives undefined back', () => {
    expect(truthy(undefined)).toBe(undefined);
  });
});
