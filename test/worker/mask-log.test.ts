/** Secrets in the log files of hosts: gone from the bytes, and nothing else has moved. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LogMask, maskFolder } from '../../src/worker/mask-log.js';
import { Patterns } from '../../src/worker/patterns.js';

const MB = 1024 * 1024;

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'dl-jobs-mask-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A file of these bytes after all of it was masked; checked to be as long. */
function masked(content: string | Buffer, ...patterns: string[]): Buffer {
  const bytes = Buffer.from(content as string);
  const path = join(folder(), 'a b.log');
  writeFileSync(path, bytes);
  new LogMask(path, new Patterns(patterns)).upTo();
  const after = readFileSync(path);
  expect(after.length).toBe(bytes.length);
  return after;
}

const text = (content: string, ...patterns: string[]) => masked(content, ...patterns).toString('utf8');

describe('what a pattern matches', () => {
  test('is overwritten, wherever it stands', () => {
    expect(text('a secret\nsecret b\n\nno\nlast secret', 'secret')).toBe(
      'a ******\n****** b\n\nno\nlast ******',
    );
  });

  test('may be several patterns’, and overlap', () => {
    expect(text('xx abcdef yy\n', 'abcd', 'cdef', 'nothing')).toBe('xx ****** yy\n');
  });

  test('ends with its line, where ^ and $ match too', () => {
    expect(text('key: a b\nkey: c\n', '^key: .*$')).toBe('********\n******\n');
    expect(text('a\nb\nc\n', 'a\\s+b')).toBe('*\n*\nc\n');
  });

  test('can be empty, which masks nothing', () => {
    expect(text('abc\n', 'x*', '(?=b)')).toBe('abc\n');
  });

  test('is counted in bytes of UTF-8, and read in characters', () => {
    expect(text('é pässwörd é 日本 秘密 x\n', 'pässwörd', '秘密')).toBe('é ********** é 日本 ****** x\n');
    expect(text('ñ é a\n', '[ñé]')).toBe('** ** a\n');
    expect(text('<ñ>\n', '<.>')).toBe('****\n');
    expect(text('пароль: дом\n', '[а-я]{6}')).toBe('************: дом\n');
  });

  test('never leaves half of a character', () => {
    expect(text('a😀b\n', 'a.')).toBe('*****b\n');
    expect(text('😀😀\n', '.')).toBe('********\n');
  });

  test('is found in lines that are no UTF-8 too, and in those beside them', () => {
    const bad = Buffer.from([0xff, 0xfe, 0x80]);
    const log = Buffer.concat([Buffer.from('ñ clé\n'), bad, Buffer.from(' clé [ñ]\nñ clé'), bad]);
    const after = Buffer.concat([Buffer.from('ñ ****\n'), bad, Buffer.from(' **** [ñ]\nñ ****'), bad]);
    expect(masked(log, 'clé')).toEqual(after);
  });

  test('is masked in a text as in a file', () => {
    expect(new Patterns(['s\\w+', 'ñ.']).mask('a secret\nñ😀 b')).toBe('a ******\n** b');
  });
});

describe('a long file', () => {
  const secret = 'pass-ñ-word';
  const stars = Buffer.alloc(Buffer.byteLength(secret), '*');

  test('is masked across the borders of what is read at a time', () => {
    // Lines of all lengths, so that secrets lie across each border.
    const line = (i: number) => `${'x'.repeat(i % 977)} ${secret} ${'y'.repeat(i % 13)}\n`;
    const lines = Array.from({ length: 6_000 }, (_, i) => line(i));
    const after = masked(lines.join(''), secret);
    expect(after.includes(secret)).toBe(false);
    expect(after.equals(Buffer.from(lines.join('').replaceAll(secret, stars.toString())))).toBe(true);
  });

  test.for([-11, -6, -1, 0, 1])('of one line is masked around its first megabyte %i', (offset) => {
    const before = Buffer.alloc(MB + offset, 'x');
    const after = Buffer.alloc(2 * MB, 'y');
    const got = masked(Buffer.concat([before, Buffer.from(secret), after]), secret);
    expect(got.equals(Buffer.concat([before, stars, after]))).toBe(true);
  });

  test('of one line is masked where a match goes on behind a border', () => {
    const line = `${'x'.repeat(MB - 20)} token=${'abc'.repeat(1_000)}, ${'x'.repeat(MB)}\n`;
    const got = masked(line, 'token=\\w+');
    expect(got.toString('latin1')).toBe(line.replace(/token=\w+/, (match) => '*'.repeat(match.length)));
  });

  test('of one line is masked where all of it matches', () => {
    const got = masked(`${'x'.repeat(3 * MB)}\nkept\n`, 'x+');
    expect(got.equals(Buffer.from(`${'*'.repeat(3 * MB)}\nkept\n`))).toBe(true);
  });
});

describe('a file that grows', () => {
  function growing(...patterns: string[]) {
    const path = join(folder(), 'host.log');
    const mask = new LogMask(path, new Patterns(patterns));
    return {
      mask,
      path,
      add: (content: string) => appendFileSync(path, content),
      text: () => readFileSync(path, 'utf8'),
    };
  }

  test('may not be there yet', () => {
    const { mask } = growing('a');
    mask.wholeLines();
    mask.upTo();
  });

  test('has its last line masked once that has ended', () => {
    const { mask, add, text: now } = growing('token=\\w+');
    add('one token=abc\ntwo token=ab');
    mask.wholeLines();
    expect(now()).toBe('one *********\ntwo token=ab');
    add('cdef');
    mask.wholeLines();
    expect(now()).toBe('one *********\ntwo token=abcdef');
    add(' x\nthree token=a');
    mask.wholeLines();
    expect(now()).toBe('one *********\ntwo ************ x\nthree token=a');
    mask.upTo();
    expect(now()).toBe('one *********\ntwo ************ x\nthree *******');
  });

  test('is masked up to where a task ended, and not in what another writes behind it', () => {
    const { mask, add, text: now } = growing('token=\\w+');
    add('token=abc');
    const end = Buffer.byteLength(now());
    add(' and token=xy');
    mask.upTo(end);
    expect(now()).toBe('********* and token=xy');
    add('z\n');
    mask.wholeLines();
    expect(now()).toBe('********* and *********\n');
  });

  test('is masked where two tasks wrote one line', () => {
    const { mask, add, text: now } = growing('hunter2');
    add('pass: hun');
    mask.upTo();
    add('ter2');
    mask.upTo();
    expect(now()).toBe('pass: *******');
  });

  test('is masked in a line that grows beyond a megabyte without an end', () => {
    const { mask, add, path } = growing('secret');
    const all: string[] = [];
    for (let i = 0; i < 40; i++) {
      const part = `${'.'.repeat(65_536)}secret`;
      add(part);
      all.push(part);
      mask.wholeLines();
    }
    mask.upTo();
    expect(readFileSync(path, 'latin1')).toBe(all.join('').replaceAll('secret', '******'));
  });
});

test('a folder is masked whole: its log files, and nothing else', () => {
  const dir = folder();
  mkdirSync(join(dir, 'sub.log'));
  for (const name of ['a-0.log', 'b "c"-1.log', 'other.txt', 'sub.log/in.log'])
    writeFileSync(join(dir, name), 'a secret\nsecret');
  maskFolder(dir, []);
  expect(readFileSync(join(dir, 'a-0.log'), 'utf8')).toContain('secret');
  maskFolder(dir, ['secret']);
  const read = (name: string) => readFileSync(join(dir, name), 'utf8');
  expect(['a-0.log', 'b "c"-1.log'].map(read)).toEqual(['a ******\n******', 'a ******\n******']);
  expect(['other.txt', 'sub.log/in.log'].map(read)).toEqual(['a secret\nsecret', 'a secret\nsecret']);
});
