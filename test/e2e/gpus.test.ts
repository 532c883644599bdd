/** GPU slots, and the rules that tie cpu_job, gpus and images together. */
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';
import { readFileSync } from 'node:fs';
import { runDirs } from './journal.js';

const TASK = {
  'tasks/gpu.ts': `
    export async function visible(i: number) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return { i, gpus: process.env['CUDA_VISIBLE_DEVICES'] ?? null, pid: process.pid };
    }`,
  'args.ndjson': '0\n1\n2\n3\n4\n5\n',
};
const MAP = ['map', 'tasks.gpu.visible', '--args_list', 'args.ndjson'];

function spec(dir: string): Record<string, unknown> {
  const last = runDirs(dir).at(-1) as string;
  return (JSON.parse(readFileSync(`${last}/run.json`, 'utf8')) as { spec: Record<string, unknown> }).spec;
}

describe('GPU slots', () => {
  test('each host sees its own devices, none sees two hosts’', async () => {
    const project = makeProject({
      ...TASK,
      'dl_jobs.config.yaml': 'gpus: 2\ngpu_ids: [0, 1, 2, 3]\nnoisy: false\n',
    });
    const { code, stderr } = await project.run(MAP);
    expect(code, stderr).toBe(0);
    const rows = readNdjson<{ gpus: string; pid: number }>(one(project.path('results/*.ndjson')));
    expect(rows).toHaveLength(6);
    const byHost = new Map(rows.map((row) => [row.pid, row.gpus]));
    expect([...byHost.values()].sort()).toEqual(['0,1', '2,3']);
  });

  test('a machine without GPUs is a clear error, and no task runs', async () => {
    const project = makeProject({ ...TASK, 'dl_jobs.config.yaml': 'gpu_ids: []\n' });
    const { code, stdout, stderr } = await project.run([...MAP, '--gpus', '1']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/error: expected at least 1 GPU.* found 0 \[CONFIG_INVALID\]/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('a CPU job leaves the environment alone', async () => {
    const project = makeProject({ ...TASK, 'dl_jobs.config.yaml': 'noisy: false\n' });
    await project.run([...MAP, '--limit', '1'], { env: { CUDA_VISIBLE_DEVICES: '7' } });
    expect(readNdjson(one(project.path('results/*.ndjson')))).toMatchObject([{ gpus: '7' }]);
  });
});

describe('cpu_job and gpus', () => {
  test('gpus make a GPU job with the GPU image', async () => {
    const project = makeProject({ ...TASK, 'dl_jobs.config.yaml': 'gpu_ids: ["a"]\n' });
    const { code, stderr } = await project.run([...MAP, '--gpus', '1', '--gpu_image', 'py27_gpu']);
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('warning');
    expect(spec(project.dir)).toMatchObject({
      cpuJob: false,
      gpus: 1,
      image: expect.stringContaining('py2-gpu'),
    });
  });

  test('cpu_job set at the same level wins over gpus, with a warning', async () => {
    const project = makeProject(TASK);
    const { code, stderr } = await project.run([...MAP, '--gpus', '1', '--cpu_job', 'true']);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/warning: .*gpus.*0/);
    expect(spec(project.dir)).toMatchObject({ cpuJob: true, gpus: 0 });
  });

  test('gpus at a stronger level win over cpu_job', async () => {
    const project = makeProject({ ...TASK, 'dl_jobs.config.yaml': 'cpu_job: true\ngpu_ids: [0]\n' });
    const { code, stderr } = await project.run([...MAP, '--gpus', '1']);
    expect(code, stderr).toBe(0);
    expect(spec(project.dir)).toMatchObject({ cpuJob: false, gpus: 1 });
  });

  test('a GPU job without gpus is launched as a CPU job, with a warning', async () => {
    const project = makeProject(TASK);
    const { code, stderr } = await project.run([...MAP, '--no-cpu_job', '--limit', '1']);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/warning: .*cpu job/);
    expect(spec(project.dir)).toMatchObject({
      cpuJob: true,
      gpus: 0,
      image: expect.stringContaining('py3.6/'),
    });
  });
});
