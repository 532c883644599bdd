/** What a further round has otherwise, written to its `round.json` and read from there by the next. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IMAGES } from '../../src/config/images.js';
import { defaultResolved, overlay } from '../../src/config/load.js';
import { defaultSettings } from '../../src/config/settings.js';
import type { JobSpec } from '../../src/contract/spec.js';
import type { DLJobOptions } from '../../src/job/options.js';
import { overlaidSpec } from '../../src/job/overlaid-spec.js';
import { jobSettings, jobSpec } from '../../src/job/resolve-job.js';
import { specOfRound } from '../../src/store/rounds.js';
import { readRounds, resourcesOf, writeRound } from '../../src/store/rounds.js';
import { createRunFolder } from '../../src/store/run-folder.js';

const base = overlay(defaultResolved(tmpdir()), 'file', { slurm: { comment: 'file' }, qos: 'low' }, 'file:1');

function spec(options: Partial<DLJobOptions> = {}): JobSpec {
  const job = { moduleName: 'a.b', ...options };
  const settings = jobSettings(base, job, {});
  const found = { file: 'a/b.ts', language: 'node' as const };
  return jobSpec(job, settings, found, 'name', 'slurm', { limit: null, sample: null });
}

/** The job of the next round, after this one was written and read again. */
function afterwards(first: JobSpec, second: JobSpec): JobSpec {
  const paths = createRunFolder(mkdtempSync(join(tmpdir(), 'dl-rounds-')), 'r');
  writeRound(
    paths,
    {
      version: 1,
      round: 2,
      kind: 'retry',
      platform: 'slurm',
      code: 'c',
      entry: 'e',
      again: 0,
      shuffle: null,
      resources: resourcesOf(second),
      policy: { ...second.policy, durability: second.durability },
      started: '2026-01-01T00:00:00.000Z',
    },
    null,
  );
  return specOfRound(first, readRounds(paths)[0]);
}

describe('the settings of Slurm', () => {
  test('reach the job from each of their places', () => {
    const job = spec({
      gpus: 'a100:2',
      time: '1h30m',
      partition: 'gpu,big',
      maxWorkers: 100,
      hostsPerWorker: 2,
      slurm: { exclusive: true },
      setup: 'module load a,b\nmodule load c',
    });
    expect(job).toMatchObject({ cpuJob: false, gpus: 2, gpuType: 'a100', image: IMAGES.py36_gpu });
    expect(job.slurm).toEqual({
      time: 5400,
      partition: 'gpu,big',
      account: null,
      qos: 'low',
      constraint: null,
      nodelist: null,
      exclude: null,
      maxWorkers: 100,
      hostsPerWorker: 2,
      options: { comment: 'file', exclusive: true },
      setup: ['module load a,b', 'module load c'],
      node: '',
      workerTimeout: 120,
    });
  });

  test('a job that is to stay on CPUs asks for no type of GPU either', () => {
    expect(spec({ gpus: 'a100:2', cpuJob: true })).toMatchObject({ gpus: 0, gpuType: null, cpuJob: true });
  });
});

describe('a further round', () => {
  test('has what it was not told otherwise as before', () => {
    const first = spec({ gpus: 'a100:2', partition: 'small', slurm: { exclusive: true } });
    expect(overlaidSpec(first, {}, base.values)).toEqual(first);
    expect(afterwards(first, overlaidSpec(first, {}, base.values))).toEqual(first);
  });

  test('takes new resources, and so does the one after it', () => {
    const first = spec({ partition: 'small', time: '1h', slurm: { exclusive: true, nice: 1 } });
    const second = overlaidSpec(
      first,
      { memory: 16 * 1024 ** 3, cpus: 4, partition: 'big', time: null, slurm: { nice: 2, comment: false } },
      base.values,
    );
    expect(second.slurm).toEqual({
      ...first.slurm,
      partition: 'big',
      time: null,
      options: { exclusive: true, nice: 2, comment: false },
    });
    expect(second).toMatchObject({ cpus: 4, policy: { memory: 16 * 1024 ** 3 } });
    expect(afterwards(first, second)).toEqual(second);
  });

  test('leaves out of task_kwargs what it was told otherwise, and so does the one after it', () => {
    const first = spec({ taskKwargs: { memory: '10Gi', task_timeout: 60, timeout: 60, labels: ['a'] } });
    const second = overlaidSpec(first, { memory: 1024 ** 3, timeout: null }, base.values);
    expect(second.taskKwargs).toEqual({ labels: ['a'] });
    expect(afterwards(first, second)).toEqual(second);
  });

  test('takes its tasks into their image, and the one after it leaves them there', () => {
    const first = spec();
    const second = overlaidSpec(first, { container: 'podman' }, base.values);
    expect(first.container).toBe('none');
    expect(second.container).toBe('podman');
    expect(overlaidSpec(afterwards(first, second), {}, base.values)).toEqual(second);
  });

  test('gets the other image with its first GPUs, and keeps its own with more of them', () => {
    const settings = { ...defaultSettings(), gpu_image: 'now:1', cpu_image: 'cpu:1' };
    const given = overlaidSpec(spec(), { gpus: 'h100:1' }, settings);
    expect(given).toMatchObject({ cpuJob: false, gpus: 1, gpuType: 'h100', image: 'now:1' });
    expect(afterwards(spec(), given)).toEqual(given);
    const had = spec({ gpus: 1, gpuImage: 'own:1' });
    expect(overlaidSpec(had, { gpus: 2 }, settings)).toMatchObject({ gpus: 2, image: 'own:1' });
    expect(overlaidSpec(had, { gpus: 0 }, settings)).toMatchObject({ cpuJob: true, gpus: 0, image: 'cpu:1' });
  });
});
