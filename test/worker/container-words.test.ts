/**
 * The words for tools that a test cannot start: apptainer is in no Debian release that we test on, pyxis is a plug-in
 * of a cluster. What they mean is in the manuals of both.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { containerArgs } from '../../src/worker/container/args.js';
import { provideImage } from '../../src/worker/container/image.js';
import type { ContainerPlan, ContainerTool } from '../../src/worker/container/plan.js';

const APPTAINER: ContainerTool = {
  name: 'apptainer',
  program: 'apptainer',
  transport: 'descriptors',
  options: [],
};
const PYXIS: ContainerTool = {
  name: 'pyxis',
  program: 'srun',
  transport: 'stdio',
  options: ['--nodelist=n1'],
};

function words(plan: Partial<ContainerPlan> & Pick<ContainerPlan, 'tool'>): string[] {
  return containerArgs({
    plan: { image: 'written', address: 'address', mounts: ['/a', '/b c'], gpus: false, ...plan },
    name: 'dl_jobs-1-x',
    cwd: '/a/sub',
    box: '/box',
    shell: ['-c', 'script', 'dl_jobs-1-x', 'node', 'host.js'],
    foreground: null,
  });
}

describe('apptainer', () => {
  test('runs the shell of the image with the paths of the machine', () => {
    expect(words({ tool: APPTAINER })).toEqual([
      ...[
        '--quiet',
        'exec',
        '--cleanenv',
        '--no-home',
        '--pwd=/a/sub',
        '--bind=/a',
        '--bind=/b c',
        'address',
      ],
      ...['/bin/sh', '-c', 'script', 'dl_jobs-1-x', 'node', 'host.js'],
    ]);
  });

  test('gets GPUs, and paths that its short form cannot hold', () => {
    const all = words({ tool: APPTAINER, gpus: true, mounts: ['/a:b', '/c,d "e"'] });
    expect(all).toContain('--nv');
    expect(all).toContain('--mount=type=bind,source=/a:b,destination=/a:b');
    expect(all).toContain('--mount=type=bind,"source=/c,d ""e""","destination=/c,d ""e"""');
  });

  const image = async (name: string, projectRoot: string): Promise<string> =>
    await provideImage({
      tool: APPTAINER,
      image: name,
      projectRoot,
      folder: join(projectRoot, 'cache'),
      warn: () => undefined,
    });

  test('takes an image of a file as it is, and says when there is none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dl-jobs-sif-'));
    try {
      writeFileSync(join(folder, 'mine.sif'), '');
      expect(await image('mine.sif', folder)).toBe(join(folder, 'mine.sif'));
      expect(await image('./mine.sif', '/'.concat(folder))).toBe(join(folder, 'mine.sif'));
      await expect(image('other.sif', folder)).rejects.toMatchObject({
        code: 'IMAGE_UNAVAILABLE',
        message: `expected the image other.sif for apptainer: there is no ${join(folder, 'other.sif')}`,
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('pyxis', () => {
  test('runs a step beside the one that we are in, on this node', () => {
    expect(words({ tool: PYXIS })).toEqual([
      ...['--overlap', '--nodes=1', '--ntasks=1', '--mem=0', '--cpu-bind=none', '--job-name=dl_jobs-1-x'],
      ...['--nodelist=n1', '--container-image=address', '--container-mounts=/a:/a,/b c:/b c,/box:/box'],
      ...['--container-workdir=/a/sub', '--no-container-mount-home', '--no-container-entrypoint'],
      ...['--no-container-remap-root', '/bin/sh', '-c', 'script', 'dl_jobs-1-x', 'node', 'host.js'],
    ]);
  });

  test.each([
    ['python:3.12', 'python:3.12'],
    ['docker://nvcr.io/nvidia/pytorch:24.01-py3', 'nvcr.io#nvidia/pytorch:24.01-py3'],
    ['us.gcr.io/a/b:1', 'us.gcr.io#a/b:1'],
    ['localhost:5000/a:1', 'localhost:5000#a:1'],
    ['user@nvcr.io#nvidia/cuda:1', 'user@nvcr.io#nvidia/cuda:1'],
    ['library/python', 'library/python'],
  ])('takes the image %s as %s', async (image, address) => {
    const wish = { tool: PYXIS, image, projectRoot: '/', folder: '/none', warn: () => undefined };
    expect(await provideImage(wish)).toBe(address);
  });
});
