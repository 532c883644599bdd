import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/base/errors.js';
import { parseWords } from '../../src/cli/words.js';

describe('words', () => {
  it('are positional, or keywords split at the first =', () => {
    expect(parseWords(['a', 'hello=world', 'b', 'x=1=2', 'empty=', '_n=é\nz'])).toEqual({
      args: ['a', 'b'],
      kwargs: { hello: 'world', x: '1=2', empty: '', _n: 'é\nz' },
    });
  });

  it('are positional when something else than a name stands before the =', () => {
    const words = ['https://a.b/?c=d', 'a-b=c', '=x', '1a=2', 'a b=c', ':=1', 'a.b=c', '-5.2', ''];
    expect(parseWords(words)).toEqual({ args: words, kwargs: {} });
  });

  it('are typed after :=', () => {
    expect(parseWords(['n:=5', 'o:={"a":[null]}', 's:="x=y"', 'größe:=1']).kwargs).toEqual({
      n: 5,
      o: { a: [null] },
      s: 'x=y',
      größe: 1,
    });
  });

  it('name the word whose JSON is wrong', () => {
    expect(() => parseWords(['ok', 'n:=five'])).toThrow(UsageError);
    expect(() => parseWords(['n:=five'])).toThrow(/`n:=five`/);
  });

  it('do no harm when they are called __proto__ or constructor', () => {
    const { kwargs } = parseWords(['__proto__:={"bad":true}', 'constructor=x', 'toString=y']);
    expect(Object.keys(kwargs)).toEqual(['__proto__', 'constructor', 'toString']);
    expect((kwargs as { bad?: boolean }).bad).toBeUndefined();
    expect(({} as { bad?: boolean }).bad).toBeUndefined();
    expect(JSON.stringify(kwargs)).toBe('{"__proto__":{"bad":true},"constructor":"x","toString":"y"}');
  });

  it('take the last of a repeated keyword', () => {
    expect(parseWords(['a=1', 'a:=2']).kwargs).toEqual({ a: 2 });
  });
});
