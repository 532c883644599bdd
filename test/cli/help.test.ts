import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { renderFunctionHelp, renderHelp } from '../../src/cli/help.js';
import { COMMAND_NAMES } from '../../src/cli/command-table.js';
import { OPTIONS } from '../../src/cli/options.js';
import { readSignatures } from '../../src/snapshot/signature.js';
import { capture } from './capture.js';

describe('help', () => {
  it('lists every command with its options, types and defaults', () => {
    for (const name of COMMAND_NAMES) {
      expect(renderHelp()).toContain(`\n  ${name} `);
      const text = renderHelp(name);
      for (const option of OPTIONS.filter(({ commands }) => commands.includes(name))) {
        expect(text).toContain(`--${option.name} ${option.metavar}`);
      }
    }
    expect(renderHelp('run')).toContain('Usage: dl_jobs run [OPTIONS] METHOD [ARGS] [KWARGS]');
    expect(renderHelp('run')).toMatch(/--cpus N .*\[default: 1\]/);
  });

  it("shows a function's parameters, defaults and comment", async () => {
    const [segment] = await readSignatures(
      `/**
        * Segments a place.
        *
        * @param place - its name
        */
       export function segment(place: string, zoom = 8, { limit = 10, dry }: { limit?: number; dry?: boolean } = {}) {}`,
      'tiles.ts',
    );
    const text = renderFunctionHelp('tiles.segment', segment!);
    expect(text).toContain(
      'Usage: dl_jobs run [OPTIONS] tiles.segment PLACE [ZOOM] [limit=VALUE] [dry=VALUE]',
    );
    expect(text).toContain('  Segments a place.\n');
    expect(text).toMatch(/PLACE +string/);
    expect(text).toMatch(/\[ZOOM\] +\[default: 8\]/);
    expect(text).toMatch(/\[limit=VALUE\] +\[default: 10\]/);
  });
});

describe('the program', () => {
  it('prints help and version on standard output and exits 0', async () => {
    for (const argv of [['--help'], ['run', '--help'], ['config', '-h'], ['map', 'x.y', '--help']]) {
      const { code, stdout, stderr } = await capture(argv, tmpdir());
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: dl_jobs/);
    }
    expect(await capture(['--version'], tmpdir())).toMatchObject({ code: 0, stdout: '0.0.0-dev\n' });
  });

  it('prints help on standard error and exits 2 without a command', async () => {
    const { code, stdout, stderr } = await capture([], tmpdir());
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage/);
  });

  it('prints a mistake with its code and what to do, without a stack', async () => {
    const { code, stdout, stderr } = await capture(['run', 'a', '--nosy'], tmpdir());
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: .*`--nosy` \[UNKNOWN_OPTION\]\n {2}Did you mean `--noisy`\?/);
    expect(stderr).not.toContain('    at ');
  });
});
