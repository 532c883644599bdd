/** Functions, their bundle and their build log. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { AnswerError, ConflictError, NoCredentialsError, NotFoundError, where } from '../../src/earthone.js';
import { all, CLIENT_ID, clientOf, failure, FUNCTION, jwt, SECRET, send, serve } from './client-support.js';

const fields = { name: 'go "ü"', image: 'python3.10:latest', cpus: 0.25, memory: 512 };

test('a function is made in the order of the API, and its bundle goes to another host without a trace of us', async () => {
  const storage = await serve((_, response) => send(response, 200, ''));
  const uploadUrl = `${storage.url}/upload/f%201?sig=a%2Bb`;
  const server = await serve(({ path }) => {
    if (path === '/compute/credentials') return {};
    if (path === '/compute/functions')
      return { function: { ...FUNCTION, status: 'awaiting_bundle' }, bundle_upload_url: uploadUrl };
    return { ...FUNCTION, status: 'building' };
  });
  const client = clientOf(server, { clientId: CLIENT_ID, clientSecret: SECRET });
  const made = await client.functions.create({
    ...fields,
    maximumConcurrency: 2,
    timeout: 60,
    retryCount: 0,
    environment: { A: 'b' },
    autoStart: false,
    enabled: true,
  });
  expect(made.uploadUrl).toBe(uploadUrl);
  const bundle = Buffer.from([0x50, 0x4b, 0, 0xff, 0xfe]);
  await client.functions.upload(made.uploadUrl, bundle);
  expect((await client.functions.complete(made.function.id)).status).toBe('building');

  expect(server.lines()).toEqual([
    'POST /compute/credentials',
    'POST /compute/functions',
    'POST /compute/functions/f1/bundle',
  ]);
  expect(JSON.parse(server.requests[0]!.body)).toEqual({ client_id: CLIENT_ID, client_secret: SECRET });
  expect(JSON.parse(server.requests[1]!.body)).toEqual({
    ...fields,
    maximum_concurrency: 2,
    timeout: 60,
    retry_count: 0,
    environment: { A: 'b' },
    auto_start: false,
    enabled: true,
  });
  expect(server.requests[2]!.body).toBe('');
  const [put] = storage.requests;
  expect(put).toMatchObject({ method: 'PUT', path: '/upload/f%201' });
  expect(put!.query.get('sig')).toBe('a+b');
  expect(put!.headers).toMatchObject({ 'content-type': 'application/octet-stream', 'content-length': '5' });
  expect(put!.headers.authorization).toBeUndefined();
  expect(Object.keys(put!.headers).filter((name) => name.startsWith('x-'))).toEqual([]);
  expect(put!.body).toBe(bundle.toString('utf8'));
});

test('what is not given is not sent', async () => {
  const server = await serve(() => ({ function: FUNCTION, bundle_upload_url: 'http://x/' }));
  await clientOf(server).functions.create(fields);
  expect(JSON.parse(server.requests.at(-1)!.body)).toEqual(fields);
});

test('no function is made where jobs could not run under any credentials', async () => {
  const server = await serve((_, response) => send(response, 404, {}));
  expect(await failure(clientOf(server).functions.create(fields))).toBeInstanceOf(NoCredentialsError);
  expect(server.lines()).toEqual(['GET /compute/credentials']);
});

test('a bundle is sent again as long as storage fails', async () => {
  const storage = await serve((_, response, before) =>
    before === 0 ? void response.destroy() : send(response, before === 1 ? 500 : 200, ''),
  );
  await clientOf(storage).functions.upload(`${storage.url}/x?sig=1`, Buffer.alloc(300_000, 1));
  expect(storage.requests.map(({ body }) => body.length)).toEqual([300_000, 300_000, 300_000]);
});

test('a bundle that arrived is complete, though the answer that said so was lost', async () => {
  let status = 'awaiting_bundle';
  const server = await serve(({ method }, response, before) => {
    if (method === 'GET') return { ...FUNCTION, status };
    status = 'building';
    return before === 0 ? void response.destroy() : send(response, 409, { detail: 'not awaited' });
  });
  expect((await clientOf(server).functions.complete('f1')).status).toBe('building');
});

test('one that the server does not take is a failure', async () => {
  const server = await serve(({ method }, response) =>
    method === 'GET'
      ? { ...FUNCTION, status: 'awaiting_bundle' }
      : send(response, 409, { detail: 'nothing was uploaded' }),
  );
  const error = await failure(clientOf(server).functions.complete('f1'));
  expect(error).toBeInstanceOf(ConflictError);
});

test('a function is read with all its fields, and absent ones are null', async () => {
  const server = await serve(({ path }) =>
    path.endsWith('/bare')
      ? { id: 'bare', status: 'some_new_status' }
      : {
          ...FUNCTION,
          cpus: 1.5,
          memory: 2048,
          maximum_concurrency: 3,
          timeout: 60,
          retry_count: 2,
          enabled: true,
          auto_start: false,
          environment: { A: 'b', N: 3 },
          image: 'python3.10:latest',
          owner: 'user:1',
          creation_date: '2026-01-01T00:00:00.123456',
          modified_date: 1767225600.5,
          job_statistics: { pending: 0, running: 1 },
          unknown: { field: true },
        },
  );
  const client = clientOf(server);
  expect(await client.functions.get('f1', { include: ['job.statistics'] })).toEqual({
    id: 'f1',
    name: 'go',
    image: 'python3.10:latest',
    cpus: 1.5,
    memory: 2048,
    maximumConcurrency: 3,
    timeout: 60,
    retryCount: 2,
    enabled: true,
    autoStart: false,
    environment: { A: 'b', N: '3' },
    status: 'ready',
    namespace: 'acme:1234',
    owner: 'user:1',
    creationDate: new Date('2026-01-01T00:00:00.123Z'),
    modifiedDate: new Date('2026-01-01T00:00:00.500Z'),
    jobStatistics: { pending: 0, running: 1 },
  });
  expect(server.requests[0]!.query.getAll('include')).toEqual(['job.statistics']);
  const { id, status, ...rest } = await client.functions.get('bare');
  expect([id, status]).toEqual(['bare', 'some_new_status']);
  expect(new Set(Object.values(rest))).toEqual(new Set([null]));
});

test('changes, start, stop and enable send what changes', async () => {
  const server = await serve(() => FUNCTION);
  const { functions } = clientOf(server);
  await functions.update('f1', { cpus: 16, memory: 16_384 });
  await functions.start('f1');
  await functions.stop('f1');
  await functions.enable('f1', false);
  expect(new Set(server.lines())).toEqual(new Set(['PATCH /compute/functions/f1']));
  expect(server.requests.map(({ body }) => JSON.parse(body))).toEqual([
    { cpus: 16, memory: 16_384 },
    { status: 'ready' },
    { status: 'stopped' },
    { enabled: false },
  ]);
});

test('functions are searched page by page, and counted', async () => {
  const server = await serve(({ query }) => {
    if (query.get('limit') === '0') return { meta: { total: 3, page_cursor: null }, data: [] };
    return query.get('page_cursor') === null
      ? { meta: { page_cursor: 'ü &=2' }, data: [FUNCTION, { ...FUNCTION, id: 'f2' }] }
      : { meta: { page_cursor: null }, data: [{ ...FUNCTION, id: 'f3' }] };
  });
  const { functions } = clientOf(server);
  const filter = [where.eq('name', 'a&b "ü"')];
  const found = await all(functions.search({ filter, sort: ['-creation_date', 'id'], pageSize: 2 }));
  expect(found.map(({ id }) => id)).toEqual(['f1', 'f2', 'f3']);
  const [first, second] = server.requests.map(({ query }) => [...query]);
  expect(first).toEqual([
    ['filter', '[{"name":"name","op":"eq","val":"a&b \\"ü\\""}]'],
    ['page_size', '2'],
    ['sort', '-creation_date'],
    ['sort', 'id'],
  ]);
  expect(second).toEqual([['page_cursor', 'ü &=2']]);
  expect(await functions.count(filter)).toBe(3);
});

test('a function is deleted once; gone at the second try is gone, at the first it is an error', async () => {
  const server = await serve(({ path }, response, before) => {
    if (path.endsWith('lost') && before === 0) return void response.destroy();
    if (path.endsWith('there')) return void response.writeHead(204).end();
    return send(response, 404, {});
  });
  const { functions } = clientOf(server);
  await functions.delete('there');
  await functions.delete('lost');
  expect(await failure(functions.delete('not'))).toBeInstanceOf(NotFoundError);
});

test.each([
  ['packed as a body', gzipSync('täst\nlog\n'), {}],
  ['packed for the way', gzipSync('täst\nlog\n'), { 'content-encoding': 'gzip' }],
  ['packed for the way as well', gzipSync(gzipSync('täst\nlog\n')), { 'content-encoding': 'gzip' }],
  ['plain', Buffer.from('täst\nlog\n'), {}],
])('a build log that is %s', async (_, body, headers) => {
  const server = await serve((_request, response) => send(response, 200, body, headers));
  expect(await clientOf(server).functions.buildLog('f1')).toBe('täst\nlog\n');
  expect(server.lines()).toEqual(['GET /compute/functions/f1/log']);
});

test('an empty build log is empty, a torn one an error', async () => {
  const server = await serve(({ path }, response) =>
    send(response, 200, path.includes('empty') ? '' : gzipSync('x'.repeat(1000)).subarray(0, 20)),
  );
  expect(await clientOf(server).functions.buildLog('empty')).toBe('');
  expect(await failure(clientOf(server).functions.buildLog('torn'))).toBeInstanceOf(AnswerError);
});

test('a build log may lie elsewhere', async () => {
  const storage = await serve((_, response) => send(response, 200, gzipSync('built\n')));
  const server = await serve((_, response) =>
    send(response, 302, '', { location: `${storage.url}/log?sig=1` }),
  );
  expect(await clientOf(server, { jwtToken: jwt(3600) }).functions.buildLog('f1')).toBe('built\n');
  expect(storage.requests[0]!.headers.authorization).toBeUndefined();
});

test.each(['', '.', '..'])('%j is no id, for it would be another address', async (id) => {
  const server = await serve(() => FUNCTION);
  const { functions, jobs } = clientOf(server);
  for (const promise of [functions.delete(id), functions.get(id), jobs.delete(id), jobs.cancel(id)])
    expect(await failure(promise)).toMatchObject({ code: 'VALUE_INVALID' });
  expect(server.requests).toHaveLength(0);
});
