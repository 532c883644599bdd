/**
 * The command line's grammar. Boolean options take the next word only if it spells a switch, so that
 * `--dev tiles.segment` leaves the method alone, and `-5.2` is a word: no argument parser can say both.
 */
import { describeValue, UsageError } from '../base/errors.js';
import { nearest } from '../config/nearest.js';
import { parseSetting, SWITCH_OFF, SWITCH_ON } from '../config/parse.js';
import { settingSpec, type PlatformOptions } from '../config/settings.js';
import { parseOption } from './option-values.js';
import { COMMAND_NAMES, isCommand, type Command } from './command-table.js';
import { findOption, OPTIONS, type GivenOptions, type OptionSpec } from './options.js';

export interface ParsedCommand {
  /** Null: none was given. */
  readonly command: Command | null;
  readonly options: GivenOptions;
  /** Everything that is no option, after the command: METHOD first, for `run`. */
  readonly words: readonly string[];
  readonly help: boolean;
  readonly version: boolean;
}

/** Words that look like options but are numbers, lists of numbers, or standard input: `-5.2`, `-.5`, `-1,2`, `-`. */
const NUMBER_LIKE = /^-(\.?\d.*)?$/s;
const SHORT: Readonly<Record<string, string>> = { '-h': 'help', '-V': 'version', '-f': 'follow' };

interface Found {
  readonly option: OptionSpec;
  /** As typed, for messages. */
  readonly typed: string;
  readonly value: boolean | string;
}

function unknownOption(typed: string, command: Command | null, belongsTo?: readonly string[]): UsageError {
  const names = OPTIONS.filter((option) => command === null || option.commands.includes(command));
  const near =
    belongsTo === undefined
      ? nearest(typed.replace(/^-+/, ''), [...names.map((o) => o.name), 'help', 'version'])
      : undefined;
  const rest = typed.startsWith('--')
    ? `See \`dl_jobs ${command === null ? '' : `${command} `}--help\`.`
    : 'Write `--` before words that begin with a dash.';
  const first =
    belongsTo !== undefined
      ? `It is an option of ${belongsTo.join(', ')}. `
      : near === undefined
        ? ''
        : `Did you mean \`--${near}\`? `;
  return new UsageError(
    'UNKNOWN_OPTION',
    `expected an option that ${command === null ? 'dl_jobs' : `\`dl_jobs ${command}\``} has, got \`${typed}\``,
    {
      hint: first + rest,
    },
  );
}

function switchWord(word: string | undefined): boolean | undefined {
  const lower = word?.toLowerCase() ?? '';
  return SWITCH_OFF.has(lower) ? false : SWITCH_ON.has(lower) ? true : undefined;
}

/** The typed value of a value option. */
function optionValue({ option, typed, value }: Found): unknown {
  if (typeof value === 'boolean') return value;
  let expected: string;
  if (option.setting !== undefined) {
    const parsed = parseSetting(option.setting, value, false);
    if ('value' in parsed) return parsed.value;
    expected = parsed.expected;
  } else {
    const parsed = parseOption(option.name, value);
    if ('value' in parsed) return parsed.value;
    expected = parsed.expected;
  }
  throw new UsageError(
    option.name === 'platform' ? 'PLATFORM_UNKNOWN' : 'USAGE',
    `${typed}: expected ${expected}, got ${describeValue(value)}`,
    { hint: `See \`dl_jobs ${option.commands[0] ?? ''} --help\`.` },
  );
}

/**
 * Reads a command line (without node and script). Options stand anywhere before `--`; dashes and
 * underscores in their names are equal; of a repeated option the last one counts, but each --slurm adds to the others.
 *
 * @throws UsageError for an unknown command or option, and for a missing or wrong value. When help is
 *   asked for, wrong values are let pass.
 */
export function parseCommandLine(argv: readonly string[]): ParsedCommand {
  const words: string[] = [];
  const found: Found[] = [];
  const problems: UsageError[] = [];
  const unknown: string[] = [];
  let help = false;
  let version = false;

  for (let at = 0; at < argv.length; at++) {
    const token = argv[at]!;
    if (token === '--') {
      words.push(...argv.slice(at + 1));
      break;
    }
    if (!token.startsWith('-') || NUMBER_LIKE.test(token)) {
      words.push(token);
      continue;
    }
    const equals = token.indexOf('=');
    const typed = equals === -1 ? token : token.slice(0, equals);
    const inline = equals === -1 ? undefined : token.slice(equals + 1);
    const name = typed.startsWith('--') ? typed.slice(2).replaceAll('-', '_') : SHORT[typed];
    if (name === 'help' || name === 'version') {
      if (inline !== undefined && switchWord(inline) === false) continue;
      if (name === 'help') help = true;
      else version = true;
      continue;
    }
    const option = name === undefined ? undefined : findOption(name);
    const negated =
      option === undefined && name?.startsWith('no_') === true ? findOption(name.slice(3)) : undefined;
    if (option?.takes === 'boolean') {
      const next = inline === undefined ? switchWord(argv[at + 1]) : undefined;
      if (next !== undefined) at++;
      found.push({ option, typed, value: next ?? (inline === undefined || switchWord(inline) !== false) });
    } else if (option !== undefined) {
      const next = argv[at + 1];
      if (inline !== undefined) found.push({ option, typed, value: inline });
      else if (next !== undefined && (!next.startsWith('-') || NUMBER_LIKE.test(next))) {
        found.push({ option, typed, value: next });
        at++;
      } else {
        problems.push(
          new UsageError(
            'USAGE',
            `${typed}: expected a value after it (${option.metavar}), got ${next === undefined ? 'nothing' : describeValue(next)}`,
            {
              hint: `Write \`${typed} ${option.metavar}\` or \`${typed}=${option.metavar}\`.`,
            },
          ),
        );
      }
    } else if (negated?.takes === 'boolean') {
      if (inline !== undefined) {
        problems.push(
          new UsageError('USAGE', `${typed}: expected no value, got ${describeValue(inline)}`, {
            hint: `Write \`--${negated.name}=${inline}\`, or \`${typed}\` alone.`,
          }),
        );
      }
      found.push({ option: negated, typed, value: false });
    } else {
      unknown.push(typed);
    }
  }

  const first = words.shift();
  let command: Command | null = null;
  if (first !== undefined && isCommand(first)) command = first;
  else if (first !== undefined && !version) {
    const near = nearest(first, COMMAND_NAMES);
    throw new UsageError(
      'USAGE',
      `expected a command (${COMMAND_NAMES.join(', ')}), got ${describeValue(first)}`,
      {
        hint:
          near === undefined
            ? 'See `dl_jobs --help`.'
            : `Did you mean \`dl_jobs ${near}\`? See \`dl_jobs --help\`.`,
      },
    );
  }
  if (help || version) return { command, options: {}, words, help, version };

  if (unknown[0] !== undefined) throw unknownOption(unknown[0], command);
  if (problems[0] !== undefined) throw problems[0];
  const options: Record<string, unknown> = {};
  for (const one of found) {
    if (command !== null && !one.option.commands.includes(command)) {
      throw unknownOption(one.typed, command, one.option.commands);
    }
    const value = optionValue(one);
    const { name, setting } = one.option;
    // Each names one of many: they add up.
    options[name] =
      setting !== undefined && settingSpec(setting).kind === 'options'
        ? { ...(options[name] as PlatformOptions | undefined), ...(value as PlatformOptions) }
        : value;
  }
  return { command, options: options, words, help, version };
}
