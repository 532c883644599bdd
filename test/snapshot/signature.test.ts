import { describe, expect, it } from 'vitest';
import { JobError, UsageError } from '../../src/base/errors.js';
import { bindWords, readSignatures, unreadKeywords, usageLine } from '../../src/snapshot/signature.js';

async function one(source: string, filename = 'job.ts') {
  const signatures = await readSignatures(source, filename);
  expect(signatures).toHaveLength(1);
  return signatures[0]!;
}

const kinds = async (parameters: string, before = '') =>
  (await one(`${before}export function f(${parameters}) {}`)).params.map(({ kind }) => kind);

describe('readSignatures', () => {
  it('finds every way to export a function, and no other values', async () => {
    const source = `
      import { far } from './far.js';
      export function a() {}
      export async function* b() {}
      export const c = async () => {}, n = 5;
      export const d = function () {} satisfies () => void;
      function inner(x: string) {}
      const arrow = (y) => y;
      export { inner as e, arrow, far, n as m };
      export { other } from './other.js';
      export const made = wrap(inner);
      export const set = new Set();
      export class K {}
      export type T = string;
      export interface I { x: number }
      export type { T as U };
      export enum E { A }
      export default inner;
      export function over(x: string): void;
      export function over(x: string, y?: number): void {}
      export function this_(this: object, x: string) {}
    `;
    const signatures = await readSignatures(source, 'x.mts');
    const shown = Object.fromEntries(
      signatures.map(({ name, params, opaque }) => [name, opaque ? 'opaque' : params.map((p) => p.name)]),
    );
    expect(shown).toEqual({
      a: [],
      b: [],
      c: [],
      d: [],
      e: ['x'],
      arrow: ['y'],
      far: 'opaque',
      other: 'opaque',
      made: 'opaque',
      default: ['x'],
      over: ['x', 'y'],
      this_: ['x'],
    });
  });

  it('reads CommonJS', async () => {
    const source = `
      function local(a, b = 2) {}
      exports.one = (x) => x;
      /** Two. */
      module.exports.two = local;
      module.exports = { local, /** Three. */ three(z) {}, four: async (q, ...r) => {}, five: 5, ['six']: 6, ...rest };
      exports.n = 7;
    `;
    const signatures = await readSignatures(source, 'x.cjs');
    expect(signatures.map(({ name, doc }) => [name, doc])).toEqual([
      ['local', ''],
      ['one', ''],
      ['two', 'Two.'],
      ['three', 'Three.'],
      ['four', ''],
    ]);
    expect(await one('module.exports = function (a) {}', 'x.js')).toMatchObject({ name: 'default' });
  });

  it('reads names, types, defaults and destructured keys', async () => {
    const { params } = await one(
      `export function f(place: string, zoom: number = 2 ** 3, note?: string, { limit = 10, 'dry-run': dry }: Opts = {}) {}`,
    );
    expect(params).toEqual([
      { name: 'place', kind: 'plain', optional: false, typeText: 'string' },
      { name: 'zoom', kind: 'plain', optional: true, typeText: 'number', defaultText: '2 ** 3' },
      { name: 'note', kind: 'plain', optional: true, typeText: 'string' },
      {
        name: 'kwargs',
        kind: 'object',
        optional: true,
        typeText: 'Opts',
        defaultText: '{}',
        destructuredKeys: [{ name: 'limit', defaultText: '10' }, { name: 'dry-run' }],
      },
    ]);
  });

  it.each([
    ['{ a }', 'object'],
    ['{ a, ...rest }', 'object'],
    ['x: { a: string }', 'object'],
    ['x: Record<string, unknown>', 'object'],
    ['x?: Partial<Far>', 'object'],
    ['x: Readonly<{ a: 1 }> | undefined', 'object'],
    ['x: Here', 'object'],
    ['x: Alias', 'object'],
    ['x = {}', 'object'],
    ['kwargs', 'object'],
    ['options', 'object'],
    ['opts?: Far', 'object'],
    ['x: Far', 'plain'],
    ['x: Name', 'plain'],
    ['x: Loop', 'plain'],
    ['x: Readonly<string[]>', 'plain'],
    ['x: string | { a: 1 }', 'plain'],
    ['x: string[]', 'plain'],
    ['[a, b]', 'plain'],
    ['x = []', 'plain'],
    ['...x', 'rest'],
    ['...opts', 'rest'],
  ])('takes (%s) for a parameter of kind %s', async (parameters, kind) => {
    const types = `interface Here { a: 1 }; export type Alias = Far & { b: 2 }; type Name = 'a' | 'b'; type Loop = Loop;`;
    expect(await kinds(parameters, types)).toEqual([kind]);
  });

  it('cleans comments, and takes only those that touch the function', async () => {
    const sources = [
      '/** License. */\n\n/**\n * First line.\n *\n *   - kept\n * @param a - x\n */\nexport function f(a) {}',
      '// other\n\n// First line.\n// Second.\n// eslint-disable-next-line\nexport const f = (a) => a;',
      '/** License. */\n\nexport function f(a) {}',
      '/** First line. */\nfunction f(a) {}\nexport { f };',
      '/** @internal */\nexport default function (a) {}',
    ];
    const docs = await Promise.all(sources.map(async (source) => one(source, 'f.js')));
    expect(docs.map(({ doc }) => doc)).toEqual([
      'First line.\n\n  - kept\n@param a - x',
      'First line.\nSecond.',
      '',
      'First line.',
      '@internal',
    ]);
    expect(docs.map(({ docFirstLine }) => docFirstLine)).toEqual([
      'First line.',
      'First line.',
      '',
      'First line.',
      '',
    ]);
  });

  it('refuses a file that does not parse, with its line', async () => {
    const error: unknown = await readSignatures('\n\nexport function (', 'run/x.ts').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(JobError);
    expect((error as JobError).message).toMatch(/^run\/x\.ts:3:\d+: /);
  });

  it('reads JSX only where the file says so, and comparisons in JavaScript as such', async () => {
    await one('export const f = (a) => <b>{a}</b>;', 'x.tsx');
    await one('export const f = (a) => a < b > (c);', 'x.js');
    await one('export const f = <T>(a: T) => <string>(a as unknown);', 'x.ts');
    await one('#!/usr/bin/env node\nexport const __proto__ = () => 1;', 'x.mjs');
  });
});

describe('bindWords', () => {
  const bind = async (parameters: string, args: string[], kwargs: Record<string, unknown> = {}) =>
    bindWords(await one(`export function f(${parameters}) {}`), args, kwargs, 'm.f');

  it.each<[string, string[], Record<string, unknown>, unknown[]]>([
    ['', [], {}, []],
    ['a, b = 1', ['x'], {}, ['x']],
    ['a, { k }', ['x'], {}, ['x', {}]],
    ['a, { k }', ['x'], { k: 'v' }, ['x', { k: 'v' }]],
    ['a, { k } = {}', ['x'], {}, ['x']],
    ['a, opts = { k: 5 }', ['x'], {}, ['x']],
    ['a, kwargs?', ['x'], {}, ['x', {}]],
    ['a, b = 1, kwargs', ['x'], { k: 'v' }, ['x', undefined, { k: 'v' }]],
    ['a, last', ['x'], { k: 'v' }, ['x', { k: 'v' }]],
    ['a, b = 1, last = 2', ['x'], { k: 'v' }, ['x', undefined, { k: 'v' }]],
    ['...all', ['x', 'y'], {}, ['x', 'y']],
    ['...all', ['x'], { k: 'v' }, ['x', { k: 'v' }]],
    ['a, b = 1, ...all', ['x'], { k: 'v' }, ['x', undefined, { k: 'v' }]],
    ['{ a }, b', ['x', 'y'], {}, ['x', 'y']],
  ])('calls f(%s) with %j %j as %j', async (parameters, args, kwargs, call) => {
    expect(await bind(parameters, args, kwargs)).toEqual(call);
  });

  it.each<[string, string[], Record<string, unknown>, RegExp]>([
    ['a, b', ['x'], {}, /2nd parameter `b`, got 1 word$/],
    ['a', ['x', 'y'], {}, /at most 1 word, got 2: `y`/],
    ['', ['x'], {}, /no words, got 1: `x`/],
    ['', [], { k: 'v' }, /no keywords, got `k=`/],
    ['a', ['x'], { k: 'v' }, /no keywords, got `k=`/],
    ['a, b, last', ['x'], { k: 'v' }, /parameter `b`/],
    ['a, { k }', ['x', 'y'], {}, /at most 1 word/],
    ['a, ...all', [], {}, /1st parameter `a`, got 0 words/],
  ])('refuses f(%s) with %j %j', async (parameters, args, kwargs, message) => {
    const error: unknown = await bind(parameters, args, kwargs).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(/^m\.f: /);
    expect((error as UsageError).message).toMatch(message);
    expect((error as UsageError).hint).toContain('Usage: dl_jobs run m.f');
  });

  it('says that a keyword named a positional parameter', async () => {
    const error: unknown = await bind('place, { limit }', [], { place: 'x' }).catch((e: unknown) => e);
    expect((error as UsageError).hint).toContain('without `place=`');
  });

  it('passes keywords called __proto__ on as own properties', async () => {
    const kwargs = JSON.parse('{"__proto__":"x"}') as Record<string, unknown>;
    expect(JSON.stringify(await bind('kwargs', [], kwargs))).toBe('[{"__proto__":"x"}]');
  });

  it('lets any words pass to a function that it cannot see', async () => {
    const made = await one('export const f = wrap(g);');
    expect(bindWords(made, ['x'], { k: 'v' })).toEqual(['x', { k: 'v' }]);
    expect(usageLine(made)).toBe('f [WORDS...] [NAME=VALUE...]');
  });

  it('tells the keywords that a destructured parameter does not read', async () => {
    const closed = await one('export function f(a, { limit = 1 }) {}');
    expect(unreadKeywords(closed, { limit: '1', limmit: '2' })).toEqual(['limmit']);
    const open = await one('export function f(a, { limit = 1, ...rest }) {}');
    expect(unreadKeywords(open, { limmit: '2' })).toEqual([]);
  });
});
