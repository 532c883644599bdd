/** Several tasks at a time in one host, and hosts that end in the middle of slow tasks. */
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';
import { requires } from '../support/requires.js';
import { ends, runDir } from './journal.js';

const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\n',
  'tasks/t.ts': `
    const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    let active = 0;
    let most = 0;
    export async function nap(i: number) {
      most = Math.max(most, ++active);
      try {
        await sleep(Math.random() * 12);
        if (i % 17 === 3) throw new Error('no ' + i);
        if (i % 23 === 5) return null;
        return { i, most };
      } finally { active--; }
    }
    export function busyExit(i: number) {
      if (i % 5 !== 2) return i;
      for (const end = Date.now() + 60; Date.now() < end;);
      process.exit(3);
    }
    export async function awaitExit(i: number) {
      await sleep(i % 5 === 2 ? 60 : 1);
      if (i % 5 === 2) process.exit(3);
      return i;
    }
    export async function laterExit(i: number) {
      if (i % 5 !== 2) return i;
      setTimeout(() => process.exit(3), 30);
      await sleep(10_000);
    }`,
  'tasks/p.py': [
    'import sys, time',
    'def busyExit(i):',
    '    if i % 5 != 2:',
    '        return i',
    '    time.sleep(0.06)',
    '    sys.exit(3)',
    '',
  ].join('\n'),
};
const job = (options: string) =>
  `import { DLJob } from 'dl-jobs';\nexport const task = () => new DLJob({ moduleName: 'tasks.t', ...${options} });`;
const indexes = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('several tasks at a time in a host', () => {
  test('each have one outcome, whatever the order in which they end', async () => {
    const COUNT = 600;
    const options = `{ methodName: 'nap', argsList: ${COUNT}, taskConcurrency: 8, workers: 8 }`;
    const project = makeProject({ ...FILES, 'run/j.ts': job(options) });
    const { code, stderr } = await project.run(['run', 'j']);
    expect(code, stderr).toBe(1);
    const all = ends(runDir(project.dir)).sort((a, b) => a.t - b.t);
    expect(all.map((end) => end.t)).toEqual(indexes(COUNT));
    for (const { t, s, ft, value, error } of all) {
      if (t % 17 === 3)
        expect({ s, ft, error }).toMatchObject({ ft: 'exception', error: { message: `no ${t}` } });
      else if (t % 23 === 5) expect({ s, value }).toEqual({ s: 'ok', value: null });
      else expect(value).toMatchObject({ i: t });
    }
    const failing = indexes(COUNT).filter((i) => i % 17 === 3);
    const silent = indexes(COUNT).filter((i) => i % 17 !== 3 && i % 23 === 5);
    const results = readNdjson<{ i: number; most: number }>(one(project.path('results/*.ndjson')));
    expect(results.map((row) => row.i).sort((a, b) => a - b)).toEqual(
      indexes(COUNT).filter((i) => !failing.includes(i) && !silent.includes(i)),
    );
    const most = Math.max(...results.map((row) => row.most));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
    const errors = readNdjson<{ TASK_ID: number }>(one(project.path('errors/*.ndjson')));
    expect(errors.map((line) => line.TASK_ID).sort((a, b) => a - b)).toEqual(failing);
  });
});

describe('a task that ends its process', () => {
  const COUNT = 15;
  const args = {
    'args.ndjson': indexes(COUNT)
      .map((i) => `${i}\n`)
      .join(''),
  };

  async function check(module: string, more: readonly string[] = []) {
    const project = makeProject({ ...FILES, ...args });
    const words = ['map', module, '--args_list', 'args.ndjson', '--workers', '2', ...more];
    const { code, stderr } = await project.run(words);
    expect(code, stderr).toBe(1);
    const all = ends(runDir(project.dir)).sort((a, b) => a.t - b.t);
    expect(all.map((end) => [end.t, end.ft ?? 'ok'])).toEqual(
      indexes(COUNT).map((i) => [i, i % 5 === 2 ? 'crash' : 'ok']),
    );
    for (const { error } of all) if (error !== undefined) expect(error).toMatchObject({ exitCode: 3 });
  }

  // A thread of the process that is blocked in a read would keep it from ending for good.
  test.for(['busyExit', 'awaitExit', 'laterExit'])(
    'while it is slow is a crash, and the run goes on: %s',
    async (method) => check(`tasks.t.${method}`),
  );

  test('while it is slow is a crash in Python too', requires('python3'), async () =>
    check('tasks.p.busyExit'),
  );

  test('beside others in its host takes none of them with it', async () => {
    const options = `{ methodName: 'awaitExit', argsList: ${COUNT}, taskConcurrency: 4, workers: 4 }`;
    const project = makeProject({ ...FILES, 'run/j.ts': job(options) });
    const { code, stderr } = await project.run(['run', 'j']);
    expect(code, stderr).toBe(1);
    const all = ends(runDir(project.dir)).sort((a, b) => a.t - b.t);
    expect(all.map((end) => [end.t, end.ft ?? 'ok'])).toEqual(
      indexes(COUNT).map((i) => [i, i % 5 === 2 ? 'crash' : 'ok']),
    );
  });
});
