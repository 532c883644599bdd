/** The text of `--help`, made from the tables. */
import { formatSetting } from '../config/generate.js';
import { shortImage } from '../config/images.js';
import { SETTINGS, type SettingKey } from '../config/settings.js';
import type { FunctionSignature } from '../snapshot/signature.js';
import { parameterWords, usageLine } from '../snapshot/signature.js';
import { COMMAND_NAMES, COMMANDS, type Command } from './command-table.js';
import { OPTIONS } from './options.js';

const WIDTH = 100;

/** `text` in lines of at most `width` characters, broken at blanks; a no-break space holds together. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Two columns, the second one wrapped. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const left = Math.min(32, Math.max(0, ...rows.map(([name]) => name.length)));
  return rows.flatMap(([name, text]) => {
    const [first = '', ...rest] = wrap(text, WIDTH - left - 4);
    const head =
      name.length > left
        ? [`  ${name}`, `  ${' '.repeat(left)}  ${first}`]
        : [`  ${name.padEnd(left)}  ${first}`];
    return [...head, ...rest.map((line) => `  ${' '.repeat(left)}  ${line}`)].map((line) =>
      line.trimEnd().replaceAll('\u00a0', ' '),
    );
  });
}

const GLOBAL: readonly (readonly [string, string])[] = [
  ['-h, --help', 'Show this text.'],
  ['-V, --version', 'Show the version.'],
];

const NOTE = [
  '  NOTE:',
  '    * What shows a default can be set in dl_jobs.config.yaml, too (`dl_jobs config`); --dev is its is_dev',
  '    * Values false,none,no,null,f,n and 0 evaluate to False, all others True; --no-dev is --dev false',
  '    * Dashes and underscores are equal; `--` ends options',
];

/** A setting's default; of an image its key, for its address is long. */
function shortDefault(key: SettingKey): string {
  const { default: value } = SETTINGS[key];
  return formatSetting(key, typeof value === 'string' ? shortImage(value) : value);
}

/** Help of one command, or of the program. Ends with a line feed. */
export function renderHelp(command?: Command): string {
  if (command === undefined) {
    return [
      'Usage: dl_jobs COMMAND [OPTIONS] [WORDS]',
      '',
      'Write a function, run it once or over a million sets of arguments.',
      '',
      'Commands:',
      ...columns(COMMAND_NAMES.map((name) => [name, COMMANDS[name].summary])),
      '',
      'Options:',
      ...columns(GLOBAL),
      '',
      'dl_jobs COMMAND --help shows more.',
      '',
    ].join('\n');
  }
  const { synopsis, summary, details } = COMMANDS[command];
  const options = OPTIONS.filter((option) => option.commands.includes(command));
  // `config` takes the settings of a run only to preset or to show them; its own options come first.
  if (command === 'config')
    options.sort((a, b) => Number(a.setting !== undefined) - Number(b.setting !== undefined));
  const rows = options.map((option): readonly [string, string] => [
    `--${option.name} ${option.metavar}`,
    option.setting === undefined
      ? option.description
      : `${option.description} [default:\u00a0${shortDefault(option.setting)}]`,
  ]);
  return [
    `Usage: ${synopsis}`,
    '',
    `  ${summary}`,
    ...(details.length > 0 ? ['', ...details.map((line) => (line === '' ? '' : `  ${line}`))] : []),
    '',
    'Options:',
    ...(rows.length > 0 ? ['', ...NOTE, ''] : []),
    ...columns([...rows, ...GLOBAL]),
    '',
  ].join('\n');
}

/**
 * Help of one job function: `dl_jobs run METHOD --help`.
 *
 * @param method - as it is typed after `run`: `tiles.segment`.
 */
export function renderFunctionHelp(method: string, signature: FunctionSignature): string {
  const parameters = parameterWords(signature);
  return [
    `Usage: dl_jobs run [OPTIONS] ${usageLine(signature, method)}`,
    ...(signature.doc === '' ? [] : ['', ...signature.doc.split('\n').map((line) => `  ${line}`.trimEnd())]),
    ...(parameters.length > 0
      ? ['', 'Parameters:', ...columns(parameters.map(({ word, text }) => [word, text]))]
      : []),
    '',
    'dl_jobs run --help shows the options.',
    '',
  ].join('\n');
}
