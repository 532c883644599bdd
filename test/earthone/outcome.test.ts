/** What is made of a job that has ended, and of its log. */
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ComputeJob } from '../../src/platforms/earthone/api/types.js';
import { readLog, recordOf } from '../../src/platforms/earthone/outcome.js';
import { isSealed } from '../../src/contract/record-line.js';

const JOB: ComputeJob = {
  id: 'j1',
  functionId: 'f1',
  args: [7, 'x'],
  kwargs: null,
  environment: null,
  tags: [],
  status: 'success',
  creationDate: null,
  lastExecutionDate: new Date(1_000_000),
  lastCompletionDate: new Date(1_002_500),
  runtime: 2,
  executionCount: 1,
  exitCode: 0,
  errorReason: null,
  statistics: { cpuTime: 1_500_000_000, peakMemory: 10 << 20, raw: null },
  provisioningTime: null,
  pullTime: null,
};
const PLACE = { task: 7, round: 2, root: '/home/me/pro ject', executedBefore: 0, log: [0, 3, 9] } as const;

function said(head: object, body: string): Buffer {
  const crc = crc32(Buffer.from(body)).toString(16).padStart(8, '0');
  return Buffer.from(`${JSON.stringify({ v: 1, at: 5, d: 1.5, ...head, crc })}\n${body}`);
}

function record(
  job: Partial<ComputeJob>,
  result: Buffer | null,
  log: readonly string[] = [],
  timeout: number | null = null,
): Record<string, unknown> {
  const line = recordOf({ ...JOB, ...job }, PLACE, result, readLog(log).said, timeout);
  expect(isSealed(line, 0, line.length - 1)).toBe(true);
  return JSON.parse(line.toString()) as Record<string, unknown>;
}

const marker = (bytes: Buffer): string => `dl_jobs-outcome: ${bytes.toString('base64')}`;

describe('the record of a job', () => {
  test('holds what the task returned, byte for byte, and what it cost', () => {
    const value = '{"__proto__":[1,1e400,"ü\\u2028"],"big":123456789012345678901234567890}';
    const line = recordOf(JOB, PLACE, said({ s: 'ok', cpu: 3, rss: 9 }, value), null, null).toString();
    expect(line).toContain(
      `"t":7,"r":2,"a":1,"s":"ok","at":5,"d":1.5,"cpu":3,"rss":9,"log":[0,3,9],"value":${value}}`,
    );
  });

  test('takes cpu and memory from the service where the task tells none', () => {
    expect(record({}, said({ s: 'ok' }, '1'))).toMatchObject({ cpu: 1500, rss: 10 << 10, value: 1 });
  });

  test('counts tries of this round alone', () => {
    const place = { ...PLACE, executedBefore: 3 };
    const line = recordOf({ ...JOB, executionCount: 5 }, place, said({ s: 'ok' }, '1'), null, null);
    expect(JSON.parse(line.toString())).toMatchObject({ a: 2 });
  });

  test.each([
    ['nothing', null],
    ['something else', Buffer.from('{"a":1}')],
    ['a part of it', said({ s: 'ok' }, '{"a":1}').subarray(0, -2)],
    ['two lines', said({ s: 'ok' }, '1\n2')],
    ['another version', Buffer.from(said({ s: 'ok' }, '1').toString().replace('"v":1', '"v":2'))],
  ])('says so when what it returned is %s', (_name, result) => {
    expect(record({}, result)).toMatchObject({ s: 'error', ft: 'lost', error: { type: 'Lost' } });
  });

  test('holds the error that the task told of', () => {
    const error = { type: 'ValueError', message: 'five', stack: 'Traceback' };
    const text = marker(said({ s: 'error', ft: 'exception' }, JSON.stringify(error)));
    expect(record({ status: 'failure', exitCode: 1 }, null, ['printed', text])).toMatchObject({
      ft: 'exception',
      error,
    });
    const returned = marker(said({ s: 'error', ft: 'returned' }, '"ERROR no"'));
    expect(record({ status: 'failure', exitCode: 1 }, null, [returned])).toMatchObject({
      ft: 'returned',
      value: 'ERROR no',
    });
  });

  test('names files where they are in the project', () => {
    const stack =
      'Traceback\n  File "tasks/a b.py", line 4, in f\n  File "/usr/lib/x.py", line 1\n  File "<string>", line 1\nE: File "q"';
    const text = marker(
      said({ s: 'error', ft: 'exception' }, JSON.stringify({ type: 'E', message: 'm', stack })),
    );
    expect(record({ status: 'failure', exitCode: 1 }, null, [text])).toMatchObject({
      error: { stack: stack.replace('tasks/', '/home/me/pro ject/tasks/') },
    });
  });

  test.each([
    [{ exitCode: 7 }, 'crash', 'exit code 7'],
    [{ exitCode: 139 }, 'crash', 'SIGSEGV'],
    [{ exitCode: 137, errorReason: 'OutOfMemory: limit of 2048 MB' }, 'oom', 'memory'],
    [{ exitCode: null }, 'crash', 'does not tell'],
    [{ status: 'timeout', exitCode: null }, 'timeout', '30s'],
  ] as const)('tells how it ended when nobody else does: %j', (job, failure, text) => {
    expect(record({ status: 'failure', ...job }, null, ['no word of it'], 30)).toMatchObject({
      s: 'error',
      ft: failure,
      at: 1_000_000,
      d: 2_000,
      error: { message: expect.stringContaining(text) as string },
    });
  });
});

describe('a log', () => {
  const outcome = marker(said({ s: 'error', ft: 'exception' }, '{"type":"E","message":"m"}'));

  test('is what the task wrote, with a line end after each line', () => {
    expect(readLog(['a', 'b\n', '', 'ü\u2028x'])).toEqual({ text: 'a\nb\n\nü\u2028x\n', said: null });
  });

  test('leaves out our own line, and what Python tells of our exception', () => {
    const log = [
      'a',
      `no line end${outcome}`,
      'Traceback (most recent call last):',
      '  File "x"',
      'dl_jobs._earthone.TaskFailed: see its record',
    ];
    expect(readLog(log)).toMatchObject({ text: 'a\nno line end\n', said: { head: { ft: 'exception' } } });
  });

  test('goes on with the next try; the last outcome counts', () => {
    const last = marker(said({ s: 'error', ft: 'returned' }, '"ERROR"'));
    const end = 'TaskFailed: see its record';
    expect(readLog(['try 1', outcome, 'Traceback', end, 'try 2', last, 'Traceback', end])).toMatchObject({
      text: 'try 1\ntry 2\n',
      said: { head: { ft: 'returned' } },
    });
  });

  test('puts an outcome together that is longer than a line', () => {
    const bytes = said({ s: 'error', ft: 'returned' }, JSON.stringify('ERROR '.repeat(4_000)));
    const [first = '', ...others] = bytes.toString('base64').match(/.{1,8000}/g) ?? [];
    const lines = [`dl_jobs-outcome: ${first}`, ...others.map((part) => `dl_jobs-outcome+: ${part}`)];
    expect(readLog(lines).said?.body.length).toBe(bytes.length - bytes.indexOf(10) - 1);
  });

  test('of a task that prints such a line itself is no outcome', () => {
    expect(readLog(['dl_jobs-outcome: bm8gb3V0Y29tZQ==']).said).toBeNull();
  });
});
