/** Rows of CSV, and the cells of JSON objects that make them. */
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { csvCell, csvRow } from '../../src/outputs/csv-row.js';
import { jsonMembers, plainText } from '../../src/outputs/json-members.js';

describe('a cell', () => {
  test.each([
    ['plain', 'plain'],
    ['', ''],
    ['a,b', '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['"', '""""'],
    ['a\rb', '"a\rb"'],
    ['a\nb', '"a\nb"'],
    ['a\r\nb', '"a\r\nb"'],
    [' lead', '" lead"'],
    ['trail\t', '"trail\t"'],
    ['in side', 'in side'],
    // What a spreadsheet takes for a formula is the user's own text, and stays it.
    ['=1+1', '=1+1'],
    ['+49', '+49'],
    ['-5', '-5'],
    ['@here', '@here'],
    ['ü日本\u00a0', 'ü日本\u00a0'],
    ["o'clock; a|b", "o'clock; a|b"],
  ])('%j becomes %j', (text, cell) => {
    expect(csvCell(text)).toBe(cell);
  });
});

test('rows are read back as they were', () => {
  const odd = [
    '',
    '"',
    '""',
    ',',
    '\n',
    '\r',
    '\r\n',
    ' ',
    '\t',
    ' a',
    'a ',
    '=1',
    '\u0000',
    '\u2028',
    '日本',
    '\\"',
    "'",
  ];
  const rows = odd.flatMap((a) => odd.map((b) => [a, b, `${a}${b}`]));
  expect(parse(rows.map(csvRow).join(''))).toEqual(rows);
  // A row of one empty cell is no empty line, which readers pass over.
  const single = odd.map((text) => [text]);
  expect(parse(single.map(csvRow).join(''), { skip_empty_lines: true })).toEqual(single);
});

describe('the members of an object', () => {
  const members = (json: string) => {
    const found = jsonMembers(Buffer.from(json).toString('latin1'));
    const utf8 = (latin1: string) => Buffer.from(latin1, 'latin1').toString();
    return found === null
      ? null
      : [...found].map(([key, value]) => [utf8(key), utf8(value), utf8(plainText(value))]);
  };

  test('are keys with the text of their values', () => {
    expect(members('{"a":1,"b":[1,{"c":"]"}],"d":{"e":"}"},"f":"x","g":null,"h":true}')).toEqual([
      ['a', '1', '1'],
      ['b', '[1,{"c":"]"}]', '[1,{"c":"]"}]'],
      ['d', '{"e":"}"}', '{"e":"}"}'],
      ['f', '"x"', 'x'],
      ['g', 'null', ''],
      ['h', 'true', 'true'],
    ]);
  });

  test('keep numbers that are too large or too exact', () => {
    expect(members('{"n":12345678901234567890,"m":1.10,"k":1E400}')?.map(([, , text]) => text)).toEqual([
      '12345678901234567890',
      '1.10',
      '1E400',
    ]);
  });

  test('may have white space, escapes, hostile names and any script', () => {
    expect(
      members(' {\t"a" : "q\\"\\\\" ,\r "__proto__": { "x" : 1 } , "ü\\n\\u00fc" :"日本\\ud83d\\ude00" } '),
    ).toEqual([
      ['a', '"q\\"\\\\"', 'q"\\'],
      ['__proto__', '{ "x" : 1 }', '{ "x" : 1 }'],
      ['ü\nü', '"日本\\ud83d\\ude00"', '日本😀'],
    ]);
  });

  test('are there once: of a repeated key the last counts', () => {
    expect(members('{"a":1,"b":2,"a":3}')).toEqual([
      ['a', '3', '3'],
      ['b', '2', '2'],
    ]);
  });

  test('are none of what is no object, and of an empty one', () => {
    for (const json of ['1', '"{}"', '[{"a":1}]', 'null', 'true']) expect(members(json)).toBeNull();
    expect(members('{}')).toEqual([]);
    expect(members('{ }')).toEqual([]);
  });
});
