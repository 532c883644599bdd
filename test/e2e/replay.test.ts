/**
 * `dl_jobs replay`: one recorded task again, on the user's terminal, with nothing written to the run.
 * lines: one project of tasks in both languages, and each way to replay them.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { start } from './gated.js';
import { runDir } from './journal.js';
import { isRunning, onLinux, until } from './processes.js';

const TS = `
import { readFileSync, writeFileSync } from 'node:fs';
export function f(kind: string) {
  console.log('out ' + kind);
  if (kind === 'throw') throw new RangeError('too "small",\\nreally');
  if (kind === 'returned') return { ERROR: 'said', detail: 1 };
  if (kind === 'list') return [{ a: 1 }, 'ERROR bad', null, 'ü\\u2028'];
  if (kind === 'nothing') return undefined;
  if (kind === 'exit') process.exit(7);
  if (kind === 'signal') process.kill(process.pid, 'SIGKILL');
  if (kind === 'stdin') return { line: readFileSync(0, 'utf8') };
  if (kind === 'where') return { cwd: process.cwd(), token: process.env.TOKEN ?? null };
  if (kind === 'stuck') { writeFileSync('stuck.pid', String(process.pid)); for (;;); }
  return { kind, nan: NaN };
}
export const both = (...words: unknown[]) => ({ words });
`;
const PY = `
import os, sys
def f(kind):
    print('out ' + kind)
    if kind == 'throw': raise ValueError('too "small",\\nreally')
    if kind == 'returned': return {'ERROR': 'said', 'detail': 1}
    if kind == 'list': return [{'a': 1}, 'ERROR bad', None, 'ü\\u2028']
    if kind == 'nothing': return None
    if kind == 'exit': os._exit(7)
    if kind == 'signal': os.kill(os.getpid(), 9)
    if kind == 'stdin': return {'line': sys.stdin.read()}
    if kind == 'where': return {'cwd': os.getcwd(), 'token': os.environ.get('TOKEN')}
    if kind == 'stuck':
        open('stuck.pid', 'w').write(str(os.getpid()))
        while True: pass
    return {'kind': kind, 'nan': float('nan')}
def both(*words, **more):
    return {'words': list(words) + ([more] if more else [])}
`;
const KINDS = [
  'throw',
  'returned',
  'list',
  'nothing',
  'exit',
  'signal',
  'stdin',
  'where',
  'a "b"\nü__proto__',
];
const task = (kind: string) => String(KINDS.indexOf(kind));
const ODD = KINDS.at(-1) as string;

/** A project whose run has recorded these tasks; they ran by a harmless version of the code. */
async function recorded(
  folder: 'ts' | 'py',
  config = '',
  files: Record<string, string> = {},
): Promise<Project> {
  const harmless = folder === 'ts' ? 'export const f = () => 1;' : 'def f(kind): return 1\n';
  const p = makeProject(
    {
      'dl_jobs.config.yaml': `noisy: false\nprint_logs: false\n${config}`,
      [`${folder}/t.${folder}`]: harmless,
      'kinds.ndjson': [...KINDS, 'stuck'].map((kind) => `${JSON.stringify(kind)}\n`).join(''),
      ...files,
    },
    { hostilePath: true },
  );
  const { code, stderr } = await p.run(['map', `${folder}.t.f`, '--args_list', 'kinds.ndjson'], {
    env: { TOKEN: 'of the run', GIVEN: 'of the run' },
  });
  expect(code, stderr).toBe(0);
  writeFileSync(p.path(`${folder}/t.${folder}`), folder === 'ts' ? TS : PY);
  return p;
}

/** All there is in a folder, byte for byte, with the times of the last changes. */
function contents(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (path: string): void => {
    const stat = lstatSync(path, { bigint: true });
    const what = stat.isSymbolicLink()
      ? readlinkSync(path)
      : stat.isDirectory()
        ? readdirSync(path).join('\n')
        : readFileSync(path, 'latin1');
    found[path] = `${stat.mtimeNs} ${stat.ino} ${what}`;
    if (stat.isDirectory()) for (const name of readdirSync(path)) walk(join(path, name));
  };
  walk(folder);
  return found;
}

describe.each([
  ['TypeScript', 'ts', { skip: false }],
  ['Python', 'py', requires('python3')],
] as const)('a recorded task in %s', (_, folder, options) => {
  test('runs with the code as it is now, or as it was', options, async () => {
    const p = await recorded(folder);
    expect(await p.run(['replay', '--task', task(ODD)])).toMatchObject({
      code: 0,
      stdout: `out ${ODD}\n${JSON.stringify({ kind: ODD, nan: null })}\n`,
      stderr: `task ${task(ODD)}: ok\n`,
    });
    expect(await p.run(['replay', '--task', task(ODD), '--code', 'run'])).toMatchObject({
      code: 0,
      stdout: '1\n',
    });
    const nothing = await p.run(['replay', '--task', task('nothing')]);
    expect(nothing).toMatchObject({ code: 0, stdout: 'out nothing\n', stderr: 'task 3: ok, no result\n' });
  });

  test('tells how it fails, by the user’s own files', options, async () => {
    const p = await recorded(folder);
    const thrown = await p.run(['replay', '--task', task('throw')]);
    expect(thrown).toMatchObject({ code: 1, stdout: 'out throw\n' });
    expect(thrown.stderr).toContain('task 0: exception: ');
    expect(thrown.stderr).toContain('Error: too "small",\nreally');
    const line = (folder === 'ts' ? TS : PY)
      .slice(0, (folder === 'ts' ? TS : PY).indexOf('too'))
      .split('\n').length;
    const place =
      folder === 'ts' ? `${p.path('ts/t.ts')}:${line}:` : `"${p.path('py/t.py')}", line ${line}, in f`;
    expect(thrown.stderr).toContain(place);
    expect(thrown.stderr).not.toContain('/cache/');
    const returned = await p.run(['replay', '--task', task('returned')]);
    expect(returned).toMatchObject({ code: 1, stdout: 'out returned\n', stderr: 'task 1: returned: said\n' });
    const list = await p.run(['replay', '--task', task('list')]);
    expect(list).toMatchObject({
      code: 1,
      stdout: 'out list\n{"a":1}\n"ü\u2028"\n',
      stderr: 'task 2: returned: ERROR bad\n',
    });
  });

  test('may take its process with it', options, async () => {
    const p = await recorded(folder);
    const exit = await p.run(['replay', '--task', task('exit')]);
    expect(exit.code).toBe(1);
    expect(exit.stderr).toContain('task 4: crash: the process ended with exit code 7 before the task did\n');
    const signal = await p.run(['replay', '--task', task('signal')]);
    expect(signal.code).toBe(1);
    expect(signal.stderr).toContain(
      'task 5: crash: the process ended with signal SIGKILL before the task did\n',
    );
  });

  test('has the user’s own standard input', options, async () => {
    const p = await recorded(folder);
    const { stdout } = await p.run(['replay', '--task', task('stdin')], { input: 'typed "ü"\n' });
    expect(stdout).toBe('out stdin\n{"line":"typed \\"ü\\"\\n"}\n');
  });

  test('leaves the run as it is', options, async () => {
    const p = await recorded(folder);
    const dir = runDir(p.dir);
    const before = contents(dir);
    const outputs = contents(p.path('results'));
    for (const kind of [ODD, 'throw', 'exit']) {
      await p.run(['replay', '--task', task(kind)]);
      await p.run(['replay', dir, '--task', task(kind), '--code', 'run']);
    }
    await p.run(['replay', '--task', '999']);
    expect(contents(dir)).toEqual(before);
    expect(contents(p.path('results'))).toEqual(outputs);
    expect(readdirSync(p.path('dl_jobs/runs'))).toHaveLength(1);
  });

  test('runs where the run was started, with the variables that its job names', options, async () => {
    const p = await recorded(folder, 'env:\n  TOKEN: null\n  GIVEN: secret of the job\n', {
      'deep/er/.keep': '',
    });
    const replay = (env: Record<string, string | undefined>) =>
      p.run(['replay', '--task', task('where')], { cwd: 'deep/er', env });
    const missing = await replay({ TOKEN: undefined, GIVEN: 'x' });
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toMatch(/got none called TOKEN \[ENV_MISSING\]\n.*export TOKEN=/);
    const given = await replay({ TOKEN: 'x', GIVEN: undefined });
    expect(given.code).toBe(2);
    expect(given.stderr).toMatch(/got none called GIVEN \[ENV_MISSING\]\n.*recorded nowhere.*export GIVEN=/);
    const { stdout } = await replay({ TOKEN: 'now', GIVEN: 'x' });
    expect(JSON.parse(stdout.replace('out where\n', ''))).toEqual({ cwd: p.dir, token: 'now' });
  });

  test('may be the one call of a job', options, async () => {
    const p = makeProject({
      [`${folder}/t.${folder}`]: folder === 'ts' ? TS : PY,
      'run/j.ts': `import { DLJob } from 'dl-jobs';
        export const task = () => new DLJob({ moduleName: '${folder}.t', methodName: 'both', args: [1, 'ü'], kwargs: { k: [null] } });`,
    });
    await p.run(['run', 'j']);
    expect((await p.run(['replay', '--task=0'])).stdout).toBe('{"words":[1,"ü",{"k":[null]}]}\n');
    expect((await p.run(['replay', '--task=1'])).stderr).toContain(
      'the only one is 0, got 1 [TASK_NOT_FOUND]',
    );
  });

  test('cannot be run when its function cannot be loaded', options, async () => {
    const p = await recorded(folder);
    const file = p.path(`${folder}/t.${folder}`);
    writeFileSync(file, folder === 'ts' ? 'export const g = () => 1;' : 'def g(kind): return 1\n');
    const renamed = await p.run(['replay', '--task', '0']);
    expect(renamed).toMatchObject({ code: 2, stdout: '' });
    expect(renamed.stderr).toContain('[TASK_FUNCTION_NOT_FOUND]');
    writeFileSync(file, folder === 'ts' ? "throw new Error('no luck');" : "raise ValueError('no luck')\n");
    const broken = await p.run(['replay', '--task', '0']);
    expect(broken.code, broken.stderr).toBe(2);
    expect(broken.stderr).toMatch(
      /Error: no luck[^]*\[MODULE_LOAD_FAILED\]|\[MODULE_LOAD_FAILED\][^]*Error: no luck/,
    );
    expect((await p.run(['replay', '--task', '0', '--code=run'])).code).toBe(0);
  });

  test(
    'ends with Ctrl-C, and when we are killed',
    { ...onLinux, skip: onLinux.skip || options.skip },
    async () => {
      const p = await recorded(folder);
      const pid = () =>
        existsSync(p.path('stuck.pid')) ? Number(readFileSync(p.path('stuck.pid'), 'utf8')) : 0;
      const first = start(p, ['replay', '--task', String(KINDS.length)]);
      await until('the task is stuck', () => pid() !== 0);
      first.child.kill('SIGINT');
      expect(await first.result).toMatchObject({ code: 130 });
      expect(isRunning(pid())).toBe(false);
      writeFileSync(p.path('stuck.pid'), '');
      const second = start(p, ['replay', '--task', String(KINDS.length)]);
      await until('the task is stuck again', () => pid() !== 0);
      second.child.kill('SIGKILL');
      await second.result;
      await until('the host is gone', () => !isRunning(pid()));
    },
  );
});

test('a task that is not there, or not named, is an error', async () => {
  const p = await recorded('ts');
  const replay = async (...args: string[]) => (await p.run(['replay', ...args])).stderr;
  expect(await replay()).toContain('expected --task N, got none [USAGE]');
  expect(await replay('--task', '99')).toContain('[TASK_NOT_FOUND]');
  expect(await replay('--task', '0', '--code', 'old')).toContain('expected one of new, run');
  expect(await replay('nope', '--task', '0')).toContain('[RUN_NOT_FOUND]');
});

test('a folder that is gone is said to be', async () => {
  const p = makeProject({ 'dl_jobs.config.yaml': '', 'ts/t.ts': TS, 'one.ndjson': '"x"\n' });
  mkdirSync(p.path('here'));
  await p.run(['map', 'ts.t.f', '--args_list', '../one.ndjson'], { cwd: 'here' });
  rmSync(p.path('here'), { recursive: true });
  const { code, stderr } = await p.run(['replay', '--task', '0']);
  expect(code).toBe(3);
  expect(stderr).toContain(`${p.path('here')}: it is not there [HOST_START_FAILED]`);
});

describe('under a debugger', () => {
  test('a task in TypeScript waits for one to attach', async () => {
    const p = await recorded('ts');
    let stderr = '';
    const run = start(p, ['replay', '--task', task(ODD), '--inspect'], {
      // A port of its own: others may be debugging here.
      env: { NODE_OPTIONS: '--inspect-port=0' },
    });
    run.child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await until('it says where', () => /Debugger listening on ws:\S+/.test(stderr));
    const address = /Debugger listening on ws:\/\/(\S+?)\//.exec(stderr)?.[1] as string;
    const targets = (await (await fetch(`http://${address}/json/list`)).json()) as { url: string }[];
    expect(targets.map(({ url }) => url)).toEqual([expect.stringContaining('/node-host.js')]);
    expect(run.stdout()).toBe('');
    run.child.kill('SIGINT');
    expect(await run.result).toMatchObject({ code: 130, stdout: '' });
  });

  test('a task in Python stops at its first line', requires('python3'), async () => {
    const p = await recorded('py');
    const { code, stdout } = await p.run(['replay', '--task', task(ODD), '--inspect'], {
      input: 'p kind\nc\n',
    });
    expect(stdout).toContain("-> print('out ' + kind)");
    expect(stdout).toContain(`(Pdb) ${JSON.stringify(ODD).replaceAll('\\"', '"').replace(/^"|"$/g, "'")}`);
    expect(stdout).toContain(`out ${ODD}`);
    expect(stdout.endsWith(`${JSON.stringify({ kind: ODD, nan: null })}\n`)).toBe(true);
    expect(code).toBe(0);
  });
});
