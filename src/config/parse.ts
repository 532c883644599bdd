/** From what a person wrote to a setting's value. */
import { FALSE_WORDS, TRUE_WORDS } from '../base/helpers.js';
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
    case 'image':
      return `an image address or one of ${Object.keys(IMAGES).join(', ')}`;
    case 'switch':
      return 'true, false or a file name';
    case 'list':
      return 'a list of texts';
    case 'ids':
      return 'a list of GPU ids, or null';
    case 'choice':
      return spec.choices.length === 1 ? (spec.choices[0] ?? '') : `one of ${spec.choices.join(', ')}`;
  }
}

function parse(spec: SettingSpec, raw: unknown, typed: boolean): unknown {
  switch (spec.kind) {
    case 'boolean':
      return asBoolean(raw);
    case 'integer': {
      const number = !typed && typeof raw === 'string' && /^\s*\+?\d+\s*$/.test(raw) ? Number(raw) : raw;
      return Number.isSafeInteger(number) && (number as number) >= spec.min ? number : undefined;
    }
    case 'text':
      return isText(raw) ? raw : undefined;
    case 'image':
      // A word like `py38` is a key that does not exist rather than an address.
      return isText(raw) && (isImageKey(raw) || !/^py\d+(_gpu)?$/.test(raw)) ? resolveImage(raw) : undefined;
    case 'switch':
      return asBoolean(raw) ?? (isText(raw) ? raw : undefined);
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
  }
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
