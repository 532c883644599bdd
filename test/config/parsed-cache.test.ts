/** What is remembered of configuration files, seen through the built command: from source nothing is remembered. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject, type Project } from '../support/project.js';

const CONFIG = 'dl_jobs.config.yaml';

interface Remembering {
  readonly project: Project;
  /** Folder of what is remembered. */
  readonly cache: string;
  /** Each setting as `config --info` shows it, without columns. */
  readonly info: (env?: Readonly<Record<string, string>>) => Promise<string>;
  readonly write: (text: string) => void;
  /** The remembered files, by path. */
  readonly files: () => string[];
}

function remembering(text: string): Remembering {
  const project = makeProject({ [CONFIG]: text });
  const home = project.path('user cache');
  const cache = join(home, 'dl-jobs');
  return {
    project,
    cache,
    async info(env = {}) {
      const { stdout, stderr } = await project.run(['config', '--info'], {
        env: { XDG_CACHE_HOME: home, ...env },
      });
      expect(stderr).not.toMatch(/bug|^\s+at /m);
      return (stdout + stderr).replaceAll(/ +/g, ' ');
    },
    write: (content) => writeFileSync(project.path(CONFIG), content),
    files: () => readdirSync(cache).map((name) => join(cache, name)),
  };
}
describe('settings of a file', () => {
  test('are read once for each text, and are the same when they are remembered', async () => {
    const { info, files } = remembering('# mine\ncpus: 7\nsuppress: ["ü, ]", b]\nlog: diary.log\n');
    const parsed = await info();
    expect(parsed).toMatch(/^cpus 7 file: .*:2$/m);
    const [file, ...more] = files();
    expect(more).toEqual([]);
    expect(await info()).toBe(parsed);

    // Proof that it is not parsed again: what we put in its place is what it says.
    const text = readFileSync(file as string, 'utf8');
    writeFileSync(file as string, text.replace('"value":7', '"value":9'));
    expect(await info()).toMatch(/^cpus 9 file: .*:2$/m);
    expect(readFileSync(file as string, 'utf8')).not.toBe(text);
  });

  test('are read again when the file changes, and known again when it changes back', async () => {
    const { info, write, files } = remembering('cpus: 7\n');
    const before = await info();
    write('\n\ncpus: 5\n');
    expect(await info()).toMatch(/^cpus 5 file: .*:3$/m);
    expect(files()).toHaveLength(2);
    write('cpus: 7\n');
    expect(await info()).toBe(before);
    expect(files()).toHaveLength(2);
  });

  test('of two projects with one text stand in each one’s own file', async () => {
    const one = remembering('cpus: 7\n');
    const two = remembering('cpus: 7\n');
    const shared = { XDG_CACHE_HOME: one.project.path('user cache') };
    expect(await one.info()).toContain(`config file: ${one.project.path(CONFIG)}\n`);
    const second = await two.info(shared);
    expect(second).toContain(`config file: ${two.project.path(CONFIG)}\n`);
    expect(second).toMatch(/^cpus 7 file: .*:1$/m);
    expect(one.files()).toHaveLength(1);
  });

  test('that are wrong are not remembered, and are told with their line each time', async () => {
    const { project, info, cache } = remembering('cpus: 1\n\ncpus_: 2\n');
    for (let i = 0; i < 2; i++) {
      expect(await info()).toContain(`${project.path(CONFIG)}:3: expected the name of a setting`);
    }
    expect(() => readdirSync(cache)).toThrow('ENOENT');
  });
});

describe('a cache that is', () => {
  const BAD = {
    empty: '',
    torn: '[{"key":"cpus","va',
    'no list': '{"cpus":3}',
    null: 'null',
    'a list of nothing': '[null]',
    'a list of texts': '["cpus"]',
    'of unknown settings': '[{"key":"__proto__","value":{"cpus":3},"line":1}]',
    'of wrong values': '[{"key":"cpus","value":"many","line":1}]',
    'without lines': '[{"key":"cpus","value":3}]',
    'not UTF-8': Buffer.from([0xff, 0xfe, 0]),
  };
  test('damaged is written anew', { timeout: 120_000 }, async () => {
    const { info, files } = remembering('cpus: 7\n');
    const right = await info();
    const [file] = files() as [string];
    const text = readFileSync(file, 'utf8');
    for (const [name, bad] of Object.entries(BAD)) {
      writeFileSync(file, bad);
      expect(await info(), name).toBe(right);
      expect(readFileSync(file, 'utf8'), name).toBe(text);
    }
  });

  test('in the way, a file, or nowhere is done without', async () => {
    const { project, info, cache, files } = remembering('cpus: 7\n');
    const right = await info();
    const [file] = files() as [string];
    rmSync(file);
    mkdirSync(join(file, 'in the way'), { recursive: true });
    expect(await info()).toBe(right);
    rmSync(cache, { recursive: true });
    writeFileSync(cache, 'a file');
    expect(await info()).toBe(right);
    expect(await info({ XDG_CACHE_HOME: '/dev/null/nowhere' })).toBe(right);
    expect(await info({ XDG_CACHE_HOME: 'relative' })).toBe(right);
    expect(readdirSync(project.dir).sort()).toEqual([CONFIG, 'node_modules', 'user cache']);
  });
});
