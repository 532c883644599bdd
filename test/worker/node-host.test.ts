/** What a Node host says of its tasks besides their outcome: which to try again, which runs, which is late. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FailureType, TaskErrorInfo } from '../../src/contract/record.js';
import { PROGRESS_ALIVE, type LateMessage, type OutMessage } from '../../src/contract/wire.js';
import { cases } from '../base/cases.js';
import { HostDriver, monotonicMs, until } from './host-driver.js';

interface Tables {
  readonly again: readonly {
    readonly title: string;
    readonly retries: number;
    readonly retryOn: readonly FailureType[];
    readonly attempt: number;
    readonly again: readonly number[];
  }[];
  readonly redact: readonly {
    readonly title: string;
    readonly redact: readonly string[];
    readonly task: object;
    readonly type?: string;
    readonly message?: string;
    readonly begins?: string;
    readonly value?: unknown;
    readonly raw?: string;
  }[];
}
const TABLES = cases<Tables>('hosts');

const MIXED = `
  export function task({ do: what, text, type, value }) {
    if (what === 'throw') throw new (type ? { [type]: class extends Error {} }[type] : Error)(text);
    if (what === 'invalid') return { [text]: () => 1 };
    return value;
  }`;

describe('a task that will be tried again', () => {
  const LARGE = 'x'.repeat(70_000);
  // The large one is sent at once: positions count from the begin of the batch, not of the message.
  const batch = [
    { do: 'return', value: 'ok' },
    { do: 'throw', text: LARGE },
    { do: 'return', value: 1 },
    { do: 'return', value: 'ERROR' },
    { do: 'invalid', text: 'a' },
    { do: 'throw', text: 'e' },
    { do: 'return', value: [] },
  ];

  test.for(TABLES.again)('$title', async ({ retries, retryOn, attempt, again }) => {
    for (const concurrency of [1, 3]) {
      const host = await new HostDriver(MIXED, { retries, retryOn, concurrency }).ready();
      // Its second batch says the same as the first.
      for (const first of [40, 90]) {
        const answer = await host.run(batch, { first, attempt });
        const notFinal = answer.ends.filter(({ fin }) => fin === false).map(({ t }) => t - first);
        expect(notFinal.sort()).toEqual(again);
        expect(answer.again.sort()).toEqual(again);
        for (const { ft, line } of answer.ends.filter(({ fin }) => fin === false)) {
          expect(line).toMatch(new RegExp(`"s":"error","ft":"${ft}","fin":false,"at":\\d{13},"d":`));
        }
        const types = [...answer.ends].sort((a, b) => a.t - b.t).map(({ ft }) => ft ?? 'ok');
        expect(types).toEqual(['ok', 'exception', 'ok', 'returned', 'invalid', 'exception', 'ok']);
      }
    }
  });

  test('is none where the worker does not know of trying again', async () => {
    const unknown = { retries: undefined, retryOn: undefined, redact: undefined, timeoutMs: undefined };
    const host = await new HostDriver(MIXED, { ...unknown, progress: undefined }).ready();
    const { ends, again } = await host.run(batch);
    expect(ends.map(({ s }) => s)).toEqual(['ok', 'error', 'ok', 'error', 'error', 'error', 'ok']);
    expect([again, ends.filter(({ fin }) => fin !== undefined)]).toEqual([[], []]);
  });
});

describe('the progress file', () => {
  const SPIN = `
    import { existsSync } from 'node:fs';
    export function task(file) {
      while (file !== null && !existsSync(file)) continue;
      return file;
    }
    export async function waiting(file) {
      while (file !== null && !existsSync(file)) await new Promise((wake) => setTimeout(wake, 5));
    }`;

  test.for(['task', 'waiting'])('names the task that runs: %s', async (method) => {
    const host = await new HostDriver(SPIN, { progress: true, method }).ready();
    await host.run(Array.from({ length: 300 }, () => null));
    const release = join(host.dir, 'release');
    const before = monotonicMs();
    host.batch([null, null, release, null], { first: 1000 });
    const running = await until(() => {
      const now = host.progress();
      return now.batch === 2 && now.position === 2 && now;
    });
    expect(running.start).toBeGreaterThanOrEqual(before);
    expect(running.start).toBeLessThanOrEqual(monotonicMs());
    writeFileSync(release, '');
    await host.answers(4);
    expect(host.progress()).toMatchObject({ batch: 2, position: 3 });
    await host.run([null]);
    expect(host.progress()).toMatchObject({ batch: 3, position: 0 });
  });

  test('shows that the event loop turns, of a host that runs several tasks at a time', async () => {
    const host = await new HostDriver(
      `${SPIN}
      export const either = (file) => file.endsWith('spin') ? task(file) : waiting(file);`,
      { progress: true, method: 'either', concurrency: 2 },
    ).ready();
    const [wait, spin] = [join(host.dir, 'wait'), join(host.dir, 'spin')];
    host.batch([wait]);
    const first = host.progress();
    expect(first).toMatchObject({ batch: PROGRESS_ALIVE, position: 0 });
    const second = await until(() => host.progress().start > first.start && host.progress());
    expect(second.start).toBeLessThanOrEqual(monotonicMs());
    // A task that does not let go of the event loop is seen by what is missing.
    host.batch([spin]);
    await until(() => monotonicMs() - host.progress().start > 400);
    writeFileSync(spin, '');
    const stuck = host.progress().start;
    await until(() => host.progress().start > stuck);
    writeFileSync(wait, '');
    await host.answers(2);
  });

  test('is not inherited by the children of a task', async () => {
    const host = await new HostDriver(
      `import { execFileSync } from 'node:child_process';
       const script = 'for fd in 3 4 5; do if [ -e /dev/fd/$fd ]; then echo $fd; fi; done';
       export const task = () => execFileSync('sh', ['-c', script], { encoding: 'utf8' });`,
      { progress: true },
    ).ready();
    expect((await host.run([1])).ends).toMatchObject([{ s: 'ok', value: '' }]);
  });
});

test('what ended has left before a task that does not end', async () => {
  const host = await new HostDriver(
    `export function task(ms) {
       const end = performance.now() + ms;
       while (performance.now() < end) continue;
       return ms;
     }`,
    { progress: true },
  ).ready();
  host.batch([3, 3, 3, 1e9]);
  const frames = await host.answers(3);
  expect(frames.flatMap(({ ends }) => ends).map(({ t }) => t)).toEqual([0, 1, 2]);
  expect((frames.at(-1)?.header as OutMessage).done).toBeUndefined();
  await until(() => host.progress().position === 3);
});

describe('a task that is over its time, among several', () => {
  const NAPS = `
    export async function task(ms) {
      await new Promise((wake) => setTimeout(wake, ms));
      return ms;
    }`;
  const FOREVER = 1_000_000;

  test('is reported once', async () => {
    // A pause of the machine may not make its neighbours late, too.
    const timeoutMs = 1_500;
    const host = await new HostDriver(NAPS, { concurrency: 3, timeoutMs }).ready();
    const before = monotonicMs();
    const batch = host.batch([0, FOREVER, 1, FOREVER, 2]);
    const late: LateMessage[] = [];
    const answered: number[] = [];
    while (late.length < 2 || answered.length < 3) {
      const frame = await host.next();
      if (frame?.header.type === 'late') late.push(frame.header);
      else answered.push(...(frame?.ends ?? []).map(({ t }) => t));
    }
    expect(answered.sort()).toEqual([0, 2, 4]);
    expect(late.map(({ id, position }) => [id, position])).toEqual([
      [batch, 1],
      [batch, 3],
    ]);
    for (const { ms } of late) {
      expect(ms).toBeGreaterThanOrEqual(timeoutMs);
      expect(ms).toBeLessThanOrEqual(Math.ceil(monotonicMs() - before));
    }
    // Nothing is told twice: the next that is said is of another.
    const next = host.batch([FOREVER]);
    expect((await host.next())?.header).toMatchObject({ type: 'late', id: next, position: 0 });
  });

  test('is reported after what its neighbours did', async () => {
    const host = await new HostDriver(
      `export const task = (ms) => new Promise((wake) => {
         setTimeout(() => {
           const end = performance.now() + (ms === 1 ? 400 : 0);
           while (performance.now() < end) continue;
           wake();
         }, ms);
       });`,
      { concurrency: 3, timeoutMs: 300 },
    ).ready();
    // While the last one keeps the event loop busy two timers come due: that of the second, and then the one that
    // tells of the first. They fire without a turn between them in which records would be sent.
    host.batch([FOREVER, 250, 1]);
    const before: number[] = [];
    for (let frame = await host.next(); frame?.header.type !== 'late'; frame = await host.next()) {
      before.push(...(frame?.ends ?? []).map(({ t }) => t));
    }
    expect(before.sort()).toEqual([1, 2]);
  });

  test('is none with much time, or any', async () => {
    for (const timeoutMs of [null, 60_000, 1e13]) {
      const host = await new HostDriver(NAPS, { concurrency: 2, timeoutMs }).ready();
      host.batch([80, 80, 80]);
      const frames = await host.answers(3);
      expect(frames.map(({ header }) => header.type)).not.toContain('late');
    }
  });
});

test('several at a time: every task of many batches is answered once', async () => {
  const host = await new HostDriver('export const task = async (x) => x;', { concurrency: 8 }).ready();
  // Tasks that wait for nothing end in one go, and the last ones of a batch together.
  for (let i = 0; i < 6; i++) host.batch(Array.from({ length: 50 }, (_, n) => n));
  const frames = await host.answers(300);
  const answered = new Map<number, number[]>();
  for (const { header, ends } of frames) {
    const { id } = header as OutMessage;
    answered.set(id, [...(answered.get(id) ?? []), ...ends.map(({ t }) => t)]);
  }
  const all = Array.from({ length: 50 }, (_, n) => n);
  const sorted = [...answered].map(([id, tasks]) => [id, tasks.sort((a, b) => a - b)] as const);
  expect(new Map(sorted)).toEqual(new Map([1, 2, 3, 4, 5, 6].map((id) => [id, all])));
  expect(frames.filter(({ header }) => (header as OutMessage).done)).toHaveLength(6);
});

describe('of secrets in a failure', () => {
  test.for(TABLES.redact)('$title', async ({ redact, task, type, message, begins, value, raw }) => {
    const host = await new HostDriver(MIXED, { redact }).ready();
    const [end] = (await host.run([task])).ends;
    const error = end?.error;
    if (message !== undefined) {
      expect(error).toMatchObject({ type: type ?? 'Error', message });
      expect(error?.stack).toContain(message);
      expect(error?.stack).toContain('/home/you/project/tasks.mjs:3:');
    }
    if (begins !== undefined) {
      expect(error?.type).toBe(type);
      expect(error?.message.slice(0, begins.length)).toBe(begins);
    }
    if (value !== undefined) expect(end?.value).toEqual(value);
    if (raw !== undefined) expect(end?.line.endsWith(`,"value":${raw}}`)).toBe(true);
  });

  test('none are told of a module that cannot be loaded', async () => {
    const host = new HostDriver(`throw new TypeError('the s3cret "ñ"');`, { redact: ['s3cret', '"ñ"'] });
    const header = (await host.next())?.header as { error: TaskErrorInfo };
    expect(header).toMatchObject({ type: 'fatal', reason: 'load' });
    expect(header.error).toMatchObject({ type: 'TypeError', message: 'the ****** ***' });
    expect(header.error.stack).toContain('the ****** ***');
    expect(JSON.stringify(header)).not.toContain('s3cret');
  });

  test('a pattern that is none harms no other', async () => {
    const host = await new HostDriver(MIXED, { redact: ['(', 's3cret', '\\-x'] }).ready();
    const { ends } = await host.run([{ do: 'throw', text: 's3cret-x' }]);
    expect(ends[0]?.error?.message).toBe('********');
  });
});
