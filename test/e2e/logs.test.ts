/** `dl_jobs logs`: what tasks wrote, of runs that have ended, that run, and that were killed. */
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject } from '../support/project.js';
import { requires } from '../support/requires.js';
import { addShard, gatedProject, killHard, printed, start } from './gated.js';
import { runDir } from './journal.js';
import { isRunning, until } from './processes.js';

const FILES = {
  'dl_jobs.config.yaml': "noisy: false\nprint_logs: false\nsuppress: ['hide, ü']\n",
  'tasks/t.ts': `
    export function speak(i: number) {
      if (i % 3 === 0) return;
      console.log('out ' + i + ' "quoted" \\t日本 \\u2028');
      console.error('please hide, ü me');
      process.stdout.write('  no newline ' + i);
      if (i % 3 === 2) throw new Error('no ' + i);
    }`,
  'tasks/p.py': `
import sys
def speak(i):
    if i % 3 == 0: return
    print('out %d "quoted" \\t日本 \\u2028' % i)
    print('please hide, ü me', file=sys.stderr)
    sys.stdout.write('  no newline %d' % i)
    if i % 3 == 2: raise ValueError('no %d' % i)
`,
  'six.ndjson': '0\n1\n2\n3\n4\n5\n',
};
const line = (i: number) => `out ${i} "quoted" \t日本 \u2028\n`;
const shown = (i: number) => `logs[${i}]\n${line(i)}  no newline ${i}\n`;
/** Blocks of output, each with its head. */
const blocks = (text: string) => text.split(/^(?=logs\[)/m).sort();

describe.each([
  ['TypeScript', 't', {}],
  ['Python', 'p', requires('python3')],
])('of a run in %s that has ended', (_, module, options) => {
  async function ended() {
    const p = makeProject(FILES, { hostilePath: true });
    await p.run(['map', `tasks.${module}.speak`, '--args_list', 'six.ndjson', '--workers', '2']);
    return p;
  }

  test('shows each task that wrote something, or those that failed', options, async () => {
    const p = await ended();
    const all = await p.run(['logs']);
    expect(all).toMatchObject({ code: 0, stderr: '' });
    expect(blocks(all.stdout)).toEqual([shown(1), shown(2), shown(4), shown(5)]);
    const failed = await p.run(['logs', runDir(p.dir), '--errors']);
    expect(failed).toMatchObject({ code: 0, stderr: '' });
    expect(blocks(failed.stdout)).toEqual([shown(2), shown(5)]);
    // Nobody controls it, so there is nothing to wait for.
    expect((await p.run(['logs', '-f'])).stdout).toBe(all.stdout);
  });

  test('shows one task as it wrote', options, async () => {
    const p = await ended();
    const one = await p.run(['logs', '--task', '4']);
    const [order] = one.stdout.match(/please hide, ü me\n/) ?? [];
    expect(order).toBeDefined();
    expect(one.stdout.replace('please hide, ü me\n', '')).toBe(`${line(4)}  no newline 4`);
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(await p.run(['logs', '--task=5', '--follow'])).toMatchObject({ code: 0, stderr: '' });
    const silent = await p.run(['logs', '--task', '3']);
    expect(silent).toMatchObject({ code: 0, stdout: '', stderr: 'task 3 wrote nothing\n' });
    const beyond = await p.run(['logs', '--task', '6']);
    expect(beyond).toMatchObject({ code: 2, stdout: '' });
    expect(beyond.stderr).toMatch(/expected the index of a task, from 0 to 5, got 6 \[TASK_NOT_FOUND\]/);
  });
});

describe('of a run that has ended', () => {
  async function ended() {
    const p = makeProject(FILES);
    await p.run(['map', 'tasks.t.speak', '--args_list', 'six.ndjson', '--workers', '1']);
    return { p, dir: runDir(p.dir) };
  }

  test('shows all attempts, and says which is which', async () => {
    const { p, dir } = await ended();
    const error = { type: 'Timeout', message: 'late' };
    addShard(
      dir,
      'zzz',
      [
        { v: 1, k: 'start', r: 2, h: 0, b: 1, p: [[2, 1]], a: 1, at: 1 },
        {
          v: 1,
          k: 'end',
          t: 2,
          r: 2,
          a: 1,
          s: 'error',
          ft: 'timeout',
          fin: false,
          at: 1,
          d: 1,
          log: [0, 0, 6],
          error,
        },
        { v: 1, k: 'end', t: 2, r: 2, a: 2, s: 'ok', at: 1, d: 1, log: [0, 6, 13], value: 1 },
        { v: 1, k: 'end', t: 5, r: 2, a: 1, s: 'error', ft: 'lost', at: 1, d: 1, error },
      ],
      'first\nsecond\n',
    );
    const one = await p.run(['logs', '--task', '2']);
    expect(one.stdout).toContain(line(2));
    expect(one.stdout.endsWith('  no newline 2first\nsecond\n')).toBe(true);
    expect(one.stderr).toBe(
      '-- round 1, attempt 1: exception\n-- round 2, attempt 1: timeout\n-- round 2, attempt 2: ok\n',
    );
    const all = await p.run(['logs']);
    expect(blocks(all.stdout)).toEqual(
      ['logs[2]\nfirst\n', 'logs[2]\nsecond\n', shown(1), shown(2), shown(4), shown(5)].sort(),
    );
    // Its last outcome is ok now; that of task 5 still is an error.
    expect(blocks((await p.run(['logs', '--errors'])).stdout)).toEqual([shown(5)]);
  });

  test('says when output is gone', async () => {
    const { p, dir } = await ended();
    const log = join(dir, 'logs', readdirSync(join(dir, 'logs'))[0] as string);
    truncateSync(log, readFileSync(log).length - 3);
    const cut = await p.run(['logs']);
    expect(cut.code).toBe(0);
    expect(cut.stdout.endsWith('  no newlin\n')).toBe(true);
    expect(cut.stderr).toBe(`output is missing: ${log} is gone, or shorter than it was\n`);
    expect((await p.run(['logs', '--task', '1'])).stderr).toBe('');
    expect((await p.run(['logs', '--task', '5'])).stderr).toContain(log);
    rmSync(log);
    const gone = await p.run(['logs', '--task', '1']);
    expect(gone).toMatchObject({ code: 0, stdout: '' });
    expect(gone.stderr).toContain(log);
    expect((await p.run(['logs'])).stderr.match(/is gone/g)).toHaveLength(1);
  });

  test('refuses what it cannot do', async () => {
    const { p } = await ended();
    const wrong = async (...args: string[]) => (await p.run(['logs', ...args])).stderr;
    expect(await wrong('--task', '1', '--errors')).toContain('expected --task or --errors, got both [USAGE]');
    expect(await wrong('--task', '-1')).toContain('[USAGE]');
    expect(await wrong('--task', '1.5')).toContain('[USAGE]');
    expect(await wrong('nope')).toContain('[RUN_NOT_FOUND]');
    expect(await wrong('2', '3')).toContain('expected one RUN');
  });

  test('ends quietly when its reader has gone', async () => {
    const p = makeProject({
      ...FILES,
      'tasks/loud.ts':
        "export const loud = () => { for (let i = 0; i < 20; i++) console.log('x'.repeat(100_000)); };",
    });
    await p.run(['map', 'tasks.loud.loud', '--args_list', 'six.ndjson']);
    const result = await p.run(['logs'], {
      onStart: (child) => child.stdout?.once('data', () => child.stdout?.destroy()),
    });
    expect(result).toMatchObject({ code: 0, stderr: '' });
  });
});

describe.each([
  ['TypeScript', 'ts', {}],
  ['Python', 'py', requires('python3')],
])('of a run in %s that goes on', (_, folder, options) => {
  const begin = () => {
    const p = gatedProject({ 'three.ndjson': '0\n1\n2\n' });
    const args = ['map', `${folder}.gated.gated`, '--args_list', 'three.ndjson', '--workers', '1'];
    return { p, run: start(p, args) };
  };

  test('follows all tasks as they end, until the run ends', options, async () => {
    const { p, run } = begin();
    await until('the first task begins', () => existsSync(p.path('pid-0')));
    const logs = start(p, ['logs', '-f']);
    const errors = start(p, ['logs', '-f', '--errors']);
    p.open('0', '0-b');
    await until('the first task is shown', () => logs.stdout().includes('end 0\n'));
    // The second one has begun, but not ended.
    await until('the second task begins', () => existsSync(p.path('pid-1')));
    expect(logs.stdout()).toBe(`logs[0]\n${printed(0)}`);
    p.open('1', '1-b', '2', '2-b');
    expect((await run.result).code).toBe(0);
    const wanted = [0, 1, 2].map((i) => `logs[${i}]\n${printed(i)}`).join('');
    expect(await logs.result).toMatchObject({ code: 0, stdout: wanted, stderr: '' });
    expect(await errors.result).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('follows one task from its begin to its end, line by line', options, async () => {
    const { p, run } = begin();
    await until('the first task begins', () => existsSync(p.path('pid-0')));
    const second = start(p, ['logs', '--task', '1', '--follow']);
    const third = start(p, ['logs', '--task', '2', '--follow']);
    await until('a look at the first shows it', () => readdirSync(join(runDir(p.dir), 'logs')).length > 0);
    p.open('0', '0-b');
    await until('its first line is shown', () => second.stdout() === 'begin 1 ü日本\n');
    p.open('1');
    await until('what has no newline is shown', () => second.stdout().endsWith('middle 1, no newline'));
    const looked = await p.run(['logs', '--task', '1']);
    expect(looked.stdout).toBe('begin 1 ü日本\nmiddle 1, no newline');
    expect(looked.stderr).toContain('task 1 is running');
    expect((await p.run(['logs', '--task', '2'])).stderr).toMatch(/task 2 (has not run|is about to run)/);
    expect(third.stdout()).toBe('');
    p.open('1-b');
    // It ends with its task, not with the run.
    expect(await second.result).toMatchObject({ code: 0, stdout: printed(1), stderr: '' });
    expect(run.child.exitCode).toBeNull();
    p.open('2', '2-b');
    expect(await third.result).toMatchObject({ code: 0, stdout: printed(2), stderr: '' });
    expect((await run.result).code).toBe(0);
  });

  test('shows what a killed run had written', options, async () => {
    const { p, run } = begin();
    p.open('0', '0-b', '1');
    await until('the second task begins', () => existsSync(p.path('pid-1')));
    const live = start(p, ['logs', '--task', '1', '-f']);
    await until('it is half done', () => live.stdout().endsWith('no newline'));
    await killHard(run, Number(readFileSync(p.path('pid-1'), 'utf8')));
    const half = 'begin 1 ü日本\nmiddle 1, no newline';
    expect(await live.result).toMatchObject({
      code: 0,
      stdout: half,
      stderr: 'the run ended before task 1 did\n',
    });
    expect(await p.run(['logs', '--task', '1'])).toMatchObject({
      code: 0,
      stdout: half,
      stderr: 'task 1 did not end\n',
    });
    expect((await p.run(['logs', '--task', '0'])).stdout).toContain(printed(0));
    expect(await p.run(['logs', '--task', '2', '-f'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'task 2 has not run\n',
    });
    expect((await p.run(['logs', '-f'])).stdout).toContain('logs[0]');
    expect(isRunning(Number(readFileSync(p.path('pid-1'), 'utf8')))).toBe(false);
  });
});

test('does not know how many tasks there are while arguments still come', async () => {
  const p = gatedProject({
    'run/j.ts': `import { DLJob } from 'dl-jobs';
      import { existsSync } from 'node:fs';
      async function* list() {
        yield 0;
        while (!existsSync('gate-list')) await new Promise((resolve) => setTimeout(resolve, 10));
      }
      export const task = () => new DLJob({ moduleName: 'ts.gated', methodName: 'gated', argsList: list() });`,
  });
  const run = start(p, ['run', 'j']);
  await until('the task begins', () => existsSync(p.path('pid-0')));
  expect(await p.run(['logs', '--task', '7'])).toMatchObject({ code: 0, stderr: 'task 7 has not run\n' });
  p.open('0', '0-b', 'list');
  expect((await run.result).code).toBe(0);
  expect((await p.run(['logs', '--task', '7'])).stderr).toContain(
    'the only one is 0, got 7 [TASK_NOT_FOUND]',
  );
});
