/** The batch script, run by bash as a node does, with small programs where Node.js and the tool would be. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { batchScript, SCRIPT_ENDS, type BatchScript } from '../../src/platforms/slurm/batch-script.js';

const HOSTILE = [
  'plain',
  ` a 'b' "c" $HOME \`d\` %A`,
  'new\nline\r\n and\ttab',
  'ünïcode 漢 \u0007 #!;&|*?[x]',
  "'",
];

function folder(name = 'x'): string {
  const dir = join(realpathSync(mkdtempSync(join(tmpdir(), 'dl-script-'))), name);
  mkdirSync(dir, { recursive: true });
  return dir;
}

/** A tool that tells what it was called with. */
const TOOL = `
import { writeFileSync } from 'node:fs';
const { argv, env, execPath } = process;
writeFileSync(process.env.TOLD, JSON.stringify({ argv: argv.slice(2), env, execPath, cwd: process.cwd() }));
`;

interface Told {
  readonly argv: string[];
  readonly env: Record<string, string>;
  readonly execPath: string;
  readonly cwd: string;
}

function makeTool(dir: string): string {
  const tool = join(dir, 'tool');
  mkdirSync(join(tool, 'dist/cli'), { recursive: true });
  writeFileSync(join(tool, 'package.json'), '{"type":"module"}');
  writeFileSync(join(tool, 'dist/cli/bin.js'), TOOL);
  return tool;
}

function program(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/** Runs it, as slurmd does: a copy of the script, somewhere else. */
function run(
  options: Partial<BatchScript>,
  env: Record<string, string> = {},
): { code: number | null; stderr: string; told: Told | null } {
  const place = folder();
  const dir = options.dir ?? place;
  const text = batchScript({
    dir,
    round: 3,
    tool: makeTool(dir),
    projectRoot: folder(),
    node: '',
    ownNode: process.execPath,
    setup: [],
    seconds: null,
    ...options,
  });
  expect(text.startsWith('#!/bin/bash\n')).toBe(true);
  expect(text).not.toContain('\r\n');
  const script = program(join(place, 'slurm_script'), text);
  const told = join(place, 'told');
  const { status, stderr } = spawnSync(script, [], {
    encoding: 'utf8',
    cwd: place,
    env: { HOME: homedir(), PATH: '/usr/bin:/bin', TOLD: told, ...env },
  });
  let what: Told | null = null;
  try {
    what = JSON.parse(readFileSync(told, 'utf8')) as Told;
  } catch {
    // The tool was not started.
  }
  return { code: status, stderr, told: what };
}

describe('the batch script', () => {
  test.each(HOSTILE)('becomes the worker of a run in the folder %j', (name) => {
    const dir = folder(name);
    const { code, stderr, told } = run({ dir });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(told?.argv).toEqual(['worker', '--run', dir, '--round', '3']);
    expect(told?.execPath).toBe(realpathSync(process.execPath));
  });

  test('passes any path on, also one that Node.js loads nothing from', () => {
    const dir = folder('a\\b\\\nc');
    const { code, told } = run({ dir, tool: makeTool(folder()) });
    expect([code, told?.argv[2]]).toEqual([0, dir]);
  });

  test('gives the worker the environment it has, and the seconds that are left', () => {
    const { told } = run({ seconds: 600, setup: ['sleep 1.1'] }, { SECRET: 'a b\n"c"' });
    expect(told?.env['SECRET']).toBe('a b\n"c"');
    expect(Number(told?.env['DL_JOBS_WORKER_SECONDS'])).toBeLessThan(600);
    expect(Number(told?.env['DL_JOBS_WORKER_SECONDS'])).toBeGreaterThan(500);
    expect(run({}).told?.env['DL_JOBS_WORKER_SECONDS']).toBeUndefined();
  });

  test('says that the folder of the run is not there', () => {
    const { code, stderr } = run({ tool: '/nowhere/at all/tool' }, { SLURMD_NODENAME: 'n7' });
    expect(SCRIPT_ENDS).toHaveProperty(String(code));
    expect(stderr).toMatch(
      /^dl_jobs: on n7: \/nowhere\/at all\/tool\S+ is not there; is the folder .* share\?\n$/,
    );
  });
});

describe('setup', () => {
  test('changes the environment of the worker', () => {
    const { told, code } = run({
      setup: [
        'export A="b  c"; export QUOTE="it\'s"',
        'if true; then',
        '  export B=$((1 + 1))',
        'fi',
        'cat > text <<END',
        'here $A',
        'END',
        'export C="$(cat text)"',
        'false || export D=ü',
        'if false; then export E=1; fi',
        'set -euo pipefail',
      ],
    });
    expect(code).toBe(0);
    expect(told?.env).toMatchObject({ A: 'b  c', QUOTE: "it's", B: '2', C: 'here b  c', D: 'ü' });
    expect(told?.env['E']).toBeUndefined();
  });

  test.each(HOSTILE)('begins in the root of the project, and the worker is there, too: %j', (name) => {
    const projectRoot = folder(name);
    writeFileSync(join(projectRoot, 'activate'), 'export ACTIVE="$PWD"\n');
    program(join(projectRoot, 'env/bin/node'), `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
    const setup = ['source ./activate', 'cd /', 'export PATH=env/bin:$PATH'];
    const { told, stderr } = run({ projectRoot, setup, ownNode: '/nowhere' });
    expect(stderr).toBe('');
    expect(told).toMatchObject({ cwd: projectRoot, env: { ACTIVE: projectRoot } });
  });

  test('says that the project is not there', () => {
    const { code, stderr, told } = run({ projectRoot: '/nowhere/at all', setup: ['true'] });
    expect([told, code]).toEqual([null, 84]);
    expect(SCRIPT_ENDS).toHaveProperty('84');
    expect(stderr).toMatch(
      /^dl_jobs: on \S+: \/nowhere\/at all cannot be entered; is the project .* share\?$/m,
    );
    expect(run({ projectRoot: '/nowhere' }).code).toBe(0);
  });

  test('may have line ends of DOS, and lines that look like options of sbatch', () => {
    const { told } = run({ setup: ['export A=1\r\nexport B=2', '#SBATCH --array=0-99', '#!/bin/sh'] });
    expect(told?.env).toMatchObject({ A: '1', B: '2' });
  });

  test.each([
    [['false'], 'exit code 1: false'],
    [['export A=1', 'ls /nowhere/at/all', 'export B=1'], 'ls /nowhere/at/all'],
    [['no_such_command --x'], 'exit code 127: no_such_command --x'],
    [['exit 3'], 'ended the script with exit code 3'],
    [['exit'], 'ended the script with exit code 0'],
    [['set -e', 'false'], 'exit code 1'],
    [['set -u', 'echo $NOT_THERE'], 'exit code 1'],
    [["export A='never closed"], 'exit code'],
    [['if true; then'], 'exit code'],
    [['module load nowhere'], 'module load nowhere'],
    [['source /nowhere/activate'], 'source /nowhere/activate'],
  ])('that fails is told, and starts no worker: %j', (setup, words) => {
    const { code, stderr, told } = run({ setup });
    expect(told).toBe(null);
    expect(stderr).toContain(words);
    expect(stderr.match(/^dl_jobs: on /gm)).toHaveLength(1);
    expect(code).toBe(81);
  });

  test('finds `module` where it did not come with the environment', () => {
    const home = folder();
    program(join(home, 'init/bash'), 'module() { export LOADED="$*"; }\n');
    const { told } = run({ setup: ['module load gcc/13'] }, { MODULESHOME: home });
    expect(told?.env['LOADED']).toBe('load gcc/13');
    const own = run(
      { setup: ['module load gcc/13'] },
      { MODULESHOME: home, 'BASH_FUNC_module%%': '() { export MINE=1; }' },
    );
    expect(own.told?.env['MINE']).toBe('1');
    expect(own.told?.env['LOADED']).toBeUndefined();
  });
});

describe('Node.js', () => {
  const place = folder("no 'de\n$x");
  const own = program(join(place, 'own/node'), `#!/bin/sh\nexport WHO="$0"; exec ${process.execPath} "$@"\n`);
  const old = program(join(place, 'old/node'), '#!/bin/sh\necho v18.20.1\n');
  const broken = program(
    join(place, 'broken/node'),
    '#!/bin/sh\necho "cannot execute: wrong machine" >&2; exit 126\n',
  );

  test('is that of whoever submits, or else the one on PATH', () => {
    expect(run({ ownNode: own }).told?.env['WHO']).toBe(own);
    for (const other of ['/nowhere/node', old, broken, place]) {
      expect(run({ ownNode: other }, { PATH: `${dirname(own)}:/usr/bin:/bin` }).told?.env['WHO']).toBe(own);
    }
  });

  test('is that of the setting alone where there is one: a path, a name, relative to the project, or to the home', () => {
    expect(run({ node: own, ownNode: '/nowhere' }).told?.env['WHO']).toBe(own);
    const named = program(join(place, 'bin/node 20'), readFileSync(own, 'utf8'));
    expect(run({ node: 'node 20' }, { PATH: `${dirname(named)}:/usr/bin:/bin` }).told?.env['WHO']).toBe(
      named,
    );
    expect(run({ node: './own/node', projectRoot: place }).told?.env['WHO']).toBe(own);
    expect(run({ node: '~/own/node' }, { HOME: place }).told?.env['WHO']).toBe(own);
    const { code, stderr, told } = run({ node: '/nowhere/node' }, { PATH: `${dirname(own)}:/usr/bin:/bin` });
    expect([code, told]).toEqual([82, null]);
    expect(stderr).toContain('/nowhere/node is not there');
  });

  test('may come with a module', () => {
    const { told } = run({
      ownNode: '/nowhere',
      setup: [`PATH='${dirname(own).replaceAll("'", "'\\''")}':$PATH`],
    });
    expect(told?.env['WHO']).toBe(own);
  });

  test('that is missing, too old or broken is named', () => {
    const bare = program(join(place, 'bare/env'), '#!/bin/sh\n');
    const at = (path: string): string => `${path}:${dirname(bare)}`;
    for (const [ownNode, path, words] of [
      ['/nowhere/node', '', ['/nowhere/node or `node` on PATH', '/nowhere/node is not there']],
      [old, dirname(broken), [`${old} is v18.20.1`, `${broken} says: cannot execute: wrong machine`]],
    ] as const) {
      const { code, stderr, told } = run({ ownNode }, { PATH: at(path) });
      expect([code, told]).toEqual([82, null]);
      for (const word of ['Node.js 20.19 or later', '`setup`', ...words]) expect(stderr).toContain(word);
    }
  });
});
