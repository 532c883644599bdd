import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/base/errors.js';
import { parseCommandLine } from '../../src/cli/tokenize.js';

const parse = (line: string) => parseCommandLine(line.split(' '));

function failure(line: string): UsageError {
  try {
    parse(line);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`no error for: ${line}`);
}

describe('the command line', () => {
  it('leaves METHOD alone after a boolean option', () => {
    const parsed = parse('run --dev tiles.segment amazon');
    expect(parsed).toMatchObject({
      command: 'run',
      options: { dev: true },
      words: ['tiles.segment', 'amazon'],
    });
  });

  it.each([
    ...['true', 't', 'YES', 'y', 'On', '1'].map((word) => [word, true] as const),
    ...['False', 'none', 'NO', 'null', 'f', 'n', '0'].map((word) => [word, false] as const),
  ])('takes %s after a boolean option as its value', (word, value) => {
    const parsed = parse(`run --dev ${word} a.b`);
    expect(parsed.options).toEqual({ dev: value });
    expect(parsed.words).toEqual(['a.b']);
  });

  it('reads every spelling of a boolean option', () => {
    expect(parse('run --no-dev a').options).toEqual({ dev: false });
    expect(parse('run --no_print-logs a').options).toEqual({ print_logs: false });
    expect(parse('run --dev=false a').options).toEqual({ dev: false });
    expect(parse('run --dev=maybe a').options).toEqual({ dev: true });
    expect(parse('run a --dev').options).toEqual({ dev: true });
    expect(parse('run a --dev off').words).toEqual(['a', 'off']);
  });

  it('takes negative numbers, lists of them and - as words', () => {
    expect(parse('run a -5.2 -.5 -1,2,-3 - x').words).toEqual(['a', '-5.2', '-.5', '-1,2,-3', '-', 'x']);
  });

  it('takes options before the command, before and after METHOD, and none after --', () => {
    const parsed = parse('--noisy run --cpus 4 a.b x --print-logs no y=1 -- --dev -x');
    expect(parsed.options).toEqual({ noisy: true, cpus: 4, print_logs: false });
    expect(parsed.words).toEqual(['a.b', 'x', 'y=1', '--dev', '-x']);
  });

  it('takes the last of a repeated option, and values with = in them', () => {
    expect(parse('run a --cpus=2 --cpus 3 --args_list=a=b --args-list -').options).toEqual({
      cpus: 3,
      args_list: '-',
    });
    expect(parse('run a --args_list=a=b').options).toEqual({ args_list: 'a=b' });
  });

  it('makes an image key an address', () => {
    expect(parse('run a --cpu_image py37').options.cpu_image).toMatch(/py3\.7/);
    expect(parse('run a --gpu-image=repo/x:1').options.gpu_image).toBe('repo/x:1');
  });

  it('adds the options up that one --slurm after the other gives', () => {
    expect(
      parseCommandLine([
        ...['retry', '--slurm', 'exclusive', '--slurm=comment=a b=c', '--memory', '16G', '--slurm'],
        ...[
          'comment=d',
          '--slurm',
          '{"nice": 5, "exclusive": false}',
          '--partition',
          'big',
          '--gpus',
          'a100:2',
        ],
      ]).options,
    ).toEqual({
      slurm: { exclusive: false, comment: 'd', nice: 5 },
      memory: 16 * 1024 ** 3,
      partition: 'big',
      gpus: 'a100:2',
    });
    expect(failure('run a --slurm=---=1').message).toMatch(/^--slurm: expected option names/);
    expect(failure('run a --slurm __proto__=1').code).toBe('USAGE');
  });

  it('names the nearest option for an unknown one', () => {
    const error = failure('run a --nosy');
    expect(error.code).toBe('UNKNOWN_OPTION');
    expect(error.message).toContain('`--nosy`');
    expect(error.hint).toContain('`--noisy`');
    expect(failure('run a --print-log=1').hint).toContain('`--print_logs`');
    expect(failure('run a -x').hint).toContain('`--`');
    expect(failure('run a --no-cpus').code).toBe('UNKNOWN_OPTION');
    expect(failure('run a --__proto__').code).toBe('UNKNOWN_OPTION');
    expect(failure('run a --constructor=1').code).toBe('UNKNOWN_OPTION');
  });

  it('says which command has an option that this one has not', () => {
    const error = failure('run a --force');
    expect(error.code).toBe('UNKNOWN_OPTION');
    expect(error.hint).toContain('config');
  });

  it.each([
    'run a --cpus',
    'run a --args_list --dev',
    'run a --cpus 1.5',
    'run a --cpus 0',
    'run a --cpus=',
    'run a --limit 0',
    'run a --limit 1e999',
    'run a --gpus -1',
    'run a --args_list=',
    'run a --cpu_image py38',
    'run a --no-dev=true',
  ])('refuses %s, naming the option', (line) => {
    const error = failure(line);
    expect(error.code).toBe('USAGE');
    expect(error.message).toMatch(/^--(no-)?(cpus|args_list|limit|gpus|cpu_image|dev)/);
    expect(error.hint).toBeTruthy();
  });

  it('refuses an unknown platform by its own code', () => {
    expect(failure('run a --platform mars').code).toBe('PLATFORM_UNKNOWN');
  });

  it('names the nearest command for an unknown one', () => {
    const error = failure('rum a');
    expect(error.hint).toContain('dl_jobs run');
    expect(failure('__proto__').code).toBe('USAGE');
  });

  it('sees --help and --version anywhere before --', () => {
    expect(parse('run tiles.segment --help --cpus')).toMatchObject({ help: true, words: ['tiles.segment'] });
    expect(parseCommandLine(['-h'])).toMatchObject({ help: true, command: null });
    expect(parseCommandLine(['-V']).version).toBe(true);
    expect(parse('run a -- --help').help).toBe(false);
    expect(parseCommandLine([])).toEqual({
      command: null,
      options: {},
      words: [],
      help: false,
      version: false,
    });
  });
});
