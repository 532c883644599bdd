/** What a worker makes of hosts that are slow, silent, stopped or dead at an inconvenient moment. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { onLinux, until } from '../e2e/processes.js';
import { startRound } from './round.js';

const byTask = <T extends { readonly t: number }>(ends: readonly T[]): T[] =>
  [...ends].sort((a, b) => a.t - b.t);

// Limits of time are a second: a pause of the machine may not make a quick task late.
describe('a task that is over its time', () => {
  test('is charged, and those around it in its batch lose nothing', async () => {
    const round = startRound(['ok', 'hang', 'ok', 'ok'], { policy: { timeout: 1 }, together: 4 });
    await round.worker.done;
    const ends = byTask(round.ends());
    expect(ends.map(({ t, a, ft }) => [t, a, ft])).toEqual([
      [0, 1, undefined],
      [1, 1, 'timeout'],
      [2, 1, undefined],
      [3, 1, undefined],
    ]);
    expect(ends[1]?.d).toBeGreaterThan(1_000);
    expect(ends[1]?.error).toMatchObject({
      type: 'Timeout',
      message: expect.stringContaining('may take 1s') as string,
    });
  });

  test('is ok when its answer comes while its host is being ended', async () => {
    const round = startRound(['late', 'ok', 'ok'], { policy: { timeout: 1 }, together: 3 });
    await round.worker.done;
    const ends = byTask(round.ends());
    expect(ends.map(({ t, a, s }) => [t, a, s])).toEqual([
      [0, 1, 'ok'],
      [1, 1, 'ok'],
      [2, 1, 'ok'],
    ]);
  });

  test('is charged after a grace when its process does not want to end', async () => {
    const round = startRound(['obstinate', 'ok'], { policy: { timeout: 1 } });
    await round.worker.done;
    const [late, other] = byTask(round.ends());
    expect(late).toMatchObject({ t: 0, ft: 'timeout' });
    expect(late?.d).toBeGreaterThan(5_000);
    expect(other).toMatchObject({ t: 1, s: 'ok' });
  });

  test('is told from the time between tasks, in which a process can hang too', async () => {
    const round = startRound(['silent', 'ok', 'ok'], { policy: { timeout: 1 }, together: 1 });
    await round.worker.done;
    expect(byTask(round.ends()).map(({ t, s }) => [t, s])).toEqual([
      [0, 'ok'],
      [1, 'ok'],
      [2, 'ok'],
    ]);
  });

  test('is ended also where its process is stopped', onLinux, async () => {
    const round = startRound(['hang', 'ok'], { policy: { timeout: 1 } });
    await until('a task runs', () => round.worker.hosts()[0]?.state === 'running');
    process.kill(round.worker.hosts()[0]?.pid as number, 'SIGSTOP');
    await until('it is stopped', () => round.worker.hosts()[0]?.state === 'stopped');
    await round.worker.done;
    expect(byTask(round.ends()).map(({ ft }) => ft)).toEqual(['timeout', undefined]);
  });
});

describe('the task that a dying host named', () => {
  test('is charged at once where the host keeps note of it', async () => {
    const round = startRound(['ok', 'die', 'ok'], { policy: { timeout: 60 }, together: 3 });
    await round.worker.done;
    expect(byTask(round.ends()).map(({ ft }) => ft)).toEqual([undefined, 'crash', undefined]);
    expect(round.starts().map(({ p }) => p)).toEqual([[[0, 3]], [[2, 1]]]);
  });

  test('is not known elsewhere: what may have done it runs again, alone', async () => {
    const round = startRound(['ok', 'die', 'ok'], { together: 3 });
    await round.worker.done;
    expect(byTask(round.ends()).map(({ ft }) => ft)).toEqual([undefined, 'crash', undefined]);
    expect(round.starts().map(({ p }) => p)).toEqual([[[0, 3]], [[2, 1]], [[1, 1]]]);
  });
});

describe('a task that is tried again', () => {
  test('by its host’s word runs with the next attempt', async () => {
    const round = startRound(['ok', 'again', 'ok', 'again'], { policy: { retries: 1 }, together: 2 });
    await round.worker.done;
    expect(byTask(round.ends()).map(({ t, a, s, fin }) => [t, a, s, fin])).toEqual([
      [0, 1, 'ok', undefined],
      [1, 1, 'error', false],
      [1, 2, 'ok', undefined],
      [2, 1, 'ok', undefined],
      [3, 1, 'error', false],
      [3, 2, 'ok', undefined],
    ]);
    expect(
      round
        .starts()
        .filter(({ a }) => a === 2)
        .flatMap(({ p }) => p),
    ).toEqual([
      [1, 1],
      [3, 1],
    ]);
  });

  test('after it ended its process has its last record as the final one', async () => {
    const round = startRound(['die', 'ok', 'hang'], { policy: { retries: 2, timeout: 1 }, hosts: 2 });
    await round.worker.done;
    const of = (task: number) => round.ends().filter(({ t }) => t === task);
    expect(of(0).map(({ a, ft, fin }) => [a, ft, fin])).toEqual([
      [1, 'crash', false],
      [2, 'crash', false],
      [3, 'crash', undefined],
    ]);
    expect(of(1).map(({ a, s }) => [a, s])).toEqual([[1, 'ok']]);
    expect(of(2).map(({ a, ft, fin }) => [a, ft, fin])).toEqual([
      [1, 'timeout', false],
      [2, 'timeout', false],
      [3, 'timeout', undefined],
    ]);
  });

  test('waits before it is, and no longer once the round is stopped', async () => {
    const round = startRound(['die', 'ok'], { policy: { retries: 9, retryDelay: 3_600 } });
    await until('both have ended', () => round.ends().length === 2);
    expect(round.worker.status()).toMatchObject({ inFlight: 0 });
    round.worker.stop(Infinity);
    await round.worker.done;
    expect(round.ends().map(({ fin }) => fin)).toEqual([false, undefined]);
  });
});

describe('a round that is stopped', () => {
  test('lets what runs end in its own time, and begins nothing more', async () => {
    const round = startRound(['late', 'ok', 'ok', 'ok']);
    // Not `running`: that is said before the task can hear SIGTERM.
    await until('the task waits for SIGTERM', () => existsSync(join(round.dir, 'late-listens')));
    round.worker.stop(Infinity);
    process.kill(round.worker.hosts()[0]?.pid as number, 'SIGTERM');
    await round.worker.done;
    expect(round.ends()).toMatchObject([{ t: 0, s: 'ok' }]);
  });

  test('records a task that crashes meanwhile', async () => {
    const round = startRound(['hang', 'ok']);
    await until('a task runs', () => round.worker.hosts()[0]?.state === 'running');
    round.worker.stop(Infinity);
    process.kill(round.worker.hosts()[0]?.pid as number, 'SIGKILL');
    await round.worker.done;
    expect(round.ends()).toMatchObject([{ t: 0, ft: 'crash', error: { signal: 'SIGKILL' } }]);
  });

  test('can be stopped with less patience later, and records nothing of what it kills', async () => {
    const round = startRound(['hang', 'hang', 'ok'], { hosts: 2 });
    await until('two tasks run', () => {
      const hosts = round.worker.hosts();
      // There are none at first, of which all would be running.
      return hosts.length === 2 && hosts.every(({ state }) => state === 'running');
    });
    round.worker.stop(Infinity);
    round.worker.stop(3_600_000);
    round.worker.stop(200);
    await round.worker.done;
    expect(round.ends()).toEqual([]);
    expect(round.worker.hosts()).toEqual([]);
  });
});

test('what goes to the journal comes with the bounds of its tasks', async () => {
  const round = startRound(['ok', 'ok', 'again', 'die', 'ok'], {
    policy: { retries: 1, timeout: 60, retryOn: ['exception'] },
    together: 5,
  });
  await round.worker.done;
  const spans = round.entries.map(({ span, records }) => {
    const [record] = records;
    return record?.k === 'end' ? [record.t, record.a, span] : ['start', span];
  });
  expect(spans.slice(0, 4)).toEqual([
    ['start', [0, 4]],
    [0, 1, [0, 4]],
    [1, 1, [0, 4]],
    [2, 1, [0, 4]],
  ]);
  expect(spans).toContainEqual([3, 1, [3, 3]]);
  expect(spans).toContainEqual([4, 1, [4, 4]]);
  expect(spans).toContainEqual([2, 2, [2, 2]]);
  expect(spans.filter(([kind]) => kind === 'start').slice(1)).toEqual(
    expect.arrayContaining([
      ['start', [2, 2]],
      ['start', [4, 4]],
    ]) as unknown,
  );
});

test('hosts say what they do', onLinux, async () => {
  const before = Date.now();
  const round = startRound(['ok', 'hang'], { policy: { timeout: 60 }, together: 2 });
  // What it runs stands in shared memory, and may be seen before its answer to the first task is read.
  const isAtSecond = ([host] = round.worker.hosts()): boolean => host?.task === 1 && host.tasks === 1;
  await until('the second task runs', () => isAtSecond());
  const [host] = round.worker.hosts();
  expect(host).toMatchObject({ host: 0, tasks: 1, state: 'running' });
  expect(host?.since).toBeGreaterThanOrEqual(before - 1);
  expect(host?.since).toBeLessThanOrEqual(Date.now() + 1);
  expect(host?.rss).toBeGreaterThan(1_000);
});

test('a task that travels alone is known to have begun before it does', async () => {
  const round = startRound(['late']);
  await until('it has begun', () => existsSync(join(round.dir, 'late-listens')));
  expect(round.writtenStarts().map(({ p }) => p)).toEqual([[[0, 1]]]);
  process.kill(round.worker.hosts()[0]?.pid as number, 'SIGTERM');
  await round.worker.done;
});

test('a host that is stopped by a signal is named once, and can go on', onLinux, async () => {
  const round = startRound(['late', 'ok']);
  // A worker calls a host running as soon as it sent a batch: before that, SIGTERM would just end the process.
  await until('the task waits for SIGTERM', () => existsSync(join(round.dir, 'late-listens')));
  const pid = round.worker.hosts()[0]?.pid as number;
  process.kill(pid, 'SIGSTOP');
  await until('somebody notices', () => round.warnings.length > 0);
  expect(round.warnings).toEqual([
    `host 0 (pid ${pid}) is stopped by a signal; \`kill -CONT ${pid}\` lets it go on`,
  ]);
  process.kill(pid, 'SIGTERM');
  process.kill(pid, 'SIGCONT');
  await round.worker.done;
  expect(round.ends().map(({ s }) => s)).toEqual(['ok', 'ok']);
  expect(round.warnings).toHaveLength(1);
});
