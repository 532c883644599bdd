/** The setting `slurm`, and the arguments of sbatch. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DlJobsError } from '../../src/base/errors.js';
import type { Policy } from '../../src/contract/policy.js';
import { NO_SLURM, type JobSpec, type SlurmSpec } from '../../src/contract/spec.js';
import { checkOptions } from '../../src/platforms/slurm/options.js';
import { sbatchArguments, type ArraySubmission } from '../../src/platforms/slurm/sbatch.js';

const help = readFileSync(new URL('samples/sbatch-help.txt', import.meta.url), 'utf8');

function refusal(options: Record<string, string | number | boolean>, text = help): DlJobsError {
  try {
    checkOptions(options, text);
  } catch (error) {
    if (error instanceof DlJobsError) return error;
    throw error;
  }
  throw new Error('it was let pass');
}

describe('the setting slurm', () => {
  test('takes what sbatch has, from its help or from what other releases have', () => {
    checkOptions(
      { exclusive: true, 'mail-type': 'END', nice: 10, hold: true, hint: 'nomultithread', gres: 'tmp:10G' },
      help,
    );
    checkOptions({ exclusive: 'user', 'kill-on-invalid-dep': 'yes', begin: 'now+1hour' }, '');
    checkOptions({ 'brand-new': 1 }, '      --brand-new=x           something of a later release\n');
    // It was taken away again by a stronger place.
    checkOptions({ array: false, nonsense: false }, help);
  });

  test.each([
    ['array', 'max_workers'],
    ['mem', 'memory'],
    ['cpus-per-task', 'cpus'],
    ['gpus', 'gpus'],
    ['partition', 'partition'],
    ['ntasks', 'hosts_per_worker'],
    ['export', 'env'],
    ['wrap', 'setup'],
    ['time', 'time'],
  ])('leaves %s to the setting %s', (option, setting) => {
    const error = refusal({ [option]: '1' });
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(`\`${option}\``);
    expect(error.hint).toContain(`\`${setting}\``);
  });

  test.each([
    'output',
    'error',
    'job-name',
    'open-mode',
    'chdir',
    'requeue',
    'no-requeue',
    'signal',
    'parsable',
    'wait',
  ])('refuses %s, and says why', (option) => {
    expect(refusal({ [option]: true }).hint).toMatch(/^It is not: .{10,}\.$/);
  });

  test('refuses what sbatch does not have, and names what was meant', () => {
    expect(refusal({ exklusive: true }).hint).toContain('`exclusive`');
    expect(refusal({ 'mail-typ': 'END' }).hint).toContain('`mail-type`');
    expect(refusal({ partitio: 'x' }).hint).toContain('`partition`');
    expect(refusal({ zzzzzzzz: 1 }).hint).toContain('man sbatch');
    expect(refusal({ constructor: 'x' }, '').message).toContain('constructor');
  });

  test('refuses an option that has no value and needs one, and GPUs among other resources', () => {
    expect(refusal({ begin: true }).hint).toContain('begin: VALUE');
    for (const gres of ['gpu', 'gpu:2', 'tmp:1,gpu:a100:2', 'tmp:1, gpu=1'])
      expect(refusal({ gres }).hint).toContain('`gpus`');
    checkOptions({ gres: 'gpu_mem:80' }, help);
  });
});

describe('the arguments of sbatch', () => {
  const policy = { memory: null } as Policy;
  function of(
    spec: Partial<Omit<JobSpec, 'slurm'>> = {},
    slurm: Partial<SlurmSpec> = {},
    more: Partial<ArraySubmission> = {},
  ): string[] {
    const job = { cpus: 1, gpus: 0, gpuType: null, taskConcurrency: 1, policy, ...spec };
    return sbatchArguments({
      spec: { ...job, slurm: { ...NO_SLURM, ...slurm } } as JobSpec,
      name: 'dl_jobs:r:1:2',
      dir: '/shared/run',
      elements: 10,
      atATime: null,
      graceSeconds: 60,
      ...more,
    });
  }

  test('ask for one task, and for no more than is set', () => {
    expect(of().sort()).toEqual(
      [
        '--parsable',
        '--job-name=dl_jobs:r:1:2',
        '--array=0-9',
        '--nodes=1',
        '--ntasks=1',
        '--cpus-per-task=1',
        '--requeue',
        '--signal=B:USR2@60',
        '--chdir=/shared/run',
        '--open-mode=append',
        '--output=/shared/run/logs/slurm-%A_%a.out',
        '--export=ALL',
      ].sort(),
    );
  });

  test('ask for as much as the hosts of a worker need together, and memory for the worker itself', () => {
    const memory = 1024 ** 3;
    const args = of(
      { cpus: 4, gpus: 2, gpuType: 'a100', taskConcurrency: 3, policy: { ...policy, memory } },
      { hostsPerWorker: 2 },
    );
    expect(args).toEqual(
      expect.arrayContaining(['--cpus-per-task=8', '--gres=gpu:a100:4', `--mem=${3 * 2 * 1024 + 256}M`]),
    );
    expect(of({ policy: { ...policy, memory: 1 } })).toContain('--mem=257M');
  });

  test('pass settings on as single words, whatever is in them', () => {
    const comment = 'a b\n"c" $(d) \'e\' --f';
    const args = of(
      { gpus: 1 },
      {
        time: 61,
        partition: 'big,small',
        account: 'a c',
        constraint: '[x|y]&z',
        options: { comment, exclusive: true, hold: false, nice: -5, gres: 'tmp:10G' },
      },
      { elements: 1, atATime: 1 },
    );
    for (const arg of [
      '--time=2',
      '--partition=big,small',
      '--account=a c',
      '--constraint=[x|y]&z',
      `--comment=${comment}`,
      '--exclusive',
      '--nice=-5',
      '--gres=gpu:1,tmp:10G',
      '--array=0-0',
    ])
      expect(args).toContain(arg);
    expect(args.filter((arg) => /hold|mem|qos|^(?!--)/.test(arg))).toEqual([]);
    expect(of({}, {}, { atATime: 3 })).toContain('--array=0-9%3');
  });

  test('name a file for the output in any folder', () => {
    const output = (dir: string): string | undefined =>
      of({}, {}, { dir }).find((arg) => arg.startsWith('--output='));
    expect(output('/a b/%A%%j%')).toBe('--output=/a b/%%A%%%%j%%/logs/slurm-%A_%a.out');
    // With a backslash no symbol is replaced: all elements of an array append to one file.
    expect(output('/a\\b/%A')).toBe('--output=/a\\\\b/%A/logs/slurm-2.out');
  });
});
