import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/load.js';
import { readSignatures } from '../../src/snapshot/signature.js';
import { capture } from './capture.js';

const folder = () => mkdtempSync(join(tmpdir(), 'dl-init-'));

describe('dl_jobs init', () => {
  it('makes a project with a config, jobs, a TypeScript and a Python task', async () => {
    const cwd = folder();
    const { code, stderr } = await capture(['init', "it's new/app"], cwd);
    expect(code).toBe(0);
    expect(stderr).toContain(String.raw`cd 'it'\''s new/app'`);
    const root = join(cwd, "it's new/app");
    expect(readdirSync(root).sort()).toEqual(['dl_jobs.config.yaml', 'run', 'tasks']);
    expect((await loadSettings({ cwd: root, env: {} })).project.root).toBe(root);
    for (const file of ['run/hello.ts', 'run/letters.ts', 'tasks/hello.ts']) {
      const signatures = await readSignatures(readFileSync(join(root, file), 'utf8'), file);
      expect(signatures).toHaveLength(1);
      expect(signatures[0]?.doc).not.toBe('');
    }
    expect(readFileSync(join(root, 'tasks/letters.py'), 'utf8')).toContain('def count(word)');
  });

  it('writes nothing when one of its files exists, and names it', async () => {
    const cwd = folder();
    mkdirSync(join(cwd, 'run'));
    writeFileSync(join(cwd, 'run/hello.ts'), 'mine');
    const { code, stderr } = await capture(['init'], cwd);
    expect(code).toBe(2);
    expect(stderr).toContain('run/hello.ts [FILE_EXISTS]');
    expect(readFileSync(join(cwd, 'run/hello.ts'), 'utf8')).toBe('mine');
    expect(existsSync(join(cwd, 'dl_jobs.config.yaml'))).toBe(false);
  });

  it('refuses a file as its folder, and two folders', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'f'), '');
    expect((await capture(['init', 'f'], cwd)).code).toBe(2);
    expect((await capture(['init', 'a', 'b'], cwd)).code).toBe(2);
    expect(readdirSync(cwd)).toEqual(['f']);
  });
});
