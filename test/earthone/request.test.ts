import { describe, expect, test } from 'vitest';
import { IMAGES } from '../../src/config/images.js';
import { earthOneRequest } from '../../src/platforms/earthone/request.js';
import { jobSpec, refusal } from './job-spec.js';

type Changes = Parameters<typeof jobSpec>[0];
const request = (changes: Changes) => earthOneRequest(jobSpec(changes));
const refused = (changes: Changes): string => {
  const { code, text } = refusal(() => request(changes));
  expect(code, text).toBe('EARTHONE_UNSUPPORTED');
  return text;
};
const GB = 1024 ** 3;

describe('what a job asks of EarthOne', () => {
  test('comes from the job and its settings', () => {
    expect(
      request({
        cpus: 2,
        maxWorkers: 40,
        policy: { memory: 4 * GB, timeout: 90.2, retries: 3, retryOn: ['crash', 'oom', 'timeout'] },
      }),
    ).toEqual({
      image: 'python3.11:latest',
      cpus: 2,
      memory: 4096,
      timeout: 91,
      retryCount: 3,
      maximumConcurrency: 40,
      tags: [],
      notices: [],
    });
    expect(request({})).toMatchObject({ cpus: 1, memory: 2048, timeout: null, retryCount: 0 });
  });

  test('can be said in the words of Tasks, which count more', () => {
    const taskKwargs = {
      image: 'python3.12:latest',
      cpus: 0.5,
      gpus: 0,
      memory: '4Gi',
      task_timeout: 1800,
      retry_count: '2',
      maximum_concurrency: 7,
      labels: ['a', 'ü "b"'],
      tags: 'a',
      minimum_concurrency: 3,
      minimum_seconds: 10,
      name: 'x',
    };
    const { notices, ...rest } = request({ cpus: 16, policy: { timeout: 5, retries: 9 }, taskKwargs });
    expect(rest).toEqual({
      image: 'python3.12:latest',
      cpus: 0.5,
      memory: 4096,
      timeout: 1800,
      retryCount: 2,
      maximumConcurrency: 7,
      tags: ['a', 'ü "b"'],
    });
    expect(notices.map((text) => text.split(' ')[0])).toEqual([
      'task_kwargs.minimum_concurrency',
      'task_kwargs.minimum_seconds',
      'task_kwargs.name',
      'retry_on:',
    ]);
  });

  test('nothing was said by a key that is null', () => {
    expect(request({ taskKwargs: { memory: null, name: undefined } })).toMatchObject({
      memory: 2048,
      notices: [],
    });
  });
});

test('the platform tries again what our wrapper does not see, asked for or not', () => {
  const policy = { retries: 1, retryOn: ['exception', 'oom'] } as const;
  expect(request({ policy }).notices).toEqual([expect.stringContaining('timeout, crash')]);
  expect(request({ policy: { ...policy, retries: 0 } }).notices).toEqual([]);
});

describe('images', () => {
  test.each(['python3.8:latest', 'python3.10:latest', 'python3.14:v2026.02.17-1_a', 'python3.15:latest'])(
    '%s is taken as it is',
    (image) => {
      expect(request({ image })).toMatchObject({ image, notices: [] });
    },
  );

  test.each([
    ...Object.entries(IMAGES).flatMap(([key, address]) => [key, address]),
    'us.gcr.io/dl-ci-cd/images/tasks/public/py3.8/default:v2020.09.22-5-ga6b4e5fa',
  ])('%s is of Tasks, and becomes the nearest of today, with a notice', (image) => {
    const { image: now, notices } = request({ image });
    expect(now).toBe('python3.10:latest');
    expect(notices).toEqual([expect.stringMatching(/Python [23]\.\d.*Python 3\.10 \(python3\.10:latest\)/)]);
  });

  test('a version that there is today keeps it', () => {
    const image = 'us.gcr.io/dl-ci-cd/images/tasks/public/py3.12/default:x';
    expect(request({ image }).image).toBe('python3.12:latest');
  });

  test.each([
    'python3.7:latest',
    'python2.7:latest',
    'python3:latest',
    'python3.10',
    'latest:python3.10',
    'ubuntu',
    '',
    '__proto__',
    'python3.10:latest\n',
    'docker.io/python3.10:latest',
    'us.gcr.io/dl-ci-cd/images/tasks/public/py3.6/other:x',
  ])('%j is refused, saying which there are', (image) => {
    expect(refused({ image })).toMatch(/python3\.10:latest.*python3\.14:latest/);
  });
});

describe('cpus and memory', () => {
  test.each([
    [0.25, null, 2048],
    [0.5, null, 2048],
    [1, null, 2048],
    [2, null, 4096],
    [4, null, 8192],
    [8, null, 16384],
    [16, null, 32768],
    [0.25, '512MB', 512],
    [1, '1GB', 1024],
    [1, 8192, 8192],
    [1, '8192', 8192],
    [1, 8 * GB, 8192],
    [4, '30Gi', 30720],
    [8, '20GB', 20480],
    [16, '120GB', 122880],
    ['1vCPU', '2Gi', 2048],
  ])('%j with %j is %d MB', (cpus, memory, expected) => {
    expect(request({ taskKwargs: { cpus, memory } }).memory).toBe(expected);
  });

  test.each([
    [1, 9, 'Nearest: 2 cpus with 9 GB, 1 cpu with 8 GB'],
    [1, 0.5, 'Nearest: 1 cpu with 1 GB'],
    [8, 17, 'Nearest: 8 cpus with 20 GB, 8 cpus with 16 GB'],
    [3, 6, 'Nearest: 4 cpus with 8 GB'],
    [16, 500, 'Nearest: 16 cpus with 120 GB'],
    [64, 64, 'Nearest: 16 cpus with 64 GB'],
  ])('%d cpus with %d GB are not sold', (cpus, gigabytes, expected) => {
    const text = refused({ cpus, policy: { memory: gigabytes * GB } });
    expect(text).toContain(expected);
    expect(text).toContain(`got ${cpus} cpu`);
  });

  test('so many cpus are not sold with any memory', () => {
    expect(refused({ cpus: 3 })).toMatch(/got 3 cpus\n.*4 cpus with 8 GB.*2 cpus with 4 GB/);
  });

  // In Tasks any memory came with any cpus: jobs that were written for it name the memory alone.
  test.each([
    [1, '10Gi', 2, 10240],
    [1, 500, 1, 1024],
    [4, '1Gi', 4, 8192],
    [8, '17Gi', 8, 20480],
    [3, '2Gi', 4, 8192],
    [1, '120Gi', 16, 122880],
  ])('memory of task_kwargs alone gets the cpus that it is sold with: %d, %j', (cpus, memory, more, mb) => {
    const { notices, ...sold } = request({ cpus, taskKwargs: { memory } });
    expect(sold).toMatchObject({ cpus: more, memory: mb });
    expect(notices).toEqual([
      expect.stringMatching(/^task_kwargs\.memory: EarthOne sells no .+ with .+, so it is .+ with .+B$/),
    ]);
  });

  test('memory of task_kwargs is refused where nothing has so much, or cpus are said there', () => {
    expect(request({ taskKwargs: { memory: '8Gi' } })).toMatchObject({ cpus: 1, memory: 8192, notices: [] });
    expect(refused({ taskKwargs: { memory: '500Gi' } })).toContain('got 1 cpu with 500 GB');
    expect(refused({ taskKwargs: { memory: '10Gi', cpus: 1 } })).toContain('Nearest: 2 cpus with 10 GB');
  });

  test('a memory that is no whole number of MB is not sold either', () => {
    expect(refused({ policy: { memory: 2 * GB + 1 } })).toContain('Nearest:');
  });
});

describe('refusals', () => {
  test('GPUs, wherever they are asked for', () => {
    expect(refused({ gpus: 1 })).toContain('slurm');
    expect(refused({ taskKwargs: { gpus: 2 } })).toContain('got 2');
  });

  test('functions in TypeScript', () => {
    expect(refused({ language: 'node', file: 'tiles/segment.ts' })).toMatch(
      /tiles\/segment\.ts\n.*Python.*slurm/,
    );
  });

  test('more at a time than a user may have', () => {
    expect(refused({ maxWorkers: 1001 })).toContain('1000');
    expect(refused({ taskKwargs: { maximum_concurrency: 5000 } })).toContain('5000');
  });

  test.each([
    ['memroy', 'Did you mean `memory`?'],
    ['retry-count', 'Did you mean `retry_count`?'],
    ['include_data', 'Set `data` of the job'],
    ['environment', 'Set `env` of the job'],
    ['__proto__', 'There are: image'],
    ['constructor', 'There are: image'],
    ['', 'There are: image'],
  ])('the key %j of task_kwargs', (key, hint) => {
    const text = refused({ taskKwargs: Object.fromEntries([[key, 1]]) });
    expect(text).toContain(`\`${key}\``);
    expect(text).toContain(hint);
  });

  test.each([
    ['cpus', 0],
    ['cpus', 'many'],
    ['cpus', [1]],
    ['gpus', -1],
    ['memory', '100 apples'],
    ['memory', -5],
    ['memory', 0],
    ['task_timeout', 'soon'],
    ['task_timeout', 0],
    ['retry_count', 1.5],
    ['maximum_concurrency', 0],
    ['labels', [1]],
    ['tags', ['']],
    ['image', 3],
  ])('task_kwargs.%s: %j', (key, value) => {
    expect(refused({ taskKwargs: { [key]: value } })).toMatch(/task_kwargs\.|EarthOne/);
  });

  test('what has no meaning there is passed over, with a notice', () => {
    const { notices } = request({ container: 'docker', taskConcurrency: 4 });
    expect(notices.map((text) => text.split(' ')[0])).toEqual(['container:', 'task_concurrency']);
  });
});
