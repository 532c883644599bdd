/** The conformance server: faults on demand and by chance, and what they leave. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startServer, type EarthOneServer, type FaultKind } from '../support/earthone-server.js';
import { requires } from '../support/requires.js';
import { encoded, eq, RawClient, send } from './raw-client.js';

const DOUBLE = 'def main(x):\n    return x * 2\n';

describe('faults of the conformance server', requires('python3'), () => {
  let server: EarthOneServer;
  let client: RawClient;
  let id: string;

  beforeAll(async () => {
    server = await startServer();
    client = new RawClient(server);
    id = await client.build(DOUBLE);
  });
  beforeEach(() => {
    server.faults.clear();
  });
  afterAll(async () => {
    await server.stop();
  });

  const made = (): number => server.counters.jobsByFunction.get(id) ?? 0;
  const bulk = (reference_id: string): ReturnType<RawClient['call']> =>
    client.call('POST', '/jobs/bulk', { function_id: id, bulk_args: [[1], [2], [3]], reference_id });

  test.each(['500', '502', '503', '429', '429-date', '429-bare', '401'] as const)(
    '%s is answered once, and nothing happens',
    async (kind) => {
      const before = made();
      server.faults.retryAfter = 7;
      server.faults.next(kind, { method: 'POST', path: '/jobs' });
      const job = { function_id: id, args: [1], kwargs: {}, tags: [] };
      expect((await client.call('GET', '/jobs?limit=0')).status).toBe(200);
      const asked = Date.now();
      const answer = await client.call('POST', '/jobs', job);
      expect(answer.status).toBe(Number(kind.slice(0, 3)));
      const after = answer.headers.get('retry-after');
      if (kind === '429') expect(after).toBe('7');
      else if (kind === '429-date') {
        expect(Date.parse(after!) - asked).toBeGreaterThanOrEqual(7000);
        expect(Date.parse(after!) - Date.now()).toBeLessThan(9000);
      } else expect(after).toBeNull();
      if (kind === '502') expect(answer.body).toMatch(/^<html>/);
      expect(made()).toBe(before);
      if (kind === '401') {
        // The token is gone for good; a new one is not.
        expect((await client.call('POST', '/jobs', job)).status).toBe(401);
        client.token = server.issueToken();
      }
      expect((await client.call('POST', '/jobs', job)).status).toBe(200);
      expect(server.faults.counts[kind]).toBe(1);
    },
  );

  test.each([
    ['drop-before', 0],
    ['drop-after', 3],
    ['drop-body', 3],
    ['error-after', 3],
  ] as const)('%s of a bulk create leaves %i jobs, and the repeat makes the rest', async (kind, left) => {
    const before = made();
    const reference = crypto.randomUUID();
    server.faults.next(kind, { path: '/jobs/bulk' });
    if (kind === 'error-after') expect((await bulk(reference)).status).toBe(500);
    else await expect(bulk(reference)).rejects.toThrow();
    expect(made() - before).toBe(left);
    const again = await bulk(reference);
    expect(again.body).toHaveLength(3);
    expect(made() - before).toBe(3);
    expect(server.requests.filter(({ fault }) => fault === kind)).toHaveLength(1);
  });

  test('a bulk create that is delivered twice makes its jobs once; a single create twice', async () => {
    const before = made();
    server.faults.next('duplicate', { times: 2 });
    expect((await bulk(crypto.randomUUID())).body).toHaveLength(3);
    expect(made() - before).toBe(3);
    await client.call('POST', '/jobs', { function_id: id, args: [1] });
    expect(made() - before).toBe(5);
  });

  test('a slow body comes whole', async () => {
    server.faults.next('slow-body');
    const job = await client.run(id, [4]);
    const slow = await client.call('GET', `/jobs/${job.id}`);
    server.faults.next('slow-body');
    expect((await client.call('GET', `/jobs/${job.id}`)).body).toEqual(slow.body);
  });

  test('presigned URLs fail on their own', async () => {
    const job = await client.run(id, [4]);
    const blob = `compute/${encodeURIComponent(server.namespace)}/${id}/${job.id}`;
    const { body } = await client.call('GET', `${server.urls.catalog}/storage/download/${blob}`);
    const url = body.data.attributes.resumable_url as string;
    server.faults.set({ 'presigned-503': 1 });
    expect((await send('GET', url)).status).toBe(503);
    expect((await client.call('GET', `/jobs/${job.id}`)).status).toBe(200);
    server.faults.rates = { 'presigned-403': 1 };
    expect((await send('GET', url)).status).toBe(403);
    server.faults.clear();
    expect((await send('GET', url)).body).toBe(8);
  });

  test('tokens can be ended all at once', async () => {
    server.expireTokens();
    expect((await client.call('GET', '/jobs')).status).toBe(401);
    client.token = server.issueToken();
    expect((await client.call('GET', '/jobs?limit=0')).status).toBe(200);
  });

  test('on demand they meet what fits, after what is to pass', async () => {
    server.faults.next('500', { method: 'GET', path: /^\/jobs\/.*\/log$/, after: 1, times: 2 });
    const job = await client.run(id, [1]);
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await client.call('GET', `/jobs/${job.id}/log`)).status);
    expect(statuses).toEqual([200, 500, 500, 200]);
  });

  test('with everything wrong by chance, jobs are made and run once', { timeout: 200_000 }, async () => {
    const kinds: FaultKind[] = [
      '500',
      '502',
      '503',
      '429-bare',
      '401',
      'drop-before',
      'drop-after',
      'drop-body',
    ];
    const rates = Object.fromEntries(
      [...kinds, 'slow-body', 'error-after', 'duplicate'].map((kind) => [kind, 0.08]),
    );
    const rough = await startServer({ seed: 7 });
    try {
      const use = new RawClient(rough);
      const fn = await use.build(DOUBLE);
      rough.faults.set(rates);
      const until = async (method: string, path: string, body?: unknown): ReturnType<RawClient['call']> => {
        for (;;) {
          const answer = await use.call(method, path, body).catch(() => null);
          if (answer?.status === 401) use.token = rough.issueToken();
          if (answer?.status === 200) return answer;
        }
      };
      for (let i = 0; i < 100; i++) {
        const bulk_args = Array.from({ length: 4 }, (_, k) => [i * 4 + k]);
        await until('POST', '/jobs/bulk', { function_id: fn, bulk_args, reference_id: crypto.randomUUID() });
      }
      const filter = encoded([eq('function_id', fn), eq('status', 'success')]);
      const ended = async (): Promise<number> =>
        (await until('GET', `/jobs?filter=${filter}&limit=0`)).body.meta.total as number;
      await expect.poll(ended, { timeout: 150_000 }).toBe(400);
      const jobs = rough.jobs();
      expect(jobs.map((job) => job.args)).toEqual(Array.from({ length: 400 }, (_, i) => `[${i}]`));
      expect([...rough.counters.executions.values()].filter((count) => count !== 1)).toEqual([]);
      expect([...rough.counters.jobsByReference.values()].filter((count) => count !== 4)).toEqual([]);
      expect(rough.counters.repeatedBulks).toBeGreaterThan(0);
      // What the creates met follows from the seed: they came one after the other.
      for (const kind of Object.keys(rates))
        expect(rough.faults.counts[kind as FaultKind]).toBeGreaterThan(0);
    } finally {
      await rough.stop();
    }
  });

  test('cursors by offset move with what changes; those by keys do not', async () => {
    for (const cursors of ['keys', 'offset'] as const) {
      const other = await startServer({ cursors });
      try {
        const use = new RawClient(other);
        const fn = await use.build(DOUBLE, { auto_start: false });
        const bulk_args = Array.from({ length: 6 }, (_, i) => [i]);
        const { body: jobs } = await use.call('POST', '/jobs/bulk', { function_id: fn, bulk_args });
        const first = await use.call('GET', `/jobs?function_id=${fn}&status=pending&page_size=2`);
        await use.call('POST', `/jobs/${jobs[0].id}/cancel`);
        const second = await use.call('GET', `/jobs?page_cursor=${first.body.meta.page_cursor}`);
        expect(second.body.data.map((job: { args: number[] }) => job.args[0])).toEqual(
          cursors === 'keys' ? [2, 3] : [3, 4],
        );
      } finally {
        await other.stop();
      }
    }
  });
});
