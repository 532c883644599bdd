/**
 * What the type parameter of a job makes of its options and results. The compiler is the judge (`npm run check`);
 * here each job is also made, so that what the types accept is accepted when it runs.
 */
import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  asJson,
  attempt,
  type AttemptError,
  DLJob,
  expandArgs,
  isExpanding,
  type RunSummary,
} from '../../src/index.js';

interface Tile {
  readonly x: number;
  readonly y: number;
}

const area = (tile: Tile): { readonly area: number } => ({ area: tile.x * tile.y });
type Later = (id: number) => Promise<string>;
const scaled = (x: number, y: number, options: { readonly zoom?: number } = {}): number =>
  x * y * (options.zoom ?? 1);
const expanded = expandArgs(scaled);

const moduleName = 'tiles.segment';

/** The type of `value` in the rows that a summary's results are. */
type Value<S extends RunSummary> =
  ReturnType<S['results']> extends AsyncIterableIterator<{ readonly value: infer V }> ? V : never;

describe('a job without a type parameter', () => {
  test('takes any arguments', () => {
    expect(new DLJob({ moduleName, args: ['a'], kwargs: { b: 1 } }).args).toEqual(['a']);
    expect(new DLJob({ moduleName, args: [1, 'a', null, { deep: [1] }] }).name).toContain(moduleName);
    expect(new DLJob({ moduleName, argsList: [1, 'a', null] }).argsList).toEqual([1, 'a', null]);
    expect(new DLJob({ moduleName, argsList: new Set(['a']).values() }).methodName).toBe('task');
    expect(new DLJob({ moduleName, argsList: 10, requirements: 'requirements.txt' }).data).toEqual([]);
  });

  test('has results of an unknown type', () => {
    const job = new DLJob({ moduleName });
    expectTypeOf(job).toEqualTypeOf<DLJob>();
    expectTypeOf<Value<Awaited<ReturnType<typeof job.run>>>>().toBeUnknown();
  });

  test('refuses options that there are not, and values of the wrong type', () => {
    // @ts-expect-error A job needs the name of its module.
    expect(() => new DLJob({ argsList: 3 })).toThrow('moduleName');
    // @ts-expect-error The option is called argsList.
    expect(() => new DLJob({ moduleName, arglist: 3 })).toThrow('arglist');
    // @ts-expect-error Names of modules come in a list.
    expect(() => new DLJob({ moduleName, modules: 'tiles' })).toThrow('modules');
  });
});

describe('a job of a function of one argument', () => {
  test('takes its argument in args and as the elements of argsList', () => {
    function* tiles(): Generator<Tile> {
      yield { x: 1, y: 2 };
    }
    expect(new DLJob<typeof area>({ moduleName, argsList: [{ x: 1, y: 2 }] }).argsList).toHaveLength(1);
    expect(new DLJob<typeof area>({ moduleName, argsList: tiles() }).method).toBe('tiles.segment.task');
    expect(new DLJob<typeof area>({ moduleName, argsList: [tiles()] }).method).toBe('tiles.segment.task');
    expect(new DLJob<typeof area>({ moduleName, argsList: 'tiles.ndjson' }).argsList).toBe('tiles.ndjson');
    expect(new DLJob<typeof area>({ moduleName, args: [{ x: 1, y: 2 }] }).args).toHaveLength(1);
  });

  test('refuses arguments of another type', () => {
    // @ts-expect-error y is missing.
    expect(new DLJob<typeof area>({ moduleName, argsList: [{ x: 1 }] })).toBeInstanceOf(DLJob);
    // @ts-expect-error A tile is no text.
    expect(new DLJob<typeof area>({ moduleName, args: ['a'] })).toBeInstanceOf(DLJob);
  });

  test('has results of the type that the function returns, a promise of it resolved', () => {
    const job = new DLJob<typeof area>({ moduleName });
    const promising = new DLJob<Later>({ moduleName });
    expectTypeOf<Value<Awaited<ReturnType<typeof job.run>>>>().toEqualTypeOf<{ readonly area: number }>();
    expectTypeOf(promising.summary).toEqualTypeOf<RunSummary<string> | null>();
    expect([job.summary, promising.summary]).toEqual([null, null]);
    expectTypeOf(job.summary).toEqualTypeOf<RunSummary<{ readonly area: number }> | null>();
  });
});

describe('a job of a function that expandArgs made', () => {
  test('takes lists of its parameters as elements, and its keywords in kwargs', () => {
    type Expanded = typeof expanded;
    expect(
      new DLJob<Expanded>({
        moduleName,
        argsList: [
          [1, 2],
          [3, 4, { zoom: 5 }],
        ],
      }).argsList,
    ).toHaveLength(2);
    expect(new DLJob<Expanded>({ moduleName, args: [1, 2], kwargs: { zoom: 3 } }).kwargs).toEqual({
      zoom: 3,
    });
    // @ts-expect-error A coordinate is no text.
    expect(new DLJob<Expanded>({ moduleName, argsList: [[1, 'a']] })).toBeInstanceOf(DLJob);
    // @ts-expect-error There is no such keyword.
    expect(new DLJob<Expanded>({ moduleName, kwargs: { zom: 3 } })).toBeInstanceOf(DLJob);
  });

  test('keeps the types of its parameters through attempt', () => {
    const tried = attempt(expanded);
    expect(isExpanding(tried)).toBe(true);
    expect(new DLJob<typeof tried>({ moduleName, argsList: [[1, 2]] }).argsList).toEqual([[1, 2]]);
    // @ts-expect-error A coordinate is no text.
    expect(new DLJob<typeof tried>({ moduleName, argsList: [[1, 'a']] })).toBeInstanceOf(DLJob);
    expectTypeOf<Value<NonNullable<DLJob<typeof tried>['summary']>>>().toEqualTypeOf<number | AttemptError>();
    expectTypeOf(asJson(area)({ x: 1, y: 2 })).toEqualTypeOf<string>();
  });
});
