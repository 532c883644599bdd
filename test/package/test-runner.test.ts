/** `npm test` of a small project: which Pythons it takes, how it names what failed; and what `.ci/run` makes of that. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repoRoot, runProcess, type RunResult } from '../support/project.js';
import { requires } from '../support/requires.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dl-jobs-runner-'));
  for (const name of ['scripts', 'vitest.config.ts', 'test/python/run.py', '.ci']) {
    cpSync(join(repoRoot, name), join(folder, name), { recursive: true });
  }
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(repoRoot, 'node_modules/vitest'), join(folder, 'node_modules/vitest'));
  mkdirSync(join(folder, 'bin'));
  symlinkSync(process.execPath, join(folder, 'bin/node'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function putCommand(name: string, text: string): void {
  put(name, `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** Runs where only the commands of the folder are there, and only the Pythons that it shows. */
const runHere = (
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<RunResult> =>
  runProcess(command, args, {
    cwd: folder,
    env: { PATH: join(folder, 'bin'), PYENV_ROOT: join(folder, 'pyenv'), ...env },
  });

const npmTest = (...args: readonly string[]): Promise<RunResult> =>
  runHere(process.execPath, ['scripts/test.mjs', '--no-build', ...args]);

const pythonTests = (name: string, ...bodies: readonly string[]): string =>
  [
    'import unittest',
    `class ${name}(unittest.TestCase):`,
    ...bodies.map((body, i) => `    def test_${String(i)}(self): ${body}`),
  ].join('\n');

describe('under which Pythons the Python suites run', requires('python3'), () => {
  let python: string;
  beforeEach(async () => {
    python = (await runProcess('python3', ['-c', 'import sys; print(sys.executable)'])).stdout.trim();
    // One that is among the quick ones, one that is not.
    put('test/python/test_timer.py', pythonTests('Timer', 'pass', 'pass'));
    put('test/python/test_host.py', pythonTests('Host', 'pass'));
    stands('bin/python3', 11);
  });

  /** The Python of this machine in a place where it says that it is another, and notes that it is used. */
  function stands(name: string, minor: number, implementation = 'cpython'): void {
    const identity = JSON.stringify([implementation, [3, minor], join(folder, name)]);
    putCommand(
      name,
      `if [ "$1" = -I ]; then echo '${identity}'; exit; fi\necho ${name} >>'${folder}/used'\nexec '${python}' "$@"`,
    );
  }
  const used = (): string[] => readFileSync(join(folder, 'used'), 'utf8').trimEnd().split('\n');

  test('one of each version; the oldest and python3 run all, the others what is quick', async () => {
    stands('pyenv/versions/3.9.2/bin/python', 9);
    stands('pyenv/versions/3.9.10/bin/python', 9);
    stands('pyenv/versions/3.7.17/bin/python', 7);
    stands('pyenv/versions/pypy3.10/bin/python', 10, 'pypy');
    mkdirSync(join(folder, 'pyenv/versions/half-installed'));
    // A link to python3, and one that is not the version of its name.
    stands('bin/python3.11', 11);
    stands('bin/python3.12', 8);
    stands('pyenv/versions/3.8.20/bin/python', 8);
    putCommand('bin/python3.8', 'echo "pyenv: python3.8: command not found" >&2; exit 127');
    putCommand('bin/python3.13', 'echo nothing');
    const { code, stdout } = await npmTest('test/python');
    expect(used()).toEqual([
      'bin/python3',
      'pyenv/versions/3.8.20/bin/python',
      'pyenv/versions/3.9.10/bin/python',
    ]);
    expect(stdout.trimEnd().split('\n')).toEqual([
      '',
      'Python 3.8',
      '',
      'Python 3.9, only what takes no time',
      '8 passed, 0 failed, 0 skipped',
    ]);
    expect(code).toBe(0);
  });

  test('chosen ones run under the same', async () => {
    stands('bin/python3.8', 8);
    stands('bin/python3.9', 9);
    expect((await npmTest('test/python/test_timer.py')).stdout).toMatch(/^6 passed, 0 failed, 0 skipped$/m);
    expect(used()).toEqual(['bin/python3', 'bin/python3.8', 'bin/python3.9']);
    rmSync(join(folder, 'used'));
    expect((await npmTest('test/python/test_host.py')).stdout).toMatch(/^2 passed, 0 failed, 0 skipped$/m);
    expect(used()).toEqual(['bin/python3', 'bin/python3.8']);
  });

  test('without the oldest version that is allowed, which one was the oldest', async () => {
    stands('bin/python3.12', 12);
    const { code, stdout } = await npmTest('test/python/test_host.py');
    expect(stdout).toBe(
      'Python 3.8 was not found: the oldest that was tested is 3.11\n1 passed, 0 failed, 0 skipped\n',
    );
    expect(code).toBe(0);
  });

  test('none on the second Node of CI', async () => {
    stands('bin/python3.9', 9);
    const args = ['scripts/test.mjs', '--no-build', 'test/python'];
    const { stdout } = await runHere(process.execPath, args, { DL_JOBS_SECOND_NODE: '1' });
    expect(stdout).toBe('0 passed, 0 failed, 0 skipped\n');
    expect(existsSync(join(folder, 'used'))).toBe(false);
  });

  test('a package that only python3 has to have', async () => {
    stands('bin/python3.8', 8);
    put(
      'test/python/test_host.py',
      pythonTests('Host', 'self.skipTest("missing: yaml: pip install pyyaml")'),
    );
    const { code, stdout } = await npmTest('test/python/test_host.py', '--no-missing');
    expect(stdout.trimEnd().split('\n').slice(-3)).toEqual([
      'failed: test/python/test_host.py > Host.test_0 (python3): skipped without --no-missing: missing: yaml: pip install pyyaml',
      'left out: 1 test in test/python (needs yaml: pip install pyyaml, for Python 3.8)',
      '0 passed, 1 failed, 1 skipped',
    ]);
    expect(code).toBe(1);
  });

  test('which tests failed, and under which Python, is said at the end', async () => {
    stands('bin/python3.8', 8);
    put('test/python/test_timer.py', pythonTests('Timer', 'self.assertEqual([1], [2])', 'raise KeyError'));
    put('test/python/test_host.py', 'import no_such_module');
    const { code, stdout } = await npmTest('test/python');
    const of = (name: string): string[] => [
      `failed: test/python/test_timer.py > Timer.test_0 (${name}): AssertionError: Lists differ: [1] != [2]`,
      `failed: test/python/test_host.py (${name}): ModuleNotFoundError: No module named 'no_such_module'`,
      `failed: test/python/test_timer.py > Timer.test_1 (${name}): KeyError`,
    ];
    expect(stdout.trimEnd().split('\n').slice(-7)).toEqual([
      ...of('python3'),
      ...of('Python 3.8'),
      '0 passed, 6 failed, 0 skipped',
    ]);
    expect(code).toBe(1);
  });
});

test('which tests of which files failed is said at the end', async () => {
  put(
    'test/sums/sum.test.ts',
    `import { describe, expect, test } from 'vitest';
     test('good', () => {});
     describe('sums', () => {
       test('one\\nand one', () => expect(1 + 1, 'of\\nlines').toBe(3));
     });`,
  );
  put('test/sums/broken.test.ts', `throw new Error('cannot be loaded');`);
  const { code, stdout } = await npmTest('test/sums');
  const lines = stdout.trimEnd().split('\n');
  expect(lines.pop()).toBe('1 passed, 2 failed, 0 skipped');
  expect(lines.slice(-2).sort()).toEqual([
    'failed: test/sums/broken.test.ts: cannot be loaded',
    'failed: test/sums/sum.test.ts > sums > one and one: AssertionError: of',
  ]);
  expect(lines.at(-3)).not.toMatch(/^failed: /);
  expect(code).toBe(1);
});

test('.ci/run says it again at its end, for both Nodes', async () => {
  for (const name of [
    'dirname',
    'mktemp',
    'rm',
    'cat',
    'tee',
    'tail',
    'tac',
    'sed',
    'mkdir',
    'chmod',
    'bash',
  ]) {
    const { stdout } = await runProcess('sh', ['-c', `command -v ${name}`]);
    symlinkSync(stdout.trim(), join(folder, 'bin', name));
  }
  // Nothing is missing, and so nothing is installed.
  const needed = readFileSync(join(folder, '.ci/run'), 'utf8').matchAll(/\[(\w+)\]=/g);
  for (const [, name = ''] of needed) putCommand(`bin/${name}`, '');
  const results = (...lines: readonly string[]): string =>
    [...lines, 'left out: 1 test'].map((line) => `echo '${line}'`).join('\n');
  put(
    'later-node',
    `#!/bin/sh
     case "$*" in
       --version) echo v99.0.0 ;;
       *lts*) echo true ;;
       *process.version) echo v99.0.0 ;;
       *) ${results('failed: test/c.test.ts > c: Error: third')}; echo '5 passed, 1 failed, 0 skipped'; exit 1 ;;
     esac`,
  );
  putCommand(
    'bin/npm',
    `case "$1" in
       install) mkdir -p node_modules/node/bin; cat '${folder}/later-node' >node_modules/node/bin/node
         chmod +x node_modules/node/bin/node ;;
       test) ${results('failed: of a log', 'more', 'failed: test/a.test.ts > a: Error: first', 'failed: test/b.test.ts: second')}
         echo '3 passed, 2 failed, 1 skipped'; exit 1 ;;
     esac`,
  );
  const { code, stdout } = await runHere('bash', ['.ci/run']);
  expect(stdout).toContain('nothing to install');
  expect(stdout.slice(stdout.indexOf('done')).split('\n').slice(1)).toEqual([
    '',
    `tests on node ${process.version}:`,
    'failed: test/a.test.ts > a: Error: first',
    'failed: test/b.test.ts: second',
    '',
    'tests on node v99.0.0:',
    'failed: test/c.test.ts > c: Error: third',
    '',
    `failed: tests on node ${process.version} tests on node v99.0.0`,
    '8 passed, 3 failed, 1 skipped',
    '',
  ]);
  expect(code).toBe(1);
});
