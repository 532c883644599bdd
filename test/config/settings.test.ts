import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DlJobsError } from '../../src/base/errors.js';
import { ConfigError, JobError, UsageError } from '../../src/base/errors.js';
import { generateConfig } from '../../src/config/generate.js';
import { IMAGES, resolveImage } from '../../src/config/images.js';
import { compareLevels, loadSettings, overlay } from '../../src/config/load.js';
import { CONFIG_FILE, findProject } from '../../src/config/project.js';
import { defaultSettings, SETTING_KEYS } from '../../src/config/settings.js';

const folder = () => realpathSync(mkdtempSync(join(tmpdir(), 'dl-config-')));

async function load(yaml: string | Buffer, env: Record<string, string> = {}) {
  const cwd = folder();
  writeFileSync(join(cwd, CONFIG_FILE), yaml);
  return loadSettings({ cwd, env });
}

async function failure(yaml: string | Buffer, env: Record<string, string> = {}): Promise<ConfigError> {
  try {
    await load(yaml, env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('findProject', () => {
  it('takes the config file upward before the nearest package.json, and else the folder itself', () => {
    const top = folder();
    const deep = join(top, 'a', 'b');
    mkdirSync(deep, { recursive: true });
    expect(findProject(deep)).toEqual({ root: deep, configFile: null });
    writeFileSync(join(top, 'a', 'package.json'), '{}');
    expect(findProject(deep)).toEqual({ root: join(top, 'a'), configFile: null });
    writeFileSync(join(top, CONFIG_FILE), '');
    expect(findProject(deep)).toEqual({ root: top, configFile: join(top, CONFIG_FILE) });
  });
});

describe('the configuration file', () => {
  it('may be empty, all comments, or null', async () => {
    for (const text of ['', '# nothing\n', '---\n', 'null\n', '\uFEFF']) {
      expect((await load(text)).values).toEqual(defaultSettings());
    }
  });

  it("reads the seed's file as its users wrote it", async () => {
    const { values, sources } = await load(
      [
        'cpu_image: py27',
        'cpu_job: True',
        "default_method: 'task'",
        'save_results: False',
        'save_errors: None',
        'log: areas',
        'print_logs: off',
        'noisy: n',
        "suppress: ['DeprecationWarning']",
        'gpu_ids: [0, "GPU-1"]',
        'is_dev: 0',
      ].join('\n'),
    );
    expect(values).toMatchObject({
      cpu_image: IMAGES.py27,
      cpu_job: true,
      default_method: 'task',
      save_results: false,
      save_errors: false,
      log: 'areas',
      print_logs: false,
      noisy: false,
      suppress: ['DeprecationWarning'],
      gpu_ids: ['0', 'GPU-1'],
      is_dev: false,
    });
    expect(sources.log.level).toBe('file');
    expect(sources.log.where).toMatch(/dl_jobs\.config\.yaml:6$/);
    expect(sources.cpus).toEqual({ level: 'default', where: 'default' });
  });

  it.each([
    ['cpus: 1\nresult_dir: x\n', 2, 'results_dir'],
    ['cpus: "4"\n', 1, 'a whole number, 1 or more'],
    ['\ncpus: 0\n', 2, '`cpus`|0 \\(number\\)'],
    ['cpus: 1.5\n', 1, '1.5'],
    ['cpus:\n', 1, 'null'],
    ['noisy: maybe\n', 1, 'true or false'],
    ['noisy: [true]\n', 1, 'true or false'],
    ['results_dir: 2019\n', 1, 'text'],
    ['results_dir: ""\n', 1, 'text'],
    ['gpus: a100\n', 1, 'a100:2'],
    ['gpus: "a 100:2"\n', 1, 'a100:2'],
    ['gpus: a100:1.5\n', 1, 'a100:2'],
    ['partition: [a]\n', 1, 'text'],
    ['setup: [1]\n', 1, 'list of lines'],
    ['setup: {a: b}\n', 1, 'list of lines'],
    ['slurm: exclusive=true\n', 1, 'option names'],
    ['slurm: [exclusive]\n', 1, 'option names'],
    ['slurm: {__proto__: true}\n', 1, 'option names'],
    ['slurm: {"a b": 1}\n', 1, 'option names'],
    ['slurm: {comment: [1]}\n', 1, 'option names'],
    ['slurm: {comment: .nan}\n', 1, 'option names'],
    ['max_workers: 0\n', 1, '1 or more'],
    ['time: never\n', 1, 'duration'],
    ['suppress: {a: 1}\n', 1, 'list'],
    ['suppress: [1]\n', 1, 'list'],
    ['container: dcoker\n', 1, 'docker'],
    ['platform: mars\n', 1, 'local'],
    ['cpu_image: py99\n', 1, 'py36_gpu'],
    ['__proto__: 1\n', 1, '__proto__'],
    ['constructor: 1\n', 1, 'constructor'],
    ['? [a]\n: 1\n', 1, 'name of a setting'],
    ['cpus: 1\ncpus: 2\n', 2, 'unique'],
    ['suppress:\n\t- a\n', 2, 'Tabs|tab'],
    ['- cpus\n', 1, 'lines'],
    ['just text\n', 1, 'lines'],
    ['cpus: 1\n---\ncpus: 2\n', 2, 'documents'],
    ['suppress: *nowhere\n', 1, 'nowhere'],
    ['cpus: {\n', 1, 'YAML'],
  ])('is refused with file and line: %j', async (text, line, words) => {
    const error = await failure(text);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(new RegExp(`${CONFIG_FILE}:\\d+: `));
    expect(Number(new RegExp(`${CONFIG_FILE}:(\\d+)`).exec(error.message)?.[1])).toBeGreaterThanOrEqual(line);
    expect(`${error.message} ${error.hint ?? ''}`).toMatch(new RegExp(words));
  });

  it('is refused when it is no text, or no file', async () => {
    expect((await failure(Buffer.from([0x63, 0xff, 0xfe]))).message).toContain('UTF-8');
    const cwd = folder();
    mkdirSync(join(cwd, CONFIG_FILE));
    await expect(loadSettings({ cwd, env: {} })).rejects.toBeInstanceOf(ConfigError);
  });

  it('leaves the prototype of everything alone', async () => {
    await failure('__proto__: {cpus: 9}\n');
    expect(({} as { cpus?: number }).cpus).toBeUndefined();
  });
});

describe('the environment', () => {
  it('wins over the file; an empty variable counts as not set', async () => {
    const { values, sources } = await load('cpus: 2\ngpus: 2\n', {
      DL_JOBS_CPUS: '3',
      DL_JOBS_GPUS: '',
      DL_JOBS_SUPPRESS: 'a, b',
      DL_JOBS_GPU_IDS: '0',
      DL_JOBS_LOG: 'no',
    });
    expect(values).toMatchObject({ cpus: 3, gpus: 2, suppress: ['a', 'b'], gpu_ids: ['0'], log: false });
    expect(sources.cpus).toEqual({ level: 'environment', where: 'DL_JOBS_CPUS' });
  });

  it('holds lines and options as text', async () => {
    const { values } = await load('', {
      DL_JOBS_SETUP: 'module load gcc,cuda\n\nexport A="b, c"',
      DL_JOBS_SLURM: '{"--mail_type": "END,FAIL", "nice": 100, "exclusive": true}',
      DL_JOBS_GPUS: ' a100:2 ',
      DL_JOBS_TIME: '1h30m',
      DL_JOBS_PARTITION: 'none',
    });
    expect(values).toMatchObject({
      setup: ['module load gcc,cuda', 'export A="b, c"'],
      slurm: { 'mail-type': 'END,FAIL', nice: 100, exclusive: true },
      gpus: 'a100:2',
      time: 5400,
      partition: null,
    });
    const one = await load('', { DL_JOBS_SLURM: 'comment=a=b, c', DL_JOBS_SETUP: 'none' });
    expect(one.values).toMatchObject({ slurm: { comment: 'a=b, c' }, setup: [] });
    for (const text of ['{"a":', '[]', '=1', '{"a": null}'])
      expect((await failure('', { DL_JOBS_SLURM: text })).message).toContain('DL_JOBS_SLURM');
  });

  it('is refused with the name of the variable', async () => {
    const error = await failure('', { DL_JOBS_CPUS: 'many' });
    expect(error.message).toBe(
      'environment variable DL_JOBS_CPUS: expected a whole number, 1 or more, got "many" (string)',
    );
  });
});

describe('overlay', () => {
  it('lets the stronger level win in whatever order, and leaves its base as it was', async () => {
    const base = await load('cpus: 2\n');
    const line = overlay(base, 'command line', { cpus: 8 }, () => '--cpus');
    const both = overlay(line, 'job', { cpus: 4, gpus: 1, noisy: undefined }, 'DLJob tiles.segment');
    expect(both.values).toMatchObject({ cpus: 8, gpus: 1, noisy: true });
    expect(both.sources.cpus).toEqual({ level: 'command line', where: '--cpus' });
    expect(both.sources.gpus).toEqual({ level: 'job', where: 'DLJob tiles.segment' });
    expect(base.values).toMatchObject({ cpus: 2, gpus: 0 });
    expect(compareLevels('job', 'file')).toBeGreaterThan(0);
  });

  it('adds options of a platform up, each from the strongest place that has it', async () => {
    const base = await load('slurm: {exclusive: true, comment: file, nice: 1}\n', {
      DL_JOBS_SLURM: 'comment=environment',
    });
    const job = overlay(base, 'job', { slurm: { exclusive: true, nice: 2, reservation: 'x' } }, 'DLJob a.b');
    const both = overlay(job, 'command line', { slurm: { exclusive: false } }, () => '--slurm');
    const weaker = overlay(both, 'file', { slurm: { nice: 3, mem: 1 } }, 'file:1');
    expect(weaker.values.slurm).toEqual({ ...both.values.slurm, mem: 1 });
    expect(weaker.sources.slurm).toEqual(both.sources.slurm);
    expect(both.values.slurm).toEqual({
      exclusive: false,
      comment: 'environment',
      nice: 2,
      reservation: 'x',
    });
    expect(both.sources.slurm).toEqual({ level: 'command line', where: '--slurm' });
    expect(base.values.slurm).toEqual({ exclusive: true, comment: 'environment', nice: 1 });
  });

  it('checks what it is given, and says who gave it', async () => {
    const base = await load('');
    const attempt = (level: 'job' | 'command line', partial: object): unknown => {
      try {
        return overlay(base, level, partial, level === 'job' ? 'DLJob a.b' : '--cpus');
      } catch (error) {
        return error;
      }
    };
    expect(attempt('job', { cpus: '4' })).toBeInstanceOf(JobError);
    expect((attempt('job', { cpus: '4' }) as Error).message).toMatch(/^DLJob a\.b: cpus: expected/);
    expect(attempt('command line', { cpus: -1 })).toBeInstanceOf(UsageError);
    expect((attempt('job', { platform: 'mars' }) as DlJobsError).code).toBe('PLATFORM_UNKNOWN');
    expect(attempt('job', { nope: 1 })).toBeInstanceOf(ConfigError);
    expect(attempt('job', JSON.parse('{"__proto__": 1}') as object)).toBeInstanceOf(ConfigError);
    expect(overlay(base, 'job', { cpu_image: 'py37' }, 'x').values.cpu_image).toBe(IMAGES.py37);
  });
});

describe('generateConfig', () => {
  it('writes every setting with a comment, and loads as what it was given', async () => {
    const values = {
      noisy: false,
      results_dir: 'my: "results" #1\n',
      log: 'null-ish',
      save_errors: 'yes.1',
      suppress: ['a, b', "it's", 'no'],
      gpu_ids: ['0', '1'],
      python: '~/.venv/bin/python',
      cpu_image: 'repo:5000/x@sha256:ab',
      gpus: '1080:2' as const,
      setup: ['module load a,b', "export X=\"$(printf '%s' '#')\"", 'a\nb'],
      slurm: { exclusive: true, comment: 'a: "b" #c\n', nice: -5, 'mail-type': 'false' },
      partition: 'big,small',
      time: 90.5,
      node: '/opt/node 20/bin/node',
    };
    const text = generateConfig(values);
    for (const key of SETTING_KEYS) expect(text).toMatch(new RegExp(`^# .+\\n${key}: `, 'm'));
    expect((await load(text)).values).toEqual({ ...defaultSettings(), ...values });
    expect((await load(generateConfig())).values).toEqual(defaultSettings());
  });
});

describe('resolveImage', () => {
  it('knows the keys and leaves addresses as they are', () => {
    expect(resolveImage('py36_gpu')).toBe(IMAGES.py36_gpu);
    expect(resolveImage('python:3.12')).toBe('python:3.12');
    expect(resolveImage('constructor')).toBe('constructor');
  });
});
