/** Values of the options that are no settings. */
import { parseDuration } from '../base/sizes.js';
import type { Parsed } from '../config/parse.js';
import { FAILURE_TYPES } from '../contract/record.js';
import { RESULT_FORMATS } from './options.js';

type Parser = (text: string) => Parsed<unknown>;

function wholeNumber(from: number): Parser {
  return (text) => {
    const number = /^\+?\d+$/.test(text) ? Number(text) : -1;
    return Number.isSafeInteger(number) && number >= from
      ? { value: number }
      : { expected: `a whole number, ${from} or more` };
  };
}

function oneOf(choices: readonly string[]): Parser {
  return (text) => (choices.includes(text) ? { value: text } : { expected: `one of ${choices.join(', ')}` });
}

function failureTypes(text: string): Parsed<string[]> {
  const types = text.split(',').map((type) => type.trim());
  const known: readonly string[] = FAILURE_TYPES;
  return types.every((type) => known.includes(type))
    ? { value: types }
    : { expected: `some of ${FAILURE_TYPES.join(', ')}, with commas between` };
}

/** `3,7-20` to [[3, 3], [7, 20]]. */
function taskRanges(text: string): Parsed<[number, number][]> {
  const expected = { expected: 'task indexes and ranges of them, such as 3,7-20' };
  const ranges: [number, number][] = [];
  for (const part of text.split(',')) {
    const match = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    if (match === null) return expected;
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    if (!Number.isSafeInteger(to) || to < from) return expected;
    ranges.push([from, to]);
  }
  return { value: ranges };
}

function duration(expected: string): Parser {
  return (text) => {
    try {
      return { value: parseDuration(text) };
    } catch {
      return { expected };
    }
  };
}

const PARSERS: Readonly<Record<string, Parser>> = {
  limit: wholeNumber(1),
  sample: wholeNumber(1),
  task: wholeNumber(0),
  round: wholeNumber(1),
  code: oneOf(['new', 'run']),
  failure_type: failureTypes,
  tasks: taskRanges,
  format: oneOf(RESULT_FORMATS),
  older_than: duration('an age such as 12h or 7d'),
  wait: duration('a time such as 30s or 5m'),
};

/** The typed value of option `name` (underscores); without a rule of its own any text but the empty one. */
export function parseOption(name: string, text: string): Parsed<unknown> {
  const parser = Object.hasOwn(PARSERS, name) ? PARSERS[name] : undefined;
  if (parser !== undefined) return parser(text);
  return text === '' ? { expected: 'a file, or - for standard input' } : { value: text };
}
