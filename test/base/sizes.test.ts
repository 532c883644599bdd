import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.js';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/base/sizes.js';

describe('parseSize', () => {
  it.each([
    ['500MB', 500 * 1024 ** 2],
    ['8GB', 8 * 1024 ** 3],
    ['16G', 16 * 1024 ** 3],
    ['10Gi', 10 * 1024 ** 3],
    ['10GiB', 10 * 1024 ** 3],
    ['1.5 g', 1.5 * 1024 ** 3],
    [' 2k ', 2048],
    ['.5K', 512],
    ['1T', 1024 ** 4],
    ['1P', 1024 ** 5],
    ['4096', 4096],
    ['12b', 12],
    ['0', 0],
    [4096, 4096],
    [0.5, 1],
  ])('reads %j', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', ' ', 'MB', '-1G', '1e3', '1GG', '1 G B', '1Z', '1,5G', '5ib', '0x10', 'NaN', '9999999P'])(
    'refuses %j',
    (text) => {
      expect(() => parseSize(text, 'memory')).toThrow(/^memory: expected a size such as `500MB`/);
    },
  );

  it.each([-1, NaN, Infinity, 2 ** 60, null, undefined, true, [], {}, 10n])(
    'refuses the value %s',
    (value) => {
      expect(() => parseSize(value)).toThrow(ConfigError);
    },
  );

  it('is quick about long nonsense', () => {
    expect(() => parseSize('1'.repeat(1e6) + 'x')).toThrow(ConfigError);
    expect(() => parseDuration('1s '.repeat(1e5))).toThrow(ConfigError);
  });
});

describe('parseDuration', () => {
  it.each([
    ['90', 90],
    ['90s', 90],
    ['5m', 300],
    ['1h30m', 5400],
    ['1h 30m', 5400],
    ['2d', 172_800],
    ['1d2h3m4s5ms', 93_784.005],
    ['250ms', 0.25],
    ['1.5h', 5400],
    ['0', 0],
    ['1H', 3600],
    [90, 90],
    [0.5, 0.5],
  ])('reads %j', (text, seconds) => {
    expect(parseDuration(text)).toBeCloseTo(seconds, 9);
  });

  it.each(['', 's', '-5', '5x', '1m1h', '1h1h', '5 5', '1h30', '1:30:00', 'Infinity', '1e3'])(
    'refuses %j',
    (text) => {
      expect(() => parseDuration(text, 'timeout')).toThrow(/^timeout: expected a duration such as `90s`/);
    },
  );

  it('gives the code, the value and a hint', () => {
    let caught: unknown;
    try {
      parseDuration('soon');
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({
      code: 'VALUE_INVALID',
      message: 'expected a duration such as `90s`, `5m` or `1h30m`, got "soon" (string)',
      hint: expect.stringContaining('seconds') as unknown,
    });
  });
});

describe('formatSize and formatDuration', () => {
  it.each([
    [0, '0 B'],
    [512, '512 B'],
    [1023, '1023 B'],
    [1024, '1 KB'],
    [1536, '1.5 KB'],
    [10 * 1024, '10 KB'],
    [500 * 1024 ** 2, '500 MB'],
    [1024 ** 3 - 1, '1 GB'],
    [3.25 * 1024 ** 4, '3.3 TB'],
    [NaN, '?'],
  ])('shows %d bytes as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  it.each([
    [0, '0s'],
    [0.000_05, '0.05ms'],
    [0.0123, '12ms'],
    [0.35, '350ms'],
    [0.9999, '1s'],
    [1.25, '1.3s'],
    [10, '10s'],
    [14, '14s'],
    [59.6, '1m'],
    [90, '1m30s'],
    [3599.7, '1h'],
    [7500, '2h5m'],
    [86_399, '1d'],
    [273_600, '3d4h'],
    [-1, '?'],
  ])('shows %d seconds as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
