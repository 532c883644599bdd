/** TypeScript tasks that do their worst: each gets its own record, and none harms another. */
import { expect, test } from 'vitest';
import { ends, runDir } from './journal.js';
import { check, checkFiles, FIVE_MB, plan, PLACES, project, type Expected } from './hostile.js';

const TYPESCRIPT = `
type Job = { i: number; kind: string };

export function act({ i, kind }: Job): unknown {
  switch (kind) {
    case 'throw':
      throw new RangeError('bad luck ' + i);
    case 'exit':
      process.exit(3);
    case 'abort':
      process.abort();
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      for (;;);
    case 'print':
      console.log('begin ' + i);
      for (let n = 0; n < 1024; n++) console.log('x'.repeat(1023));
      console.error('end ' + i);
      return { i, printed: true };
    case 'nothing':
      return undefined;
    case 'bigint':
      return { deep: [1, { n: 12n }] };
    case 'cycle': {
      const a: Record<string, unknown> = { i };
      a['self'] = { a };
      return a;
    }
    case 'huge':
      return 'h'.repeat(${FIVE_MB});
    case 'nan':
      return { i, nan: NaN, inf: -Infinity };
    case 'function':
      return () => i;
    case 'reject':
      return Promise.reject(new TypeError('rejected ' + i));
    case 'late':
      setTimeout(() => { throw new Error('late ' + i); }, 0);
      return new Promise((resolve) => setTimeout(resolve, 5_000));
    case 'symbol':
      throw Symbol('odd');
    case 'returned':
      return { ERROR: 'said so', TASK_ID: 'mine' };
  }
  return { i };
}
`;

test('each of 1,000 TypeScript tasks, many of them hostile, gets the record that it earned', async () => {
  const kinds = plan({
    throw: [0, 17, 400, 401],
    exit: [1, 300, 301],
    abort: [2, 500],
    kill: [305, 700],
    print: PLACES,
    nothing: [4, 5, 402],
    bigint: [6, 403],
    cycle: [7, 404],
    huge: [8, 405],
    nan: [9, 406],
    function: [10],
    reject: [11, 407],
    late: [12],
    symbol: [13],
    returned: [14, 408],
  });
  const expected: Record<string, Expected> = {
    plain: { failure: null, value: (i) => ({ i }) },
    print: { failure: null, value: (i) => ({ i, printed: true }) },
    nothing: { failure: null, value: () => null },
    huge: { failure: null },
    nan: { failure: null, value: (i) => ({ i, nan: null, inf: null }) },
    throw: {
      failure: 'exception',
      error: { type: 'RangeError', message: expect.stringMatching(/^bad luck \d+$/) },
    },
    reject: {
      failure: 'exception',
      error: { type: 'TypeError', message: expect.stringMatching(/^rejected \d+$/) },
    },
    symbol: { failure: 'exception', error: { type: 'symbol' } },
    exit: {
      failure: 'crash',
      error: { type: 'Crash', exitCode: 3, message: expect.stringContaining('exit code 3') },
    },
    late: {
      failure: 'crash',
      error: { type: 'Crash', exitCode: 1, message: expect.stringContaining('exit code 1') },
    },
    abort: {
      failure: 'crash',
      error: { type: 'Crash', signal: 'SIGABRT', message: expect.stringContaining('SIGABRT') },
    },
    kill: {
      failure: 'crash',
      error: { type: 'Crash', signal: 'SIGKILL', message: expect.stringContaining('SIGKILL') },
    },
    bigint: {
      failure: 'invalid',
      error: { type: 'InvalidResult', message: expect.stringContaining('result.deep[1].n') },
    },
    cycle: {
      failure: 'invalid',
      error: { type: 'InvalidResult', message: expect.stringContaining('result.self.a') },
    },
    function: { failure: 'invalid', error: { type: 'InvalidResult' } },
    returned: { failure: 'returned', value: () => ({ ERROR: 'said so', TASK_ID: 'mine' }) },
  };
  const { dir, ...own } = project(kinds, { 'tasks/hostile.ts': TYPESCRIPT });
  const result = await own.run(['map', 'tasks.hostile.act', '--args_list', 'args.ndjson']);
  expect(result.code, result.stderr).toBe(1);

  const all = ends(runDir(dir));
  check(kinds, expected, all);
  const errors = checkFiles(kinds, expected, dir);
  const thrown = errors.find((line) => line.KWARGS['i'] === 400);
  expect(thrown?.STACK).toMatch(/tasks\/hostile\.ts:7:/);
  expect(thrown?.STACK).toContain(dir);
  expect(thrown?.STACK).not.toContain('dl_jobs/runs');
  expect(thrown?.STACK).not.toContain('task-runner');
  expect(thrown?.ERROR).toBe('bad luck 400');
  // What killed a process by itself left its words in the task's log.
  expect(errors.find((line) => line.KWARGS['kind'] === 'late')?.LOG).toContain('late 12');
  // Printing is charged to the task that printed.
  for (const end of all) {
    if (kinds[end.t] !== 'print') continue;
    const [, from, to] = end.log as [number, number, number];
    expect(to - from).toBe(1024 * 1024 + `begin ${end.t}\nend ${end.t}\n`.length);
  }
  expect(result.stderr).toMatch(/5 ok|errors/);
});
