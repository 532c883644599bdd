/** From what a person wrote to a setting's value. */
import { FALSE_WORDS, TRUE_WORDS } from '../base/helpers.js';
import { formatDuration, formatSize, parseDuration, parseSize } from '../base/sizes.js';
import { IMAGES, isImageKey, resolveImage } from './images.js';
import { settingSpec, type SettingKey, type Settings, type SettingSpec } from './settings.js';

/** Words that a boolean option takes as its value and that mean false. */
export const SWITCH_OFF: ReadonlySet<string> = FALSE_WORDS;
/** Words that a boolean option takes as its value and that mean true. */
export const SWITCH_ON: ReadonlySet<string> = new Set([...TRUE_WORDS, 'on']);

/** A value, or what was expected instead. */
export type Parsed<T> = { readonly value: T } | { readonly expected: string };

/** The switch that `word` spells, if it spells one. YAML 1.1, which older files were written in, has `off` too. */
function asBoolean(raw: unknown): boolean | undefined {
  if (typeof raw === 'boolean') return raw;
  if (raw === null || raw === 0) return false;
  if (raw === 1) return true;
  if (typeof raw !== 'string') return undefined;
  const word = raw.trim().toLowerCase();
  if (SWITCH_OFF.has(word) || word === 'off') return false;
  return SWITCH_ON.has(word) ? true : undefined;
}

function isNothing(raw: unknown): boolean {
  return (
    raw === null ||
    (typeof raw === 'string' && ['', 'none', 'null', 'false'].includes(raw.trim().toLowerCase()))
  );
}

function isText(raw: unknown): raw is string {
  return typeof raw === 'string' && raw.trim() !== '' && !raw.includes('\0');
}

/** What a setting may be, as messages and docs say it. */
export function describeKind(spec: SettingSpec): string {
  switch (spec.kind) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number, ${spec.min} or more`;
    case 'text':
      return 'a text that is not empty';
    case 'word':
      return 'a text, or null';
    case 'gpus':
      return 'a whole number, 0 or more, or a type and a number such as a100:2';
    case 'image':
      return `an image address or one of ${Object.keys(IMAGES).join(', ')}`;
    case 'switch':
      return 'true, false or a file name';
    case 'list':
      return 'a list of texts';
    case 'lines':
      return 'a list of lines';
    case 'ids':
      return 'a list of GPU ids, or null';
    case 'choice':
      return spec.choices.length === 1 ? (spec.choices[0] ?? '') : `one of ${spec.choices.join(', ')}`;
    case 'choices':
      return `a list of some of ${spec.choices.join(', ')}`;
    case 'seconds':
      return 'a duration such as 90s, 5m or 1h30m';
    case 'timeout':
      return 'a duration such as 90s, 5m or 1h30m, above 0, or null';
    case 'size':
      return 'a size such as 500MB or 8GB, above 0, or null';
    case 'threshold':
      return 'a whole number, a percentage such as 5%, or null';
    case 'patterns':
      return 'a list of regular expressions';
    case 'variables':
      return 'a list of names, or names with values';
    case 'options':
      return 'option names with values, such as {exclusive: true, mail-type: END}';
  }
}

function parse(spec: SettingSpec, raw: unknown, typed: boolean): unknown {
  switch (spec.kind) {
    case 'boolean':
      return asBoolean(raw);
    case 'integer':
      return asInteger(raw, spec.min, typed);
    case 'word':
      return isNothing(raw) ? null : isText(raw) ? raw.trim() : undefined;
    case 'gpus':
      return asGpus(raw, typed);
    case 'text':
      return isText(raw) ? raw : undefined;
    case 'image':
      // A word like `py38` is a key that does not exist rather than an address.
      return isText(raw) && (isImageKey(raw) || !/^py\d+(_gpu)?$/.test(raw)) ? resolveImage(raw) : undefined;
    case 'switch':
      return asBoolean(raw) ?? (isText(raw) ? raw : undefined);
    case 'lines':
      return asLines(raw, typed);
    case 'list':
    case 'ids': {
      if (isNothing(raw)) return spec.kind === 'ids' ? null : [];
      const list: unknown = Array.isArray(raw)
        ? raw
        : !typed && typeof raw === 'string'
          ? raw.split(',')
          : [raw];
      const items = (list as unknown[]).map((item) =>
        spec.kind === 'ids' && Number.isSafeInteger(item) && (item as number) >= 0 ? String(item) : item,
      );
      return items.every(isText) ? items.map((item) => item.trim()) : undefined;
    }
    case 'choice':
      return typeof raw === 'string' && spec.choices.includes(raw) ? raw : undefined;
    case 'choices': {
      const items = asTexts(raw, typed);
      return items?.every((item) => spec.choices.includes(item)) === true ? items : undefined;
    }
    case 'seconds':
      return asAmount(raw, parseDuration);
    case 'timeout':
      return isNothing(raw) ? null : asAmount(raw, parseDuration) || undefined;
    case 'size':
      return isNothing(raw) ? null : asAmount(raw, parseSize) || undefined;
    case 'threshold':
      return isNothing(raw) ? null : asThreshold(raw);
    case 'patterns': {
      const items = asTexts(raw, typed);
      return items?.every(isPattern) === true ? items : undefined;
    }
    case 'variables':
      return asVariables(raw, typed);
    case 'options':
      return asOptions(raw, typed);
  }
}

function asInteger(raw: unknown, min: number, typed: boolean): number | undefined {
  const number = !typed && typeof raw === 'string' && /^\s*\+?\d+\s*$/.test(raw) ? Number(raw) : raw;
  return Number.isSafeInteger(number) && (number as number) >= min ? (number as number) : undefined;
}

/** `2` or `a100:2`; of no GPUs the type does not matter. */
function asGpus(raw: unknown, typed: boolean): number | string | undefined {
  const [, type, count] = (typeof raw === 'string' && /^\s*([\w.-]+):(\d+)\s*$/.exec(raw)) || [];
  if (type === undefined) return asInteger(raw, 0, typed);
  const number = asInteger(Number(count), 0, true);
  return number === undefined || number === 0 ? number : `${type}:${number}`;
}

/** A text is split into its lines; commas are part of them. */
function asLines(raw: unknown, typed: boolean): string[] | undefined {
  if (raw === null || (!typed && isNothing(raw))) return [];
  const list: unknown =
    typeof raw === 'string' ? raw.split(/\r?\n/).filter((line) => line.trim() !== '') : raw;
  return Array.isArray(list) && list.every(isText) ? list : undefined;
}

/** A list of texts; a text from the command line or the environment is split at commas. */
function asTexts(raw: unknown, typed: boolean): string[] | undefined {
  if (isNothing(raw)) return [];
  const list: unknown = Array.isArray(raw) ? raw : !typed && typeof raw === 'string' ? raw.split(',') : [raw];
  const items = list as unknown[];
  return items.every(isText) ? items.map((item) => item.trim()) : undefined;
}

function asAmount(raw: unknown, parser: (value: unknown) => number): number | undefined {
  try {
    return parser(raw);
  } catch {
    return undefined;
  }
}

function asThreshold(raw: unknown): number | string | undefined {
  const text = typeof raw === 'number' ? String(raw) : typeof raw === 'string' ? raw.trim() : '';
  if (/^\d+$/.test(text)) return Number(text);
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1];
  return percent !== undefined && Number(percent) <= 100 ? `${Number(percent)}%` : undefined;
}

function isPattern(text: string): boolean {
  try {
    // A pattern that matches nothing at all would mask nothing, for ever.
    return !new RegExp(text).test('');
  } catch {
    return false;
  }
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `[A, B]`, `[A, B=text]`, or `{A: null, B: text}`. */
function asVariables(raw: unknown, typed: boolean): Record<string, string | null> | undefined {
  const variables = Object.create(null) as Record<string, string | null>;
  if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) {
    for (const [name, value] of Object.entries(raw as Record<string, unknown>)) {
      if (!VARIABLE.test(name) || (typeof value === 'string' && value.includes('\0'))) return undefined;
      if (value === null) variables[name] = null;
      else if (typeof value === 'string') variables[name] = value;
      else if (typeof value === 'number' || typeof value === 'boolean') variables[name] = String(value);
      else return undefined;
    }
    return { ...variables };
  }
  for (const item of asTexts(raw, typed) ?? ['']) {
    const equals = item.indexOf('=');
    const name = equals < 0 ? item : item.slice(0, equals);
    if (!VARIABLE.test(name)) return undefined;
    variables[name] = equals < 0 ? null : item.slice(equals + 1);
  }
  return { ...variables };
}

/** Long options have such names; whether there is one of that name, the platform knows. */
const OPTION_NAME = /^[a-z][a-z0-9-]*$/;

/** `{a: 1, b: true}`; from a command line or the environment as JSON, or one `a=1`, or `a` alone for true. */
function asOptions(raw: unknown, typed: boolean): Record<string, string | number | boolean> | undefined {
  if (isNothing(raw)) return {};
  const given = !typed && typeof raw === 'string' ? optionsOfText(raw.trim()) : raw;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const options: Record<string, string | number | boolean> = {};
  for (const [typedName, value] of Object.entries(given as Record<string, unknown>)) {
    const name = typedName.replace(/^--/, '').replaceAll('_', '-');
    if (!OPTION_NAME.test(name)) return undefined;
    if (typeof value === 'boolean' || Number.isFinite(value)) options[name] = value as number | boolean;
    else if (isText(value)) options[name] = value;
    else return undefined;
  }
  return options;
}

function optionsOfText(text: string): unknown {
  if (text.startsWith('{')) {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }
  const equals = text.indexOf('=');
  if (equals < 0) return { [text]: true };
  const value = text.slice(equals + 1);
  return { [text.slice(0, equals)]: value === 'true' ? true : value === 'false' ? false : value };
}

/** A setting's value as a person would write it. */
export function showValue(spec: SettingSpec, value: unknown): unknown {
  if (value === null) return value;
  if (spec.kind === 'seconds' || spec.kind === 'timeout') return formatDuration(value as number);
  if (spec.kind === 'size') return formatSize(value as number).replace(' ', '');
  // Values may be secrets.
  if (spec.kind === 'variables') return Object.keys(value as object);
  return value;
}

/**
 * Reads the value of one setting.
 *
 * @param raw - what was written: text from the command line or the environment, or a typed value.
 * @param typed - true: `raw` has a type (from YAML or a program), so `"4"` is no number. Switches may be
 *   spelled as words (`no`, `None`) in both cases.
 */
export function parseSetting<K extends SettingKey>(
  key: K,
  raw: unknown,
  typed: boolean,
): Parsed<Settings[K]> {
  const spec = settingSpec(key);
  const value = parse(spec, raw, typed);
  return value === undefined ? { expected: describeKind(spec) } : { value: value as Settings[K] };
}
