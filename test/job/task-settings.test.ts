/** `task_kwargs` as settings, in the words of those who wrote for Descartes Labs Tasks. */
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { DlJobsError } from '../../src/base/errors.js';
import { defaultResolved } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import type { JobSpec } from '../../src/contract/spec.js';
import type { DLJobOptions } from '../../src/job/options.js';
import { jobSettings, jobSpec } from '../../src/job/resolve-job.js';
import { withTaskKwargs } from '../../src/job/task-settings.js';
import { loadPlatform } from '../../src/platforms/registry.js';

const GB = 1024 ** 3;

async function made(
  options: Omit<DLJobOptions, 'moduleName'>,
  commandLine: Partial<Settings> = {},
  on = 'slurm',
): Promise<{ readonly spec: JobSpec; readonly notices: readonly string[] }> {
  const job = { moduleName: 'a.b', ...options };
  const said = jobSettings(defaultResolved(tmpdir()), job, commandLine);
  const { settings, notices } = withTaskKwargs(said, job, await loadPlatform(on));
  const found = { file: 'a/b.py', language: 'python' as const };
  return { spec: jobSpec(job, settings, found, 'n', on, { limit: null, sample: null }), notices };
}

async function refused(taskKwargs: Readonly<Record<string, unknown>>): Promise<DlJobsError> {
  const error: unknown = await made({ taskKwargs }).catch((thrown: unknown) => thrown);
  if (error instanceof DlJobsError) return error;
  throw new Error(`it was let pass: ${JSON.stringify(taskKwargs)}`);
}

describe('task_kwargs on slurm', () => {
  test('are settings of the job', async () => {
    const taskKwargs = {
      memory: '10Gi',
      cpus: 1.5,
      gpus: 1,
      task_timeout: 1800,
      retry_count: '3',
      maximum_concurrency: 7,
      image: 'py37_gpu:1',
    };
    const { spec, notices } = await made({ taskKwargs });
    expect(spec).toMatchObject({ cpus: 2, gpus: 1, cpuJob: false, image: 'py37_gpu:1' });
    expect(spec.policy).toMatchObject({ memory: 10 * GB, timeout: 1800, retries: 3 });
    expect(spec.slurm.maxWorkers).toBe(7);
    expect(notices).toEqual([]);
  });

  test('count more than the options of the job, and less than the command line', async () => {
    const taskKwargs = { memory: '10Gi', timeout: '1h' };
    const { spec } = await made({ memory: '1GB', timeout: 5, taskKwargs }, { memory: 2 * GB });
    expect(spec.policy).toMatchObject({ memory: 2 * GB, timeout: 3600 });
  });

  test('pass over what has no meaning there, and say so', async () => {
    const taskKwargs = { labels: ['a'], tags: 'b', minimum_concurrency: 1, name: 'x', memory: null };
    const { spec, notices } = await made({ taskKwargs });
    expect(spec.policy.memory).toBeNull();
    expect(notices.map((text) => text.split(' ').slice(0, 4).join(' '))).toEqual([
      'task_kwargs.labels is passed over:',
      'task_kwargs.tags is passed over:',
      'task_kwargs.minimum_concurrency is passed over:',
      'task_kwargs.name is passed over:',
    ]);
  });

  test.each([
    [{ memroy: '1GB' }, 'task_kwargs: there is no `memroy` on slurm', '`memory`'],
    [{ include_modules: ['a'] }, '`include_modules`', 'Set `modules` of the job'],
    [{ memory: 'much' }, 'task_kwargs.memory: expected a size', 'Correct it'],
    [{ memory: 0 }, 'task_kwargs.memory: expected a size', 'Correct it'],
    [{ retry_count: -1 }, 'task_kwargs.retry_count: expected a whole number', 'Correct it'],
  ])('are refused where they cannot be meant: %j', async (taskKwargs, message, hint) => {
    const error = await refused(taskKwargs);
    expect(error.code).toBe('JOB_INVALID');
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });
});

test('on this machine they change nothing, whatever they are', async () => {
  const { spec, notices } = await made({ taskKwargs: { memory: '10Gi', anything: 1 } }, {}, 'local');
  expect(spec.policy.memory).toBeNull();
  expect(notices).toEqual([]);
});

test('where the platform reads them itself it gets those that the command line does not say otherwise', async () => {
  const taskKwargs = { memory: '4Gi', task_timeout: 60, maximum_concurrency: 3, labels: ['a'], cpus: 0.5 };
  const commandLine = { memory: GB, timeout: null, max_workers: 9, cpu_image: 'x:1' };
  const { spec } = await made({ taskKwargs }, commandLine, 'earthone');
  expect(spec.taskKwargs).toEqual({ labels: ['a'], cpus: 0.5 });
  expect(spec.policy).toMatchObject({ memory: GB, timeout: null });
});
