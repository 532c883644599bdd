import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/load.js';
import { CONFIG_FILE } from '../../src/config/project.js';
import { capture } from './capture.js';

const folder = () => mkdtempSync(join(tmpdir(), 'dl jobs ü-'));

describe('dl_jobs config', () => {
  it('writes a file that loads as the defaults with what was said', async () => {
    const cwd = folder();
    const { code, stderr } = await capture(
      ['config', 'noisy=False', 'cpu_image=py37', 'log:=false', 'gpu_ids=0,1'],
      cwd,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: `wrote ${join(cwd, CONFIG_FILE)}\n` });
    const { values } = await loadSettings({ cwd, env: {} });
    expect(values).toMatchObject({ noisy: false, log: false, gpu_ids: ['0', '1'], print_logs: true });
    expect(values.cpu_image).toMatch(/py3\.7/);
  });

  it('refuses to overwrite without --force, and then overwrites', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, CONFIG_FILE), 'cpus: 7\n');
    const refused = await capture(['config'], cwd);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('[CONFIG_EXISTS]');
    expect(readFileSync(join(cwd, CONFIG_FILE), 'utf8')).toBe('cpus: 7\n');
    expect((await capture(['config', '--force', 'cpus=2'], cwd)).code).toBe(0);
    expect(readFileSync(join(cwd, CONFIG_FILE), 'utf8')).toContain('\ncpus: 2\n');
    expect(readdirSync(cwd)).toEqual([CONFIG_FILE]);
  });

  it('names the nearest setting for an unknown one, and what a wrong one should be', async () => {
    const cwd = folder();
    const unknown = await capture(['config', 'result_dir=x'], cwd);
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toContain('`results_dir`');
    expect((await capture(['config', '__proto__=x'], cwd)).stderr).toContain('[CONFIG_INVALID]');
    expect((await capture(['config', 'cpus=many'], cwd)).stderr).toContain('a whole number, 1 or more');
    expect((await capture(['config', 'word'], cwd)).stderr).toContain('[USAGE]');
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('shows with --info each value and where it comes from', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, CONFIG_FILE), '# mine\ncpus: 7\nnoisy: no\nlog_dir: l\n');
    mkdirSync(join(cwd, 'sub'));
    const { code, stdout } = await capture(['config', '--info', '--workers', '3'], join(cwd, 'sub'), {
      DL_JOBS_NOISY: 'yes',
    });
    expect(code).toBe(0);
    expect(stdout).toContain(`project: ${cwd}\n`);
    expect(stdout).toMatch(/^cpus +7 +file: .*dl_jobs\.config\.yaml:2$/m);
    expect(stdout).toMatch(/^noisy +true +environment: DL_JOBS_NOISY$/m);
    expect(stdout).toMatch(/^workers +3 +command line: --workers$/m);
    expect(stdout).toMatch(/^gpus +0 +default$/m);
    expect((await capture(['config', '--info', 'noisy=false'], cwd)).code).toBe(2);
  });
});
