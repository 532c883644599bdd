/** Limits of time and memory, and further tries: real tasks that need them, and neighbours that must not suffer. */
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { ends, runDir, type End } from './journal.js';
import { onLinux, processes, until } from './processes.js';

const MB = 1024 * 1024;
const TASKS = 40;
/** Tasks that misbehave; the others are neighbours. */
const BAD = [3, 17, 18];

const TASK_FILES = {
  'tasks/bad.ts': `
    import { appendFileSync, readFileSync } from 'node:fs';
    import { spawn } from 'node:child_process';
    const bad = (i: number) => ${JSON.stringify(BAD)}.includes(i);
    const kept: unknown[] = [];
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    /** How often task i was begun before. */
    function before(i: number): number {
      appendFileSync('begun-' + i, 'x');
      return readFileSync('begun-' + i, 'utf8').length - 1;
    }
    export function forever(i: number) { if (bad(i)) for (;;); return i; }
    export function family(i: number) {
      if (bad(i)) { spawn('sleep', [process.env['NAP'] ?? '']); for (;;); }
      return i;
    }
    export async function never(i: number) {
      await pause(bad(i) ? 1e9 : 30);
      return i;
    }
    export async function blocked(i: number) {
      await pause(30);
      if (bad(i)) for (;;);
      return i;
    }
    export function large(i: number) {
      // It keeps them until somebody has seen that.
      if (bad(i)) { for (let n = 0; n < 1024; n++) kept.push(Buffer.alloc(${MB}, 1)); for (;;); }
      return i;
    }
    export function objects(i: number) {
      if (bad(i)) for (;;) kept.push([kept.length]);
      return i;
    }
    export async function leak(i: number) {
      kept.push(Buffer.alloc(30 * ${MB}, 1));
      await pause(60);
      return process.pid;
    }
    export function crashTwice(i: number) {
      if (bad(i) && before(i) < 2) process.exit(9);
      return i;
    }
    export function throwOnce(i: number) {
      if (bad(i) && before(i) < 1) throw new Error('once ' + i);
      return i;
    }
    export function throwAlways(i: number) {
      if (bad(i)) throw new Error('always ' + i);
      return i;
    }`,
  'tasks/bad_py.py': [
    'import ctypes, os, subprocess, sys, time',
    `BAD = ${JSON.stringify(BAD)}`,
    'def before(i):',
    '    with open("begun-%d" % i, "a") as file:',
    '        file.write("x")',
    '    return os.stat("begun-%d" % i).st_size - 1',
    'def forever(i):',
    '    if i in BAD:',
    '        ctypes.PyDLL(None).sleep(1000)  # which holds the interpreter lock',
    '    return i',
    'def large(i):',
    '    if i in BAD:',
    '        kept = [bytearray(b"x") * (1 << 20) for _ in range(1024)]',
    '        time.sleep(1000)',
    '    return i',
    'def child(i):',
    '    if i in BAD:',
    '        code = "kept = bytearray(b\'x\') * (2 << 30); import time; time.sleep(1000)"',
    '        subprocess.call([sys.executable, "-c", code])',
    '    return i',
    'def shared(i):',
    '    """Four children that share 200 MB with their parent: 200 MB, not a gigabyte."""',
    '    if i in BAD:',
    '        kept = bytearray(b"x") * (200 << 20)',
    '        children = []',
    '        for _ in range(4):',
    '            pid = os.fork()',
    '            if pid == 0:',
    '                time.sleep(0.7)',
    '                os._exit(0)',
    '            children.append(pid)',
    '        for pid in children:',
    '            os.waitpid(pid, 0)',
    '    return i',
    'def crash_twice(i):',
    '    if i in BAD and before(i) < 2:',
    '        os._exit(9)',
    '    return i',
    'def throw_once(i):',
    '    if i in BAD and before(i) < 1:',
    '        raise ValueError("once %d" % i)',
    '    return i',
    'def throw_always(i):',
    '    if i in BAD:',
    '        raise ValueError("always %d" % i)',
    '    return i',
    '',
  ].join('\n'),
};

function projectWith(settings: string): Project {
  return makeProject({
    ...TASK_FILES,
    'args.ndjson': Array.from({ length: TASKS }, (_, i) => `${i}\n`).join(''),
    'dl_jobs.config.yaml': `noisy: false\nprint_logs: false\nworkers: 2\n${settings}`,
  });
}

async function map(project: Project, method: string, env: Record<string, string> = {}): Promise<End[]> {
  const { code, stderr } = await project.run(['map', method, '--args_list', 'args.ndjson'], { env });
  expect([0, 1], stderr).toContain(code);
  return ends(runDir(project.dir));
}

/** Checks that each neighbour has one record, of its first attempt, and returns the records of the others by task. */
function ofTheBad(all: readonly End[], bad: readonly number[] = BAD): End[][] {
  const neighbours = Array.from({ length: TASKS }, (_, i) => i).filter((i) => !bad.includes(i));
  const theirs = all.filter(({ t }) => !bad.includes(t)).sort((a, b) => a.t - b.t);
  expect(theirs.map(({ t, a, s }) => [t, a, s])).toEqual(neighbours.map((t) => [t, 1, 'ok']));
  return bad.map((task) => all.filter(({ t }) => t === task));
}

describe('a task that takes longer than `timeout`', () => {
  const CASES = [
    ['while (true) in TypeScript', 'tasks.bad.forever', '', {}],
    ['a sleep in C in Python', 'tasks.bad_py.forever', '', requires('python3')],
    ['one with a child of its own', 'tasks.bad.family', '', {}],
    ['a promise of several that are awaited at a time', 'tasks.bad.never', 'task_concurrency: 5\n', {}],
    ['while (true) among several at a time', 'tasks.bad.blocked', 'task_concurrency: 5\n', {}],
  ] as const;

  test.for(CASES)('is ended, and only it: %s', onLinux, async ([, method, settings]) => {
    // A pause of the machine may not make neighbours late.
    const project = projectWith(`timeout: 2s\n${settings}`);
    // A number that no other test sleeps.
    const nap = String(100_000 + process.pid);
    const all = await map(project, method, { NAP: nap });
    for (const records of ofTheBad(all)) {
      expect(records).toMatchObject([{ a: 1, s: 'error', ft: 'timeout', error: { type: 'Timeout' } }]);
      expect(records[0]).not.toHaveProperty('fin');
      expect(records[0]?.['d']).toBeGreaterThan(2_000);
      expect(records[0]?.error?.message).toMatch(/^the task may take 2s, and was ended after \S+$/);
    }
    const errors = readNdjson<{ FAILURE_TYPE: string }>(one(project.path('errors/*.ndjson')));
    expect(errors.map((error) => error.FAILURE_TYPE)).toEqual(['timeout', 'timeout', 'timeout']);
    await until('its child is gone', () => !processes().some(({ command }) => command === `sleep ${nap}`));
  });
});

describe('a task that needs more than `memory`', () => {
  const CASES = [
    ['buffers in TypeScript', 'tasks.bad.large', {}],
    ['objects in TypeScript', 'tasks.bad.objects', {}],
    ['Python', 'tasks.bad_py.large', requires('python3')],
    ['a child of a Python task', 'tasks.bad_py.child', requires('python3')],
  ] as const;

  test.for(CASES)('is ended, and only it: %s', onLinux, async ([, method]) => {
    const all = await map(projectWith('memory: 500MB\n'), method);
    for (const records of ofTheBad(all)) {
      expect(records).toMatchObject([{ a: 1, s: 'error', ft: 'oom', error: { type: 'OutOfMemory' } }]);
      expect(records[0]?.['rss']).toBeGreaterThan(400 * 1024);
    }
  });

  test('is not one that finds what others have left behind', onLinux, async () => {
    const all = await map(projectWith('memory: 250MB\n'), 'tasks.bad.leak');
    expect(ofTheBad(all, [])).toEqual([]);
    // Each task is small; it is their processes that were not, and were replaced.
    expect(new Set(all.map(({ value }) => value)).size).toBeGreaterThan(2);
  });

  test(
    'is not one that shares memory with its children',
    { ...onLinux, ...requires('python3') },
    async () => {
      expect(ofTheBad(await map(projectWith('memory: 500MB\n'), 'tasks.bad_py.shared'), [])).toEqual([]);
    },
  );

  test('is named also where nobody set a limit but Node', async () => {
    const all = await map(projectWith(''), 'tasks.bad.objects', {
      NODE_OPTIONS: '--max-old-space-size=80',
    });
    for (const records of ofTheBad(all)) {
      expect(records).toMatchObject([{ ft: 'oom', error: { type: 'OutOfMemory', signal: 'SIGABRT' } }]);
    }
  });
});

describe('a task that fails in a way that is tried again', () => {
  const crashes = [
    ['TypeScript', 'tasks.bad.crashTwice', {}],
    ['Python', 'tasks.bad_py.crash_twice', requires('python3')],
  ] as const;
  const throws = [
    ['TypeScript', ['tasks.bad.throwOnce', 'tasks.bad.throwAlways'], {}],
    ['Python', ['tasks.bad_py.throw_once', 'tasks.bad_py.throw_always'], requires('python3')],
  ] as const;

  test.for(crashes)('may crash as often as there are retries: %s', async ([, method]) => {
    // With a limit of time the host says what it runs; without, what may have ended it runs once more to find out.
    const project = projectWith('timeout: 60s\nretries: 2\nretry_delay: 50ms\n');
    for (const records of ofTheBad(await map(project, method))) {
      expect(records.map(({ a, ft, fin }) => [a, ft, fin])).toEqual([
        [1, 'crash', false],
        [2, 'crash', false],
        [3, undefined, undefined],
      ]);
    }
    const results = readNdjson<number>(one(project.path('results/*.ndjson')));
    expect(results.sort((a, b) => a - b)).toEqual(Array.from({ length: TASKS }, (_, i) => i));
    expect(() => one(project.path('errors/*.ndjson'))).toThrow();
  });

  test.for(throws)('may throw when `retry_on` says so: %s', async ([, [once, always]]) => {
    const settings = 'retries: 1\nretry_delay: 0\nretry_on: [exception]\n';
    for (const records of ofTheBad(await map(projectWith(settings), once))) {
      expect(records.map(({ a, ft, fin }) => [a, ft, fin])).toEqual([
        [1, 'exception', false],
        [2, undefined, undefined],
      ]);
    }
    const project = projectWith(settings);
    for (const records of ofTheBad(await map(project, always))) {
      expect(records.map(({ a, ft, fin }) => [a, ft, fin])).toEqual([
        [1, 'exception', false],
        [2, 'exception', undefined],
      ]);
    }
    const errors = readNdjson<{ TASK_ID: number }>(one(project.path('errors/*.ndjson')));
    expect(errors.map((error) => error.TASK_ID).sort((a, b) => a - b)).toEqual(BAD);
  });

  test.for(throws)('may not throw otherwise: %s', async ([, [once]]) => {
    for (const records of ofTheBad(await map(projectWith('retries: 5\nretry_delay: 0\n'), once)))
      expect(records.map(({ a, ft, fin }) => [a, ft, fin])).toEqual([[1, 'exception', undefined]]);
  });

  test('may take too long, and be tried again with all of its time', async () => {
    const settings = 'timeout: 1500ms\nretries: 1\nretry_delay: 10ms\n';
    for (const records of ofTheBad(await map(projectWith(settings), 'tasks.bad.forever'))) {
      expect(records.map(({ a, ft, fin }) => [a, ft, fin])).toEqual([
        [1, 'timeout', false],
        [2, 'timeout', undefined],
      ]);
      for (const record of records) expect(record['d']).toBeGreaterThan(1_500);
    }
  });
});
