/** The one parser of sizes and the one of durations, and how both are shown to people. */
import { ConfigError, describeValue } from './errors.js';

const SIZE = /^(\d+(?:\.\d+)?|\.\d+)\s*(?:([kmgtp])(?:i?b|i)?|b)?$/i;
const SIZE_LETTERS = 'kmgtp';
const DURATION_PART = /(\d+(?:\.\d+)?|\.\d+)\s*(ms|[smhd])\s*/iy;
const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * A size in bytes: `'500MB'`, `'8GB'`, `'16G'`, `'10Gi'`, `'1.5 GiB'`, `'4096'` or a number of bytes. All units are
 * 1024-based (k, M, G, T, P); fractions of a byte are rounded up.
 *
 * @param name what the value is for, put before the message.
 * @throws ConfigError VALUE_INVALID when it is none of these, negative, or more than 2^53.
 */
export function parseSize(value: unknown, name = ''): number {
  let bytes = Number.NaN;
  if (typeof value === 'number') {
    bytes = value;
  } else if (typeof value === 'string') {
    const match = SIZE.exec(value.trim());
    const digits = match?.[1];
    const letter = (match?.[2] ?? '').toLowerCase();
    if (digits !== undefined) {
      bytes = Number(digits) * (letter === '' ? 1 : 1024 ** (SIZE_LETTERS.indexOf(letter) + 1));
    }
  }
  bytes = Math.ceil(bytes);
  if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER)) {
    throw invalid(name, 'a size such as `500MB`, `16G` or `10Gi`', value);
  }
  return bytes;
}

/**
 * A duration in seconds: `'90'`, `'90s'`, `'5m'`, `'1h30m'`, `'2d'`, `'250ms'`, or a number of seconds. Parts stand
 * from the longest unit to the shortest, each unit once.
 *
 * @param name what the value is for, put before the message.
 * @throws ConfigError VALUE_INVALID when it is none of these or negative.
 */
export function parseDuration(value: unknown, name = ''): number {
  const seconds =
    typeof value === 'number' ? value : typeof value === 'string' ? durationOf(value.trim()) : NaN;
  if (!(seconds >= 0 && seconds < Infinity)) {
    throw invalid(name, 'a duration such as `90s`, `5m` or `1h30m`', value);
  }
  return seconds;
}

function durationOf(text: string): number {
  if (/^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text)) return Number(text);
  let total = 0;
  let longest = Infinity;
  const part = new RegExp(DURATION_PART);
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    const unit = SECONDS[match?.[2]?.toLowerCase() ?? ''];
    if (match === null || unit === undefined || unit >= longest) return NaN;
    longest = unit;
    total += Number(match[1]) * unit;
  }
  return text === '' ? NaN : total;
}

/** Bytes for people, 1024-based: `'512 B'`, `'1.5 GB'`. `'?'` for what is no size. */
export function formatSize(bytes: number): string {
  if (!(bytes >= 0 && bytes < Infinity)) return '?';
  let unit = 0;
  let amount = bytes;
  // 1023.95 would be shown as 1024.0.
  while (amount >= 1023.95 && unit < SIZE_LETTERS.length) {
    amount /= 1024;
    unit++;
  }
  if (unit === 0) return `${Math.round(amount)} B`;
  const shown = amount < 10 ? amount.toFixed(1).replace(/\.0$/, '') : String(Math.round(amount));
  return `${shown} ${(SIZE_LETTERS[unit - 1] ?? '').toUpperCase()}B`;
}

/** Seconds for people, two units at most: `'350ms'`, `'14s'`, `'1m30s'`, `'2h5m'`, `'3d4h'`. `'?'` for what is no duration. */
export function formatDuration(seconds: number): string {
  if (!(seconds >= 0 && seconds < Infinity)) return '?';
  if (seconds === 0) return '0s';
  if (seconds < 0.9995)
    return `${seconds < 0.01 ? trim((seconds * 1000).toFixed(2)) : Math.round(seconds * 1000)}ms`;
  if (seconds < 9.95) return `${trim(seconds.toFixed(1))}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return two(Math.floor(whole / 60), 'm', whole % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
  const hours = Math.round(seconds / 3600);
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function two(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function invalid(name: string, expected: string, value: unknown): ConfigError {
  const prefix = name === '' ? '' : `${name}: `;
  return new ConfigError('VALUE_INVALID', `${prefix}expected ${expected}, got ${describeValue(value)}`, {
    hint: expected.startsWith('a size')
      ? 'Write a number with an optional unit k, M, G, T or P; units are 1024-based.'
      : 'Write seconds, or numbers with the units ms, s, m, h, d, the longest first.',
  });
}
