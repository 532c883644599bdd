/** `dl_jobs doctor` on one machine. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Check } from '../../src/contract/check.js';
import { listing } from '../support/listing.js';
import { makeProject, type Project, type RunOptions } from '../support/project.js';
import { requires } from '../support/requires.js';

describe('the doctor', () => {
  let project: Project;
  let before: string[] | null;

  beforeEach(() => {
    project = makeProject({}, { hostilePath: true });
    before = null;
  });
  afterEach(() => {
    if (before !== null) expect(listing(project.dir)).toEqual(before);
  });

  /** Its checks by their names, and its exit code. */
  const examine = async (
    args: readonly string[] = [],
    options: RunOptions = {},
  ): Promise<{ code: number | null; checks: Map<string, Check> }> => {
    before = listing(project.dir);
    const { code, stdout, stderr } = await project.run(['doctor', '--json', ...args], options);
    expect(stderr).toBe('');
    const checks = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Check);
    return { code, checks: new Map(checks.map((check) => [check.name, check])) };
  };
  const failures = (checks: Map<string, Check>): string[] =>
    [...checks.values()].filter(({ state }) => state === 'failed').map(({ name }) => name);

  test('finds nothing to mend where nothing is wrong, and leaves nothing behind', async () => {
    const { code, checks } = await examine();
    expect([failures(checks), code]).toEqual([[], 0]);
    expect([...checks.keys()]).toEqual([
      ...['config', 'node', 'python', 'dls_root', 'locking', 'disk', 'outputs', 'platform'],
      ...['cores', 'memory', 'open files', 'gpus'],
    ]);
    expect(checks.get('node')?.text).toContain(process.versions.node);
    expect(checks.get('dls_root')?.text).toContain(project.path('dl_jobs'));
  });

  test('prints a line a check, and what to do about it', async () => {
    project = makeProject({});
    const { code, stdout, stderr } = await project.run(['doctor', '--gpus', '2'], {
      env: { CUDA_VISIBLE_DEVICES: '0' },
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok {7}node {13}\d+\./m);
    expect(stdout).toMatch(/^FAILED {3}gpus {13}1: 0; a task needs 2\n {9}Name them with `gpu_ids`/m);
    expect(stderr).toBe('1 thing must be mended\n');
  });

  test('names line and setting of a broken configuration, and looks at the rest all the same', async () => {
    writeFileSync(project.path('dl_jobs.config.yaml'), 'noisy: true\nworkerz: 3\n');
    const { code, checks } = await examine();
    expect([failures(checks), code]).toEqual([['config'], 1]);
    expect(checks.get('config')?.text).toContain('dl_jobs.config.yaml:2: expected the name of a setting');
    expect(checks.get('config')?.hint).toContain('Did you mean `workers`?');
    expect(checks.get('locking')?.state).toBe('ok');
  });

  test('says where settings come from, and which variable is none', async () => {
    writeFileSync(project.path('dl_jobs.config.yaml'), 'noisy: false\nplatform: local\n');
    const { code, checks } = await examine([], { env: { DL_JOBS_WORKERS: '1', DL_JOBS_PYTHN: 'x' } });
    expect(code).toBe(0);
    expect(checks.get('config')?.text).toMatch(/: 2 of \d+ settings, and 1 from the environment$/);
    expect(checks.get('variables')).toMatchObject({
      state: 'warning',
      text: 'no setting is called as DL_JOBS_PYTHN',
      hint: 'Did you mean DL_JOBS_PYTHON?',
    });
    expect(checks.get('cores')?.text).toContain(', 1 task at a time');
  });

  const interpreter = (lines: string): string => {
    const path = project.path('my python');
    writeFileSync(path, `#!/bin/sh\n${lines}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  test.each([
    ['is not there', null, 'there is none'],
    ['is something else', 'echo hello', 'it is no Python: it says "hello'],
    ['ends badly', 'echo moo >&2; exit 3', 'moo'],
    ['is too old', 'echo /old/python; echo 3.7.1', '3.7.1, /old/python'],
  ])('an interpreter that was asked for must work: one that %s', async (_, lines, text) => {
    const python = lines === null ? project.path('no python') : interpreter(lines);
    const { code, checks } = await examine([], { env: { DL_JOBS_PYTHON: python } });
    expect([failures(checks), code]).toEqual([['python'], 1]);
    expect(checks.get('python')?.text).toContain(text);
  });

  test('without Python only tasks in Python suffer', async () => {
    mkdirSync(project.path('empty'));
    const { code, checks } = await examine([], { env: { PATH: project.path('empty') } });
    expect([failures(checks), code]).toEqual([[], 0]);
    expect(checks.get('python')).toMatchObject({ state: 'warning' });
  });

  test('what runs containers, where tasks are to run in them', async () => {
    mkdirSync(project.path('empty'));
    const { code, checks } = await examine(['--container', 'docker'], {
      env: { PATH: project.path('empty') },
    });
    expect([failures(checks), code]).toEqual([['container'], 1]);
    expect(checks.get('container')?.text).toBe('expected a working docker: it is not on PATH');
  });

  test('podman', requires('podman'), async () => {
    const { checks } = await examine(['--container', 'podman'], {
      env: { DL_JOBS_CPU_IMAGE: 'localhost/mine:1' },
    });
    expect(checks.get('container')).toEqual({
      name: 'container',
      state: 'ok',
      text: 'podman runs localhost/mine:1',
    });
  });

  test('a platform whose commands are not there', async () => {
    mkdirSync(project.path('empty'));
    const { code, checks } = await examine(['--platform', 'slurm'], { env: { PATH: project.path('empty') } });
    expect([failures(checks), code]).toEqual([['commands'], 1]);
    expect(checks.get('commands')?.text).toBe('no sbatch, squeue, scancel, scontrol on PATH');
    expect([...checks.keys()].at(-1)).toBe('commands');
  });

  test('folders in the place of which there is a file', async () => {
    writeFileSync(project.path('dl_jobs'), 'mine');
    const { code, checks } = await examine();
    expect([failures(checks), code]).toEqual([['dls_root'], 1]);
    expect(checks.get('dls_root')?.text).toContain(`cannot create ${project.path('dl_jobs')}`);
  });

  const mount = (options: string): void => {
    mkdirSync(project.path('dl_jobs'));
    const dir = project.path('dl_jobs');
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'none', dir]).status).toBe(0);
    onTestFinished(() => void spawnSync('umount', ['-l', dir]));
  };

  test('a disk that is nearly full, and gone with the machine', requires('tmpfs'), async () => {
    mount('size=5m');
    const { code, checks } = await examine();
    expect([failures(checks), code]).toEqual([['disk'], 1]);
    expect(checks.get('disk')?.text).toMatch(/^5 MB free, room for \d+ files$/);
    expect(checks.get('dls_root')).toMatchObject({ state: 'warning' });
    expect(checks.get('dls_root')?.text).toContain('on tmpfs');
  });

  test('a disk that cannot be written', requires('tmpfs'), async () => {
    mount('size=500m,ro');
    const { code, checks } = await examine();
    expect([failures(checks), code]).toEqual([['dls_root'], 1]);
    expect(checks.get('dls_root')?.text).toContain('the file system is read-only (EROFS)');
  });

  test('takes no words', async () => {
    const { code, stderr } = await project.run(['doctor', 'who']);
    expect(code).toBe(2);
    expect(stderr).toContain('expected no words after doctor, got "who" (string) [USAGE]');
  });
});
