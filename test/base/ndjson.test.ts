import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DataError } from '../../src/base/errors.js';
import { apply, NdjsonError, read, readLines, write } from '../../src/base/ndjson.js';
import { cases } from './cases.js';

interface ReadCase {
  readonly title: string;
  readonly text?: string;
  readonly hex?: string;
  readonly values?: readonly unknown[];
  readonly error?: { readonly line: number; readonly torn: boolean };
}

interface WriteCase {
  readonly title: string;
  readonly value: unknown;
  readonly text: string;
  /** What the file holds before. */
  readonly before?: string;
  readonly overwrite?: boolean;
  /** True: the value is a list, written by a generator of its elements. */
  readonly each?: boolean;
}

const folder = mkdtempSync(join(tmpdir(), 'ndjson-é '));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileOf(content: string | Buffer): string {
  const path = join(folder, `${files++}.ndjson`);
  writeFileSync(path, content);
  return path;
}

async function all(path: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of read(path)) values.push(value);
  return values;
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function* each(values: Iterable<unknown>): Generator {
  yield* values;
}

const shared = cases<{ read: ReadCase[]; write: WriteCase[] }>('ndjson');

describe('the shared cases of reading', () => {
  for (const item of shared.read) {
    it(item.title, async () => {
      const path = fileOf(item.hex === undefined ? (item.text ?? '') : Buffer.from(item.hex, 'hex'));
      if (item.error === undefined) {
        expect(JSON.stringify(await all(path))).toBe(JSON.stringify(item.values));
        return;
      }
      const error = await failure(all(path));
      expect(error).toBeInstanceOf(NdjsonError);
      expect(error).toMatchObject({ ...item.error, path, code: 'NDJSON_MALFORMED' });
      const { message } = error as NdjsonError;
      expect(message.startsWith(`${path}:${item.error.line}: `)).toBe(true);
      expect(message.includes('torn')).toBe(item.error.torn);
    });
  }
});

describe('the shared cases of writing', () => {
  for (const item of shared.write) {
    it(item.title, async () => {
      const path = fileOf(item.before ?? '');
      const source = item.each === true ? each(item.value as unknown[]) : item.value;
      await write(path, source, { overwrite: item.overwrite ?? false });
      expect(readFileSync(path, 'utf8')).toBe(item.text);
    });
  }
});

describe('read', () => {
  it('joins lines and characters over the borders of chunks', async () => {
    const values = Array.from({ length: 3000 }, (_, i) => ({ i, text: 'é漢😀'.repeat((i * 7) % 101) }));
    const path = fileOf(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
    expect(await all(path)).toEqual(values);
  });

  it('reads a line of 50 MB', async () => {
    const text = 'ab漢'.repeat(10_000_000);
    const path = fileOf(`1\n"${text}"\n2\n`);
    const values = await all(path);
    expect(values.length).toBe(3);
    expect(values[1] === text).toBe(true);
    rmSync(path);
  });

  it('gives the values before the malformed line', async () => {
    const seen: unknown[] = [];
    const path = fileOf('1\n2\nx\n4\n');
    const error = await failure(
      (async () => {
        for await (const value of read(path)) seen.push(value);
      })(),
    );
    expect(seen).toEqual([1, 2]);
    expect((error as Error).message).toBe(`${path}:3: expected one JSON value on the line, got "x" (string)`);
  });

  it('says so when there is no file', async () => {
    const error = await failure(all(join(folder, 'missing.ndjson')));
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(/expected a file to read, got .*missing\.ndjson.*ENOENT/);
    expect(await failure(all(folder))).toBeInstanceOf(DataError);
  });

  it('can be left early, and leaves the errors of its caller alone', async () => {
    const path = fileOf('1\n'.repeat(1e6));
    for await (const value of read(path)) {
      expect(value).toBe(1);
      break;
    }
    const mine = new Error('mine');
    const error = await failure(
      (async () => {
        for await (const _ of read(path)) throw mine;
      })(),
    );
    expect(error).toBe(mine);
  });
});

describe('readLines', () => {
  it('gives lines as they stand, with their numbers', async () => {
    const lines: unknown[] = [];
    for await (const line of readLines(fileOf('\uFEFF{ "a": 1 }\r\n\n2'))) lines.push(line);
    expect(lines).toEqual([
      { line: '{ "a": 1 }', number: 1, value: { a: 1 } },
      { line: '2', number: 3, value: 2 },
    ]);
  });
});

describe('write', () => {
  it('takes async generators, maps by func and counts', async () => {
    const path = fileOf('');
    async function* numbers() {
      for (let i = 0; i < 3; i++) yield await Promise.resolve(i);
    }
    const count = await write(path, numbers(), {
      func: async (n: number) => ({ n: await Promise.resolve(n * 2) }),
    });
    expect(count).toBe(3);
    expect(readFileSync(path, 'utf8')).toBe('{"n":0}\n{"n":2}\n{"n":4}\n');
  });

  it('writes the elements of an array through its iterator', async () => {
    const path = fileOf('');
    await write(path, [1, 'a'].values());
    expect(readFileSync(path, 'utf8')).toBe('1\n"a"\n');
  });

  it('keeps the lines before a failure, and only whole ones', async () => {
    const path = fileOf('');
    const mine = new Error('mine');
    function* failing() {
      for (let i = 0; i < 50_000; i++) yield i;
      throw mine;
    }
    expect(await failure(write(path, failing()))).toBe(mine);
    expect((await all(path)).length).toBe(50_000);
    expect(await failure(write(path, each([1, 10n])))).toBeInstanceOf(Error);
    expect((await all(path)).length).toBe(50_001);
  });

  it('says so when the file cannot be written', async () => {
    const error = await failure(write(join(folder, 'no', 'such', 'x.ndjson'), 1));
    expect(error).toMatchObject({ code: 'VALUE_INVALID' });
  });

  it('writes undefined as null and lone surrogates as escapes', async () => {
    const path = fileOf('');
    await write(path, each([undefined, '\ud800']));
    expect(readFileSync(path, 'utf8')).toBe('null\n"\\ud800"\n');
  });

  it('writes JSON text with a raw lone surrogate so that it survives', async () => {
    const path = fileOf('');
    await write(path, '["\ud800"]');
    expect(await all(path)).toEqual([['\ud800']]);
  });

  it('round-trips lines that other writers appended between', async () => {
    const path = fileOf('');
    await write(path, { a: 1 });
    appendFileSync(path, '{"b":2}');
    await write(path, { c: 3 });
    expect(await all(path)).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
  });
});

describe('apply', () => {
  it('calls the function on each value, in order, and hands the list on', async () => {
    const path = fileOf('1\n2\n3\n');
    expect(await apply(path, (value) => Number(value) * 2)).toEqual([2, 4, 6]);
    const sum = await apply(path, async (value) => Promise.resolve(Number(value)), {
      postprocess: (list: number[]) => list.reduce((a, b) => a + b, 0),
    });
    expect(sum).toBe(6);
  });

  it('fails at a torn line', async () => {
    expect(await failure(apply(fileOf('1\n{"a'), (value) => value))).toMatchObject({ torn: true, line: 2 });
  });
});
