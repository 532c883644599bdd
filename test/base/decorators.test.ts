import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  asJson,
  attempt,
  expandArgs,
  isExpanding,
  type AnyFunction,
  type AttemptError,
  type TaskArgs,
  type TaskElement,
  type TaskKwargs,
} from '../../src/base/decorators.js';
import { cases } from './cases.js';

interface Case {
  readonly title: string;
  readonly wrap: readonly string[];
  readonly call: readonly unknown[];
  readonly result: unknown;
  /** The function throws an error with this message. */
  readonly throws?: string;
  /** The function returns this, not its arguments. */
  readonly returns?: unknown;
}

const WRAPPERS = new Map<string, (f: AnyFunction) => AnyFunction>([
  ['expand_args', expandArgs],
  ['attempt', attempt as (f: AnyFunction) => AnyFunction],
  ['as_json', asJson as (f: AnyFunction) => AnyFunction],
]);

type Loose = (...args: readonly unknown[]) => unknown;

/** A function wrapped as the case says; without `returns` it reports the arguments it got, as Python sees them. */
function functionOf(item: Case): Loose {
  const expanding = item.wrap.includes('expand_args');
  function task(...given: unknown[]): unknown {
    if (item.throws !== undefined) throw new Error(item.throws);
    if (Object.hasOwn(item, 'returns')) return item.returns;
    const last = given.at(-1);
    const keywords = expanding && typeof last === 'object' && last !== null && !Array.isArray(last);
    return keywords ? { args: given.slice(0, -1), kwargs: last } : { args: given, kwargs: {} };
  }
  return item.wrap.reduceRight<AnyFunction>((f, name) => WRAPPERS.get(name)?.(f) ?? f, task) as Loose;
}

function asyncFunctionOf(item: Case): Loose {
  const inner = functionOf({ ...item, wrap: item.wrap.filter((name) => name === 'expand_args') });
  let f: AnyFunction = async (...args: unknown[]) => {
    await Promise.resolve();
    return inner(...args);
  };
  if (isExpanding(inner)) {
    const task = functionOf({ ...item, wrap: [] });
    f = expandArgs(async (...args: unknown[]) => {
      await Promise.resolve();
      if (item.throws !== undefined || Object.hasOwn(item, 'returns')) return task(...args);
      return functionOf({ ...item, wrap: ['expand_args'] })(args);
    });
  }
  for (const name of [...item.wrap].reverse()) {
    if (name !== 'expand_args') f = WRAPPERS.get(name)?.(f) ?? f;
  }
  return f as Loose;
}

describe('the shared cases of decorators', () => {
  for (const item of cases<Case[]>('decorators')) {
    it(item.title, () => {
      const before = JSON.stringify(item.call);
      expect(JSON.stringify(functionOf(item)(...item.call))).toBe(JSON.stringify(item.result));
      expect(JSON.stringify(item.call)).toBe(before);
    });
    it(`${item.title}, of an async function`, async () => {
      const result = asyncFunctionOf(item)(...item.call);
      expect(result).toBeInstanceOf(Promise);
      expect(JSON.stringify(await result)).toBe(JSON.stringify(item.result));
    });
  }
});

describe('the mark', () => {
  it('is carried by attempt and asJson, in any order', () => {
    const f = (a: number) => a;
    expect([f, attempt(f), asJson(f)].map(isExpanding)).toEqual([false, false, false]);
    const g = expandArgs(f);
    expect([g, attempt(g), asJson(g), asJson(attempt(g)), attempt(asJson(g))].every(isExpanding)).toBe(true);
    expect(isExpanding(asJson(attempt(expandArgs(f))))).toBe(true);
    expect((g as unknown as Record<symbol, unknown>)[Symbol.for('dl-jobs.expandArgs')]).toBe(true);
    expect([null, undefined, {}, 'x'].map(isExpanding)).toEqual([false, false, false, false]);
  });

  it('comes with the name of the function', () => {
    function segment(): void {}
    expect(asJson(attempt(expandArgs(segment))).name).toBe('segment');
  });
});

describe('attempt', () => {
  it('has a message for whatever is thrown', () => {
    const messageOf = (thrown: unknown) =>
      attempt((): unknown => {
        throw thrown;
      })() as AttemptError;
    expect(messageOf(new TypeError('')).ERROR).toBe('TypeError');
    expect(messageOf('text').ERROR).toBe('text');
    expect(messageOf('').ERROR).toBe('Error');
    expect(messageOf(undefined).ERROR).toBe('undefined');
    expect(messageOf(Symbol('s')).ERROR).toBe('Symbol(s)');
    expect(messageOf({ message: 'like an error' }).ERROR).toBe('like an error');
    expect(messageOf(Object.create(null)).ERROR).toBe('Error');
  });

  it('takes an object after other arguments as the keywords', () => {
    const f = attempt((_a: number, _options: { k: number }): number => {
      throw new Error('x');
    });
    expect(f(1, { k: 2 })).toEqual({ ERROR: 'x', ARGS: [1], KWARGS: { k: 2 } });
  });

  it('keeps `this`', () => {
    const counter = {
      n: 5,
      get: attempt(function (this: { n: number }): number {
        return this.n;
      }),
    };
    expect(counter.get()).toBe(5);
  });
});

describe('expandArgs', () => {
  it('does not take instances of classes for keywords', () => {
    const seen: unknown[] = [];
    const f = expandArgs((...args: unknown[]) => seen.push(args)) as Loose;
    const when = new Date(0);
    f([1], when);
    expect(seen).toEqual([[[1], when]]);
  });
});

describe('asJson', () => {
  it('refuses what JSON cannot hold', () => {
    expect(() => asJson(() => 10n)()).toThrow();
    const loop: { self?: unknown } = {};
    loop.self = loop;
    expect(() => asJson(() => loop)()).toThrow();
  });

  it('drops an object of keywords that held only return_as_dict', () => {
    const f = asJson((...args: unknown[]) => args.length);
    expect(f(1, { return_as_dict: true })).toBe(1);
  });
});

describe('the types', () => {
  it('give a job the arguments of its function', () => {
    type Plain = (tile: { x: number; y: number }, zoom?: number) => string;
    const spread = asJson(
      attempt(expandArgs((x: number, name: string, o: { zoom?: number } = {}) => [x, name, o])),
    );
    expectTypeOf<TaskElement<Plain>>().toEqualTypeOf<{ x: number; y: number }>();
    expectTypeOf<[1, 'a', { zoom: 3 }]>().toExtend<TaskElement<typeof spread>>();
    expectTypeOf<[1, 'a']>().toExtend<TaskElement<typeof spread>>();
    expectTypeOf<[1, 2]>().not.toExtend<TaskElement<typeof spread>>();
    expectTypeOf<[1]>().toExtend<TaskArgs<typeof spread>>();
    expectTypeOf<{ zoom: 3 }>().toExtend<TaskKwargs<typeof spread>>();
    expectTypeOf<{ zoom: 'far' }>().not.toExtend<TaskKwargs<typeof spread>>();
    expectTypeOf(spread([1, 'a'])).toEqualTypeOf<string>();
    expectTypeOf(spread([1, 'a'], { zoom: 2 })).toEqualTypeOf<string>();
    expectTypeOf(asJson(async () => Promise.resolve(1))()).toEqualTypeOf<Promise<string>>();
    expectTypeOf(attempt(async () => Promise.resolve(1))()).toEqualTypeOf<Promise<number | AttemptError>>();
    expectTypeOf(attempt((a: number) => a)(1)).toEqualTypeOf<number | AttemptError>();
    const keywords = expandArgs((o: { a: number }) => o.a);
    expectTypeOf(keywords({ a: 1 })).toEqualTypeOf<number>();
    expectTypeOf<TaskElement<typeof keywords>>().toEqualTypeOf<readonly [o: { a: number }] | { a: number }>();
  });
});
