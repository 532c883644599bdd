/**
 * The conformance server: each exchange of the API that is known. What jobs do is in server-jobs.test.ts.
 * lines: one exchange after the other, as the facts about the API are listed
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { strToU8, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type EarthOneServer } from '../support/earthone-server.js';
import { repoRoot } from '../support/project.js';
import { requires } from '../support/requires.js';
import { withServer } from './act.js';
import { encoded, eq, RawClient, send } from './raw-client.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NAIVE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;
const DOUBLE = 'def main(x=1, k=0):\n    return x * 2 + k\n';
const FIELDS = { name: 'go', image: 'python3.10:latest', cpus: 1, memory: 2048 };
const JSON_TYPE = { 'content-type': 'application/json' };

const claims = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;

describe('the conformance server', requires('python3'), () => {
  let server: EarthOneServer;
  let client: RawClient;

  beforeAll(async () => {
    server = await startServer();
    client = new RawClient(server);
  });
  afterAll(async () => {
    await server.stop();
  });

  const tokenBody = (): Record<string, string> => ({
    client_id: server.clientId,
    grant_type: 'refresh_token',
    refresh_token: server.clientSecret,
  });
  const askToken = (of: EarthOneServer, body: object): ReturnType<typeof send> =>
    send('POST', `${of.urls.iam}/token`, { headers: JSON_TYPE, body: JSON.stringify(body) });

  test('gives tokens under either name, with claims and a lifetime', async () => {
    const plain = await askToken(server, tokenBody());
    expect(plain.status).toBe(200);
    expect(Object.keys(plain.body as object)).toEqual(['id_token']);
    const held = claims(plain.body.id_token as string);
    expect(held).toMatchObject({ aud: server.clientId, earthdaily__dl__org: 'acme' });
    expect(`acme:${String(held['earthdaily__dl__userid'])}`).toBe(server.namespace);
    expect(Number(held['exp']) - Number(held['iat'])).toBe(3600);
    await withServer({ tokenField: 'access_token', tokenLifetime: 7 }, async ({ server: other }) => {
      const { body } = await askToken(other, tokenBody());
      expect(Object.keys(body as object)).toEqual(['access_token']);
      const { exp, iat } = claims(body.access_token as string);
      expect(Number(exp) - Number(iat)).toBe(7);
    });
  });

  test.each([
    ['a missing field', { client_id: 'x', grant_type: 'refresh_token' }, 400],
    ['another grant', { client_id: 'x', grant_type: 'password', refresh_token: 'y' }, 400],
    ['wrong credentials', { client_id: 'x', grant_type: 'refresh_token', refresh_token: 'y' }, 401],
  ])('refuses a token for %s', async (_name, body, status) => {
    expect((await askToken(server, body)).status).toBe(status);
  });

  test('lets nobody in without a good token', async () => {
    const without = await send('GET', `${server.urls.compute}/jobs`);
    expect([without.status, typeof without.body.detail]).toEqual([401, 'string']);
    const other = new RawClient(server);
    other.token = server.issueToken(-1);
    expect((await other.call('GET', '/jobs')).status).toBe(401);
    other.token = 'a.b.c';
    expect((await other.call('GET', '/jobs')).status).toBe(401);
    expect((await other.call('GET', `${server.urls.catalog}/storage/x`)).status).toBe(401);
  });

  test('stores credentials, without which no function is made', async () => {
    await withServer({}, async (fresh) => {
      expect((await fresh.call('GET', '/credentials')).status).toBe(404);
      expect((await fresh.call('POST', '/functions', FIELDS)).status).toBe(400);
      const wrong = await fresh.call('POST', '/credentials', { client_id: 'a', client_secret: 'b' });
      expect(wrong.status).toBe(400);
      const { clientId: client_id, clientSecret: client_secret } = fresh.server;
      expect((await fresh.call('POST', '/credentials', { client_id, client_secret })).status).toBe(200);
      expect((await fresh.call('GET', '/credentials')).bytes).toHaveLength(0);
      expect((await fresh.call('POST', '/functions', FIELDS)).status).toBe(200);
    });
  });

  test('makes a function, takes its bundle on another origin, and builds it', async () => {
    await client.build(DOUBLE);
    const { status, body } = await client.call('POST', '/functions', {
      ...FIELDS,
      maximum_concurrency: 2,
      timeout: 60,
      retry_count: 0,
      environment: { A: 'b' },
    });
    expect(status).toBe(200);
    expect(body.function).toMatchObject({
      ...FIELDS,
      status: 'awaiting_bundle',
      namespace: server.namespace,
      environment: { A: 'b' },
      enabled: true,
      auto_start: true,
    });
    expect(body.function.id).toMatch(UUID);
    expect(body.function.creation_date).toMatch(NAIVE);
    const id = body.function.id as string;
    const url = body.bundle_upload_url as string;
    expect(url.startsWith(server.urls.storage)).toBe(true);
    expect(server.urls.storage).not.toBe(new URL(server.urls.compute).origin);

    expect((await client.call('GET', `/functions/${id}/log`)).status).toBe(404);
    expect((await client.call('POST', `/functions/${id}/bundle`)).status).toBe(400);
    const zip = zipSync({ '__dlentrypoint__.py': strToU8(DOUBLE) });
    const type = { 'content-type': 'application/octet-stream' };
    const put = async (at: string, headers: Record<string, string>): Promise<number> =>
      (await send('PUT', at, { headers, body: zip })).status;
    expect(await put(url, { ...type, authorization: `Bearer ${client.token}` })).toBe(400);
    expect(
      await put(
        url.replace(/.$/, (end) => (end === '0' ? '1' : '0')),
        type,
      ),
    ).toBe(403);
    expect(await put(url.replace(/X-Expires=\d+/, 'X-Expires=9999999999'), type)).toBe(403);
    expect(await put(url, { 'content-type': 'application/zip' })).toBe(403);
    expect((await send('GET', url)).status).toBe(403);
    expect((await client.call('POST', `/functions/${id}/bundle`)).status).toBe(400);
    expect(await put(url, type)).toBe(200);
    const done = await client.call('POST', `/functions/${id}/bundle`);
    expect(done.body).toMatchObject({ id, status: 'building' });
    await client.until(`/functions/${id}`, (fn) => fn.status === 'ready');
    expect((await client.call('POST', `/functions/${id}/bundle`)).status).toBe(409);

    const log = await client.call('GET', `/functions/${id}/log`);
    expect(log.headers.get('content-encoding')).toBeNull();
    expect(gunzipSync(log.bytes).toString()).toMatch(/Build succeeded\n$/);
  });

  test('ends the life of presigned URLs, and of tokens, by its own clock', async () => {
    await withServer({ presignedLifetime: -1, clockSkew: 3600_000 }, async (late) => {
      const { clientId: client_id, clientSecret: client_secret } = late.server;
      await late.call('POST', '/credentials', { client_id, client_secret });
      const { body } = await late.call('POST', '/functions', FIELDS);
      expect((await late.upload(body.bundle_upload_url as string, zipSync({}))).status).toBe(403);
      expect(Number(claims(late.token)['iat'])).toBeGreaterThan(Date.now() / 1000 + 3000);
    });
  });

  test.each([
    ['no zip', Buffer.from('not a zip'), /no zip/],
    ['no entry point', zipSync({ 'x.py': strToU8('') }), /no __dlentrypoint__/],
    [
      'an entry point that does not compile',
      zipSync({ '__dlentrypoint__.py': strToU8('def (') }),
      /SyntaxError/,
    ],
    ['an entry outside', zipSync({ '__dlentrypoint__.py': strToU8(''), '../x': strToU8('') }), /outside/],
    [
      'wrong requirements',
      zipSync({ '__dlentrypoint__.py': strToU8(''), 'requirements.txt': strToU8('numpy>=1\nthis is none') }),
      /Invalid requirement: "this is none"/,
    ],
  ])('fails a build of %s', async (_name, bundle, said) => {
    await client.build(DOUBLE);
    const made = await client.call('POST', '/functions', FIELDS);
    const id = made.body.function.id as string;
    await client.upload(made.body.bundle_upload_url as string, bundle);
    await client.call('POST', `/functions/${id}/bundle`);
    const waiting = await client.call('POST', '/jobs', { function_id: id, args: [1], kwargs: {}, tags: [] });
    expect(waiting.status).toBe(200);
    await client.until(`/functions/${id}`, (fn) => fn.status === 'build_failed');
    expect(gunzipSync((await client.call('GET', `/functions/${id}/log`)).bytes).toString()).toMatch(said);
    expect((await client.call('GET', `/jobs/${waiting.body.id}`)).body.status).toBe('pending');
    expect((await client.call('POST', '/jobs', { function_id: id, args: [] })).status).toBe(400);
    expect((await client.call('PATCH', `/functions/${id}`, { status: 'ready' })).status).toBe(400);
  });

  test('takes requirements as the official client does, and says that it installs none', async () => {
    const lines = ['a', 'A.b-c[x, y]>=1.0,!=2; python_version < "3.9"', '# c', '-r f', 'https://x/y.whl'];
    const id = await client.build({
      '__dlentrypoint__.py': DOUBLE,
      'requirements.txt': [...lines, 'torch==2.0.1+cpu', 'git+https://x/y', 'p @ file:///x'].join('\n'),
    });
    expect((await client.call('GET', `/functions/${id}`)).body.status).toBe('ready');
    const log = gunzipSync((await client.call('GET', `/functions/${id}/log`)).bytes).toString();
    expect(log).toContain('NOT installed');
  });

  test.each([
    ['an image', { ...FIELDS, image: undefined }, 'image', 'Field is required'],
    ['a vendor image', { ...FIELDS, image: 'nvidia/cuda' }, 'image', 'Must be a valid docker image'],
    ['sold memory', { ...FIELDS, memory: 300 }, 'memory', 'With 1 cpus memory must be'],
    ['sold cpus', { ...FIELDS, cpus: 3 }, 'cpus', 'Must be one of'],
    ['known fields', { ...FIELDS, gpus: 1 }, 'gpus', 'Unknown field'],
    ['text as environment', { ...FIELDS, environment: { A: 1 } }, 'environment', 'object of strings'],
    ['whole numbers', { ...FIELDS, timeout: 1.5 }, 'timeout', 'whole number'],
  ])('wants %s of a function', async (_name, body, field, text) => {
    const refused = await client.call('POST', '/functions', body);
    expect([refused.status, refused.body.detail]).toEqual([422, 'Validation error']);
    expect(refused.body.errors[field].join()).toContain(text);
  });

  test.each([
    ['GET', '/functions/missing-id', 404],
    ['PATCH', '/functions/missing-id', 404],
    ['DELETE', '/functions/missing-id', 404],
    ['GET', '/functions/missing-id/log', 404],
    ['GET', '/jobs/missing-id', 404],
    ['GET', '/jobs/missing-id/log', 404],
    ['POST', '/jobs/missing-id/cancel', 404],
    ['DELETE', '/jobs/missing-id', 404],
    ['PUT', '/jobs', 405],
    ['GET', '/nowhere', 404],
  ])('%s %s is %i', async (method, path, status) => {
    const answer = await client.call(method, path, ['PATCH', 'PUT'].includes(method) ? {} : undefined);
    expect([answer.status, typeof answer.body.detail]).toEqual([status, 'string']);
  });

  test.each([
    ['a filter that is no JSON', '/jobs?filter=x', 'filter'],
    ['a filter that is no list', `/jobs?filter=${encoded(eq('status', 'x'))}`, 'filter'],
    ['an unknown attribute', `/jobs?filter=${encoded([eq('args', 'x')])}`, 'filter'],
    ['an unknown operator', `/jobs?filter=${encoded([{ name: 'id', op: 'like', val: 'x' }])}`, 'filter'],
    ['an empty or', `/jobs?filter=${encoded([{ or: [] }])}`, 'filter'],
    ['a list as a tag', `/jobs?filter=${encoded([eq('tags', ['a'])])}`, 'filter'],
    ['no date', `/jobs?filter=${encoded([eq('creation_date', 'soon')])}`, 'filter'],
    ['an unknown order', '/jobs?sort=tags', 'sort'],
    ['an unknown include', '/functions?include=jobs', 'include'],
    ['an unknown parameter', '/jobs?offset=3', 'offset'],
    ['pages of nothing', '/jobs?page_size=0', 'page_size'],
    ['somebody else’s cursor', '/jobs?page_cursor=abc', 'page_cursor'],
  ])('refuses a search with %s', async (_name, path, field) => {
    const refused = await client.call('GET', path);
    expect([refused.status, Object.keys(refused.body.errors as object)]).toEqual([422, [field]]);
  });

  test('lists functions page by page, filters and counts them', async () => {
    await withServer({ maxPageSize: 2 }, async (few) => {
      const ids = [];
      for (const name of ['my1', 'my2', 'other']) ids.push(await few.build(DOUBLE, { name }));
      const first = await few.call('GET', '/functions?page_size=100&include=job.statistics');
      expect(first.body.data.map((fn: { id: string }) => fn.id)).toEqual(ids.slice(0, 2));
      expect(first.body.data[0].job_statistics).toEqual({});
      const cursor = encodeURIComponent(first.body.meta.page_cursor as string);
      expect((await few.call('GET', `/functions?page_cursor=${cursor}&limit=3`)).status).toBe(422);
      expect((await few.call('GET', `/jobs?page_cursor=${cursor}`)).status).toBe(422);
      const second = await few.call('GET', `/functions?page_cursor=${cursor}`);
      expect(second.body.data.map((fn: { id: string }) => fn.id)).toEqual(ids.slice(2));
      expect(second.body.data[0].job_statistics).toEqual({});
      expect(second.body.meta.page_cursor).toBeNull();
      const prefix = encoded([{ name: 'name', op: 'prefix', val: 'my' }]);
      const found = await few.call('GET', `/functions?filter=${prefix}&sort=-name`);
      expect(found.body.data.map((fn: { name: string }) => fn.name)).toEqual(['my2', 'my1']);
      expect((await few.call('GET', `/functions?filter=${prefix}&limit=0`)).body).toEqual({
        meta: { total: 2, page_cursor: null },
        data: [],
      });
      const byStatus = await few.call('GET', '/functions?status=building&status=ready&limit=1');
      expect(byStatus.body.data).toHaveLength(1);
      expect(byStatus.body.meta.page_cursor).toBeNull();
    });
  });

  test('changes functions', async () => {
    const id = await client.build(DOUBLE);
    const change = (body: object): ReturnType<RawClient['call']> =>
      client.call('PATCH', `/functions/${id}`, body);
    expect((await change({ cpus: 16, memory: 32768 })).body).toMatchObject({ id, cpus: 16, memory: 32768 });
    expect((await change({ cpus: 1 })).status).toBe(422);
    expect((await change({ image: 'python3.12:latest' })).status).toBe(422);
    expect((await change({ enabled: false })).body.enabled).toBe(false);
    expect((await client.call('POST', '/jobs', { function_id: id })).status).toBe(400);
    expect((await change({ enabled: true, status: 'stopped' })).body.status).toBe('stopped');
    const { body: job } = await client.call('POST', '/jobs', { function_id: id, args: [2] });
    const with1 = await client.call('GET', `/functions/${id}?include=job.statistics`);
    expect(with1.body.job_statistics).toEqual({ pending: 1 });
    expect((await change({ status: 'ready' })).body.status).toBe('ready');
    expect(await client.ended(job.id as string)).toMatchObject({ status: 'success' });
    const with0 = await client.call('GET', `/functions/${id}?include=job.statistics`);
    expect(with0.body.job_statistics).toEqual({ pending: 0, running: 0, success: 1 });
    expect((await client.call('GET', `/functions/${id}`)).body.job_statistics).toBeUndefined();
  });

  test('a function that shall not start stops after its build', async () => {
    const id = await client.build(DOUBLE, { auto_start: false });
    expect((await client.call('GET', `/functions/${id}`)).body.status).toBe('stopped');
  });

  test('gives jobs back as they came', async () => {
    const id = await client.build(DOUBLE, { auto_start: false });
    const plain = { function_id: id, args: [1, 2], kwargs: { k: 3 }, tags: [] };
    const { body } = await client.call('POST', '/jobs', plain);
    expect(body).toMatchObject({ ...plain, status: 'pending', execution_count: 0, environment: null });
    expect(body.creation_date).toMatch(NAIVE);
    const more = { function_id: id, args: [1], kwargs: {}, environment: { E: '1' }, tags: ['t'] };
    expect((await client.call('POST', '/jobs', more)).body).toMatchObject(more);
    const { body: read } = await client.call('GET', `/jobs/${body.id}`);
    expect(read).toEqual(body);
    expect((await client.call('GET', `/jobs/${body.id}?include=timings`)).body).toMatchObject({
      pull_time: null,
    });
    const changed = await client.call('PATCH', `/jobs/${body.id}`, { args: [9], tags: ['x'] });
    expect(changed.body).toMatchObject({ args: [9], kwargs: { k: 3 }, tags: ['x'] });
    expect((await client.call('PATCH', `/jobs/${body.id}`, { status: 'success' })).status).toBe(422);
    expect((await client.call('POST', '/jobs', { function_id: 'missing', args: [] })).status).toBe(404);
    expect((await client.call('POST', '/jobs', { args: [] })).status).toBe(422);
    expect((await client.call('DELETE', `/jobs/${body.id}?delete_results=False`)).status).toBe(200);
    expect((await client.call('GET', `/jobs/${body.id}`)).status).toBe(404);
  });

  test('arguments that JavaScript cannot hold, and hostile keys, come back as they were written', async () => {
    const id = await client.build('import json\n\n\ndef main(*a, **k):\n    return json.dumps([a, k])\n');
    const args = '[12345678901234567890, 1.0, "\\ud83d\\u0000\\"],[", {"__proto__": [1e2]}]';
    const text = `{"function_id":"${id}",\n "args": ${args},"kwargs":{"__proto__": {"a" : [ ] },"x]}":"\\\\"}}`;
    const headers = { authorization: `Bearer ${client.token}`, 'content-type': 'application/json' };
    const made = await send('POST', `${server.urls.compute}/jobs`, { headers, body: text });
    expect(made.bytes.toString()).toContain(
      `"args":${args},"kwargs":{"__proto__": {"a" : [ ] },"x]}":"\\\\"}`,
    );
    const job = await client.ended(made.body.id as string);
    const value = JSON.parse(String(await client.result(job))) as unknown;
    expect(JSON.parse(value as string)).toEqual(JSON.parse(`[${args},{"__proto__":{"a":[]},"x]}":"\\\\"}]`));
    expect(value).toContain('12345678901234567890, 1.0,');
  });

  test('makes jobs in bulk, once for a reference id', async () => {
    const id = await client.build(DOUBLE, { auto_start: false });
    const body = {
      function_id: id,
      bulk_args: [[1], [2]],
      bulk_kwargs: [{ k: 1 }, { k: 2 }],
      bulk_environments: [{ FOO: 'BAR' }, { FOO: 'BAZ' }],
      reference_id: '11111111-2222-4333-8444-555555555555',
      tags: ['a', 'b'],
    };
    const made = await client.call('POST', '/jobs/bulk', body);
    expect(made.body).toMatchObject([
      { args: [1], kwargs: { k: 1 }, environment: { FOO: 'BAR' }, tags: ['a', 'b'] },
      { args: [2], kwargs: { k: 2 }, environment: { FOO: 'BAZ' }, tags: ['a', 'b'] },
    ]);
    expect((await client.call('POST', '/jobs/bulk', body)).body).toEqual(made.body);
    expect((await client.call('POST', '/jobs/bulk', { ...body, bulk_args: [[1], [3]] })).status).toBe(409);
    expect(server.counters.jobsByFunction.get(id)).toBe(2);
    expect(server.counters.jobsByReference.get(body.reference_id)).toBe(2);
    expect(server.counters.repeatedBulks).toBe(1);
    const without = { function_id: id, bulk_args: [[5]], bulk_kwargs: null, bulk_environments: null };
    const one = await client.call('POST', '/jobs/bulk', { ...without, reference_id: crypto.randomUUID() });
    expect(one.body).toMatchObject([{ args: [5], kwargs: null, environment: null, tags: [] }]);
    const bulk = async (more: object): Promise<number> =>
      (await client.call('POST', '/jobs/bulk', { ...without, ...more })).status;
    expect(await bulk({ bulk_args: [] })).toBe(422);
    expect(await bulk({ bulk_args: Array.from({ length: 1001 }, () => [1]) })).toBe(422);
    expect(await bulk({ bulk_args: [1] })).toBe(422);
    expect(await bulk({ bulk_kwargs: [{}, {}] })).toBe(422);
    expect(await bulk({ reference_id: 'mine' })).toBe(422);
    expect(await bulk({ function_id: 'missing' })).toBe(404);
    expect(await bulk({ bulk_args: Array.from({ length: 1000 }, () => [1]) })).toBe(200);
  });

  test('says no to too much', async () => {
    await withServer({ maxBody: 1000 }, async (small) => {
      const id = await small.build(DOUBLE);
      expect((await small.call('POST', '/jobs', { function_id: id, args: ['x'.repeat(2000)] })).status).toBe(
        413,
      );
    });
  });

  test('keeps what was asked, without its service’s beginning', async () => {
    await client.call('GET', '/jobs?limit=0&filter=%5B%5D');
    const last = server.requests.at(-1)!;
    expect([last.service, last.method, last.path, last.status]).toEqual(['compute', 'GET', '/jobs', 200]);
    expect([...last.query]).toEqual([
      ['limit', '0'],
      ['filter', '[]'],
    ]);
    expect(last.headers.authorization).toBe(`Bearer ${client.token}`);
    expect(server.counters.requests.get('compute GET /jobs')).toBeGreaterThan(0);
  });

  test('runs by itself, for use by hand', async () => {
    const program = join(repoRoot, 'test/support/earthone/serve.mjs');
    const child = spawn(process.execPath, [program, '--tokenField', 'access_token'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const env: Record<string, string> = {};
      for await (const line of createInterface({ input: child.stdout })) {
        const [, name, value] = /^export (\w+)='(.*)'$/.exec(line)!;
        env[name!] = value!;
        // The last of them.
        if (name === 'HOME') break;
      }
      expect(Object.keys(env).sort()).toEqual(Object.keys(server.env).sort());
      const { body } = await send('POST', `${env['EARTHONE_IAM_URL']!}/token`, {
        headers: JSON_TYPE,
        body: JSON.stringify(tokenBody()),
      });
      expect(Object.keys(body as object)).toEqual(['access_token']);
      const ended = new Promise((resolve) => child.on('exit', resolve));
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      expect(existsSync(env['HOME']!)).toBe(false);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
