/** Tasks that do their worst: each gets its own record, and none harms another. */
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';
import { requires } from '../support/requires.js';
import { ends, runDir, type End } from './journal.js';

const TASKS = 1_000;
const FIVE_MB = 5 * 1024 * 1024;

interface ErrorLine {
  ERROR: string;
  ARGS: unknown[];
  KWARGS: Record<string, unknown>;
  TASK_ID: number;
  FAILURE_TYPE: string;
  TYPE: string | null;
  STACK: string | null;
  LOG: string;
}

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

const PYTHON = `
import os, sys, signal


class Odd:
    pass


def act(job):
    i, kind = job['i'], job['kind']
    if kind == 'throw':
        raise ValueError('bad luck %d' % i)
    if kind == 'exit':
        os._exit(3)
    if kind == 'sysexit':
        sys.exit(4)
    if kind == 'abort':
        os.abort()
    if kind == 'kill':
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == 'print':
        print('begin %d' % i)
        for _ in range(1024):
            print('x' * 1023)
        print('end %d' % i, file=sys.stderr)
        return {'i': i, 'printed': True}
    if kind == 'nothing':
        return None
    if kind == 'object':
        return {'deep': [1, {'n': Odd()}]}
    if kind == 'cycle':
        a = {'i': i}
        a['self'] = {'a': a}
        return a
    if kind == 'huge':
        return 'h' * ${FIVE_MB}
    if kind == 'nan':
        return {'i': i, 'nan': float('nan'), 'inf': -float('inf')}
    if kind == 'returned':
        return {'ERROR': 'said so', 'TASK_ID': 'mine'}
    return {'i': i}
`;

/** Kinds at a few places; everything else is a plain task. */
function plan(kinds: Readonly<Record<string, readonly number[]>>): string[] {
  const all = new Array<string>(TASKS).fill('plain');
  for (const [kind, places] of Object.entries(kinds)) for (const i of places) all[i] = kind;
  return all;
}

function project(kinds: readonly string[], task: Readonly<Record<string, string>>) {
  return makeProject({
    ...task,
    'args.ndjson': kinds.map((kind, i) => `${JSON.stringify({ i, kind })}\n`).join(''),
    'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\n',
  });
}

interface Expected {
  /** Null: the task is ok. */
  readonly failure: string | null;
  readonly error?: Readonly<Record<string, unknown>>;
  readonly value?: (i: number) => unknown;
}

function check(kinds: readonly string[], expected: Readonly<Record<string, Expected>>, all: readonly End[]) {
  // Each task exactly one final record.
  expect(
    all
      .filter((end) => end.fin !== false)
      .map((end) => end.t)
      .sort((a, b) => a - b),
  ).toEqual(kinds.map((_, i) => i));
  const wrong: unknown[] = [];
  for (const end of all) {
    const kind = kinds[end.t] as string;
    const want = expected[kind] as Expected;
    const { log: _log, ...shown } = end;
    if ((end.ft ?? null) !== want.failure)
      wrong.push({ kind, want: want.failure, got: JSON.stringify(shown).slice(0, 300) });
    else if (want.error !== undefined) {
      expect(end.error, `${kind} ${end.t}`).toMatchObject(want.error);
      expect(Object.keys(end).at(-1)).toBe('error');
    } else if (want.value !== undefined) {
      expect(end.value, `${kind} ${end.t}`).toEqual(want.value(end.t));
      expect(Object.keys(end).at(-1)).toBe('value');
    }
  }
  expect(wrong).toEqual([]);
}

function checkFiles(kinds: readonly string[], expected: Readonly<Record<string, Expected>>, dir: string) {
  const results = readNdjson<{ i?: number } | string>(one(`${dir}/results/*.ndjson`));
  const wanted = kinds.filter((kind) => expected[kind]?.failure === null && kind !== 'nothing');
  expect(results).toHaveLength(wanted.length);
  expect(results.filter((line) => typeof line === 'string').map((line) => String(line).length)).toEqual(
    kinds.filter((kind) => kind === 'huge').map(() => FIVE_MB),
  );
  const seen = results.flatMap((line) => (typeof line === 'string' ? [] : [line.i as number]));
  expect(new Set(seen).size).toBe(seen.length);

  const errors = readNdjson<ErrorLine>(one(`${dir}/errors/*.ndjson`));
  const failing = kinds.flatMap((kind, i) => (expected[kind]?.failure === null ? [] : [i]));
  expect(errors.map((line) => line.KWARGS['i'] as number).sort((a, b) => a - b)).toEqual(failing);
  for (const line of errors) {
    const i = line.KWARGS['i'] as number;
    const kind = kinds[i] as string;
    const { failure, error } = expected[kind] as Expected;
    expect(line.FAILURE_TYPE, kind).toBe(failure);
    expect(line.ARGS).toEqual([]);
    expect(line.KWARGS).toEqual({ i, kind });
    expect(line.LOG).toBeTypeOf('string');
    expect(line.TASK_ID).toBe(kind === 'returned' ? 'mine' : i);
    if (error !== undefined) expect(line.TYPE, kind).toBe(error['type']);
    else expect(line).toMatchObject({ ERROR: 'said so', TYPE: null, STACK: null });
  }
  return errors;
}

const PLACES = [3, 250, 251, 600, 999];

describe('a job of 1,000 tasks, many of them hostile', () => {
  test('gives each TypeScript task the record that it earned', async () => {
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

  test('gives each Python task the record that it earned', requires('python3'), async () => {
    const kinds = plan({
      throw: [0, 17, 400, 401],
      exit: [1, 300, 301],
      sysexit: [12, 407],
      abort: [2, 500],
      kill: [305, 700],
      print: PLACES,
      nothing: [4, 5, 402],
      object: [6, 403],
      cycle: [7, 404],
      huge: [8, 405],
      nan: [9, 406],
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
        error: { type: 'ValueError', message: expect.stringMatching(/^bad luck \d+$/) },
      },
      exit: {
        failure: 'crash',
        error: { type: 'Crash', exitCode: 3, message: expect.stringContaining('exit code 3') },
      },
      sysexit: {
        failure: 'crash',
        error: { type: 'Crash', exitCode: 4, message: expect.stringContaining('exit code 4') },
      },
      abort: {
        failure: 'crash',
        error: { type: 'Crash', signal: 'SIGABRT', message: expect.stringContaining('SIGABRT') },
      },
      kill: {
        failure: 'crash',
        error: { type: 'Crash', signal: 'SIGKILL', message: expect.stringContaining('SIGKILL') },
      },
      object: {
        failure: 'invalid',
        error: { type: 'InvalidResult', message: expect.stringContaining('result.deep[1].n') },
      },
      cycle: {
        failure: 'invalid',
        error: { type: 'InvalidResult', message: expect.stringContaining('result.self.a') },
      },
      returned: { failure: 'returned', value: () => ({ ERROR: 'said so', TASK_ID: 'mine' }) },
    };
    const { dir, ...own } = project(kinds, { 'tasks/hostile.py': PYTHON });
    const result = await own.run(['map', 'tasks.hostile.act', '--args_list', 'args.ndjson']);
    expect(result.code, result.stderr).toBe(1);

    const all = ends(runDir(dir));
    check(kinds, expected, all);
    const errors = checkFiles(kinds, expected, dir);
    const thrown = errors.find((line) => line.KWARGS['i'] === 400);
    expect(thrown?.STACK).toContain(`${dir}/tasks/hostile.py", line 12`);
    expect(thrown?.STACK).not.toContain('dl_jobs/runs');
    // The fault handler's trace is in the log of the task that aborted.
    expect(errors.find((line) => line.KWARGS['i'] === 500)?.LOG).toContain('Aborted');
    for (const end of all) {
      if (kinds[end.t] !== 'print') continue;
      const [, from, to] = end.log as [number, number, number];
      expect(to - from).toBe(1024 * 1024 + `begin ${end.t}\nend ${end.t}\n`.length);
    }
  });
});
