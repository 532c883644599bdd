/** The conformance server: jobs are searched, canceled, run again and deleted. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type EarthOneServer } from '../support/earthone-server.js';
import { requires } from '../support/requires.js';
import { ACT, withServer } from './act.js';
import { encoded, eq, RawClient } from './raw-client.js';

const ids = (body: { id: string }[]): string[] => body.map(({ id }) => id);

/** What ended and was not yet taken note of by its parent is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The processes of a stubborn job, once they are stubborn. */
async function stubborn(client: RawClient, job: string): Promise<number[]> {
  for (;;) {
    const [line] = await client.log(job);
    if (line !== undefined) return line.split(' ').slice(1).map(Number);
  }
}

describe('steering jobs on the conformance server', { timeout: 180_000, ...requires('python3') }, () => {
  let server: EarthOneServer;
  let client: RawClient;

  beforeAll(async () => {
    server = await startServer();
    client = new RawClient(server);
  });
  afterAll(async () => {
    await server.stop();
  });

  test('cancels: what waits at once, what runs with all it started', async () => {
    const id = await client.build(ACT, { maximum_concurrency: 1 });
    const make = async (): Promise<string> =>
      (await client.call('POST', '/jobs', { function_id: id, args: ['stubborn'] })).body.id as string;
    const [first, second] = [await make(), await make()];
    await client.until(`/jobs/${first}`, ({ status }) => status === 'running');
    const pids = await stubborn(client, first);
    expect(pids.filter(isAlive)).toHaveLength(2);
    expect((await client.call('POST', `/jobs/${second}/cancel`)).body.status).toBe('canceled');
    expect((await client.call('POST', `/jobs/${first}/cancel`)).body.status).toBe('cancel');
    expect((await client.call('DELETE', `/jobs/${first}`)).status).toBe(400);
    expect((await client.call('DELETE', `/functions/${id}`)).status).toBe(400);
    const kept = await client.call('POST', '/jobs/delete', { filter: [eq('id', first)] });
    expect(kept.body).toEqual([]);
    const seen = new Set<string>();
    const job = await client.until(`/jobs/${first}`, ({ status }) =>
      seen.add(status as string).has('canceled'),
    );
    expect(job).toMatchObject({ status: 'canceled', execution_count: 1 });
    expect([...seen].filter((status) => !['cancel', 'canceling', 'canceled'].includes(status))).toEqual([]);
    await expect.poll(() => pids.filter(isAlive), { timeout: 120_000 }).toEqual([]);
    expect((await client.call('POST', `/jobs/${first}/cancel`)).body.status).toBe('canceled');
    expect((await client.call('GET', `/jobs/${second}`)).body.execution_count).toBe(0);
  });

  test('runs no more at a time than a function may', async () => {
    const side = mkdtempSync(join(tmpdir(), 'dl-jobs-side-'));
    try {
      const source = `
import os, time
def main(folder, i):
    os.mkdir(folder + '/busy')
    time.sleep(0.02)
    os.rmdir(folder + '/busy')
`;
      const id = await client.build(source, { maximum_concurrency: 1 });
      const bulk_args = Array.from({ length: 10 }, (_, i) => [side, i]);
      const { body } = await client.call('POST', '/jobs/bulk', { function_id: id, bulk_args });
      for (const job of body)
        expect(await client.ended(job.id as string)).toMatchObject({ status: 'success' });
      expect(readdirSync(side)).toEqual([]);
    } finally {
      rmSync(side, { recursive: true });
    }
  });

  test('cancels, reruns and deletes by filters', async () => {
    const id = await client.build(ACT, { auto_start: false });
    const of = eq('function_id', id);
    const bulk_args = [
      ['fail', 'a'],
      ['value', 1],
      ['fail', 'b'],
      ['fail', 'c'],
      ['value', 2],
    ];
    const made = ids((await client.call('POST', '/jobs/bulk', { function_id: id, bulk_args })).body as never);
    const many = async (what: string, more: object): Promise<{ id: string; status: string }[]> =>
      (await client.call('POST', `/jobs/${what}`, { filter: [of], ...more })).body as never;
    expect(ids(await many('cancel', { limit: 1, sort: ['-creation_date'] }))).toEqual([made[4]]);
    expect(
      await many('cancel', { filter: [of, { or: [eq('id', made[3]), eq('id', made[4])] }] }),
    ).toMatchObject([{ id: made[3], status: 'canceled' }]);
    await client.call('PATCH', `/functions/${id}`, { status: 'ready' });
    for (const job of made.slice(0, 3)) await client.ended(job);
    await client.call('PATCH', `/functions/${id}`, { status: 'stopped' });
    expect(await many('rerun', { filter: [eq('status', 'failure'), of], limit: 1 })).toMatchObject([
      { id: made[0], status: 'pending', last_completion_date: null },
    ]);
    expect(ids(await many('rerun', {}))).toEqual([made[2], made[3], made[4]]);
    expect(await many('rerun', {})).toEqual([]);
    await client.call('PATCH', `/functions/${id}`, { status: 'ready' });
    const ended = [];
    for (const job of made) ended.push(await client.ended(job));
    expect(ended.map((job) => [job.status, job.execution_count])).toEqual([
      ['failure', 2],
      ['success', 1],
      ['failure', 2],
      ['failure', 1],
      ['success', 1],
    ]);
    const search = await client.call('GET', `/jobs?filter=${encoded([of])}&sort=last_completion_date`);
    expect(ids(search.body.data as never)[0]).toBe(made[1]);
    expect(search.body.data).toHaveLength(5);
    const gone = await many('delete', { filter: [of, eq('status', 'success')], delete_results: false });
    expect(gone).toEqual([made[1], made[4]]);
    // Results outlive jobs, unless they are to go too.
    expect(await client.result(ended[1] as never)).not.toBeNull();
    expect((await client.call('DELETE', `/functions/${id}`)).status).toBe(204);
    expect((await client.call('GET', `/jobs/${made[0]}`)).status).toBe(404);
    expect((await client.call('GET', `/jobs?filter=${encoded([of])}&limit=0`)).body.meta.total).toBe(0);
    expect((await client.call('POST', '/jobs/cancel', { filter: 'x' })).status).toBe(422);
  });

  test('filters, sorts and pages as asked', async () => {
    const id = await client.build(ACT);
    const of = eq('function_id', id);
    const jobs: { id: string; last_completion_date: string }[] = [];
    for (let i = 0; i < 7; i++) {
      jobs.push(
        await client.run(id, i % 3 === 0 ? ['fail', 'x'] : ['value', i], {
          tags: [`n${i}`, i < 4 ? 'low' : 'high'],
        }),
      );
    }
    const found = async (filter: unknown[], rest = ''): Promise<number[]> => {
      const { body, status } = await client.call('GET', `/jobs?filter=${encoded([of, ...filter])}${rest}`);
      expect(status).toBe(200);
      return ids(body.data as never).map((one) => jobs.findIndex((job) => job.id === one));
    };
    const is = (name: string, op: string, val: unknown): object => ({ name, op, val });
    const date = (i: number): string => jobs[i]!.last_completion_date;
    expect(await found([])).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(await found([eq('status', 'failure')])).toEqual([0, 3, 6]);
    expect(await found([is('status', 'ne', 'failure')])).toEqual([1, 2, 4, 5]);
    expect(await found([{ or: [eq('status', 'failure'), eq('tags', 'low')] }])).toEqual([0, 1, 2, 3, 6]);
    expect(
      await found([{ or: [eq('tags', 'n5'), { and: [eq('tags', 'low'), is('exit_code', 'gte', 1)] }] }]),
    ).toEqual([0, 3, 5]);
    expect(await found([is('tags', 'ne', 'low')])).toEqual([4, 5, 6]);
    expect(await found([is('tags', 'prefix', 'n')], '&limit=0')).toEqual([]);
    expect(await found([is('id', 'prefix', jobs[2]!.id.slice(0, 13))])).toEqual([2]);
    expect(await found([{ or: [eq('id', jobs[5]!.id), eq('id', jobs[1]!.id), eq('id', 'none')] }])).toEqual([
      1, 5,
    ]);
    expect(await found([is('exit_code', 'lt', 1)])).toEqual([1, 2, 4, 5]);
    for (const end of ['', 'Z', '+00:00']) {
      expect(await found([is('last_completion_date', 'gt', date(3) + end)])).toEqual([4, 5, 6]);
      expect(await found([is('last_completion_date', 'gte', date(3) + end)])).toEqual([3, 4, 5, 6]);
    }
    const range = {
      and: [is('last_completion_date', 'gt', date(1)), is('last_completion_date', 'lte', date(3))],
    };
    expect(await found([range])).toEqual([2, 3]);
    expect(await found([is('creation_date', 'lt', Date.now() / 1000 - 3600)])).toEqual([]);
    expect(await found([is('creation_date', 'lt', Date.now() / 1000 + 60)], '&sort=-creation_date')).toEqual([
      6, 5, 4, 3, 2, 1, 0,
    ]);
    expect(await found([], '&sort=-exit_code&sort=-last_completion_date')).toEqual([6, 3, 0, 5, 4, 2, 1]);
    expect(await found([eq('status', 'running')])).toEqual([]);
    expect(await found([], '&status=failure&status=timeout')).toEqual([0, 3, 6]);

    for (const [limit, sizes] of [
      ['', [3, 3, 1]],
      ['&limit=5', [3, 2]],
      ['&limit=3', [3]],
    ] as const) {
      let page = await client.call('GET', `/jobs?function_id=${id}&page_size=3&sort=-id${limit}`);
      const pages = [ids(page.body.data as never)];
      while (page.body.meta.page_cursor !== null) {
        page = await client.call(
          'GET',
          `/jobs?page_cursor=${encodeURIComponent(page.body.meta.page_cursor as string)}`,
        );
        pages.push(ids(page.body.data as never));
      }
      expect(pages.map((one) => one.length)).toEqual(sizes);
      const all = ids(jobs).sort().reverse();
      expect(pages.flat()).toEqual(
        all.slice(
          0,
          sizes.reduce((a: number, b: number) => a + b, 0),
        ),
      );
    }
  });

  test('searches may tell an end late; a look at the job itself does not', async () => {
    await withServer({ stale: 3_600_000 }, async (late) => {
      const id = await late.build(ACT);
      const job = await late.run(id, ['value', 1]);
      const search = async (filter: unknown[]): Promise<unknown[]> =>
        (await late.call('GET', `/jobs?filter=${encoded([eq('function_id', id), ...filter])}`)).body
          .data as unknown[];
      expect(await search([])).toMatchObject([
        { status: 'running', last_completion_date: null, exit_code: null },
      ]);
      expect(await search([eq('status', 'success')])).toEqual([]);
      expect(await search([eq('status', 'running')])).toHaveLength(1);
      late.server.faults.clear();
      expect(await search([eq('status', 'success')])).toEqual([job]);
      expect(await search([eq('status', 'running')])).toEqual([]);
    });
  });

  test('preempted executions begin anew, and cost no retry', async () => {
    await withServer({ preempt: 0.6, seed: 3 }, async (rough) => {
      const id = await rough.build(ACT, { retry_count: 0 });
      const bulk_args = Array.from({ length: 20 }, (_, i) => (i === 7 ? ['fail', 'x'] : ['sleep', 0.03]));
      const { body } = await rough.call('POST', '/jobs/bulk', { function_id: id, bulk_args });
      const ended = [];
      for (const job of body) ended.push(await rough.ended(job.id as string));
      expect(ended.map((job) => job.status)).toEqual(
        bulk_args.map((_, i) => (i === 7 ? 'failure' : 'success')),
      );
      const { counters } = rough.server;
      const executions = ended.map((job) => job.execution_count as number);
      expect(counters.preempted).toBeGreaterThan(0);
      expect(executions.reduce((a, b) => a + b, 0)).toBe(20 + counters.preempted);
      expect(ended.map((job) => counters.executions.get(job.id as string))).toEqual(executions);
    });
  });

  test('stops with nothing left', async () => {
    const other = await startServer();
    const use = new RawClient(other);
    const id = await use.build(ACT);
    const { body } = await use.call('POST', '/jobs', { function_id: id, args: ['stubborn'] });
    const pids = await stubborn(use, body.id as string);
    expect(pids.filter(isAlive)).toHaveLength(2);
    expect(other.processes()).toEqual(pids.slice(0, 1));
    await other.stop();
    await expect.poll(() => pids.filter(isAlive), { timeout: 120_000 }).toEqual([]);
    await expect(use.call('GET', '/jobs')).rejects.toThrow();
  });
});
