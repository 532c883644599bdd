/** Python tasks that do their worst: each gets its own record, and none harms another. */
import { expect, test } from 'vitest';
import { requires } from '../support/requires.js';
import { ends, runDir } from './journal.js';
import { check, checkFiles, FIVE_MB, plan, PLACES, project, type Expected } from './hostile.js';

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

test(
  'each of 1,000 Python tasks, many of them hostile, gets the record that it earned',
  requires('python3'),
  async () => {
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
  },
);
