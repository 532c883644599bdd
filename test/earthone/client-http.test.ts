/** Requests that fail: what is tried again, how often, after how long, and where nothing secret may go. */
import { createServer, type Server, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import {
  EarthOneClient,
  ForbiddenError,
  RateLimitError,
  ServerError,
  TransportError,
} from '../../src/earthone.js';
import {
  clientOf,
  deadAddress,
  failure,
  FUNCTION,
  JOB,
  jwt,
  QUICK,
  send,
  serve,
  urls,
} from './client-support.js';

const job = { functionId: 'f1' };

test.each([408, 500, 502, 503, 504])('%i is tried again, three times in all', async (status) => {
  const server = await serve((_, response, before) => (before < 2 ? send(response, status, 'not now') : JOB));
  expect((await clientOf(server).jobs.get('j1')).id).toBe('j1');
  expect(server.requests).toHaveLength(3);
  // One request for who counts them, however often it was sent.
  expect(new Set(server.requests.map(({ headers }) => headers['x-request-group'])).size).toBe(1);
});

test('503 three times is the failure, with its own class and words', async () => {
  const server = await serve((_, response) => send(response, 503, { detail: 'maintenance' }));
  const error = await failure(clientOf(server).jobs.get('j1'));
  expect(error).toBeInstanceOf(ServerError);
  expect(error.message).toBe('GET /jobs/j1: 503: maintenance');
  expect(error['code']).toBe('EARTHONE_UNREACHABLE');
  expect(server.requests).toHaveLength(3);
});

test.each([400, 404, 409, 418, 422, 501])('%i is not tried again', async (status) => {
  const server = await serve((_, response) => send(response, status, {}));
  expect(await failure(clientOf(server).jobs.get('j1'))).toMatchObject({ status });
  expect(server.requests).toHaveLength(1);
});

test.each([
  ['seconds', () => '1'],
  ['an HTTP date', () => new Date(Date.now() + 2000).toUTCString()],
])('Retry-After as %s is waited for', async (_, header) => {
  const times: number[] = [];
  const server = await serve((_request, response, before) => {
    times.push(Date.now());
    return before === 0 ? send(response, 429, {}, { 'retry-after': header() }) : JOB;
  });
  await clientOf(server, { retries: { tries: 3, least: 1, most: 60_000 } }).jobs.get('j1');
  // A date of HTTP has whole seconds.
  expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(990);
});

test('Retry-After is capped, and given with the error in the end', async () => {
  const server = await serve((_, response) => send(response, 429, {}, { 'retry-after': '86400' }));
  const error = await failure(clientOf(server).jobs.get('j1'));
  expect(error).toBeInstanceOf(RateLimitError);
  expect(error['retryAfter']).toBe('86400');
  expect(server.requests).toHaveLength(3);
});

test('403 is tried again only where the server says when', async () => {
  const server = await serve(({ path }, response) =>
    send(response, 403, {}, path.endsWith('later') ? { 'retry-after': '0' } : {}),
  );
  expect(await failure(clientOf(server).jobs.get('now'))).toBeInstanceOf(ForbiddenError);
  expect(server.requests).toHaveLength(1);
  expect(await failure(clientOf(server).jobs.get('later'))).toBeInstanceOf(ForbiddenError);
  expect(server.requests).toHaveLength(4);
});

test.each([500, 502, 503, 504])('a job that %i may have made is not made again', async (status) => {
  const server = await serve((_, response) => send(response, status, {}, { 'retry-after': '0' }));
  expect(await failure(clientOf(server).jobs.create(job))).toBeInstanceOf(ServerError);
  expect(server.requests).toHaveLength(1);
});

test('nor one whose answer was lost', async () => {
  const server = await serve((_, response) => void response.destroy());
  const error = await failure(clientOf(server).jobs.create(job));
  expect(error).toBeInstanceOf(TransportError);
  expect(error['mayHaveArrived']).toBe(true);
  expect(server.lines()).toEqual(['POST /compute/jobs']);
});

test('nor one whose answer does not come', async () => {
  const server = await serve(() => undefined);
  const error = await failure(clientOf(server, { timeouts: { connect: 2_000 } }).jobs.create(job));
  expect(error.message).toBe('POST /jobs: no answer in time');
  expect(server.requests).toHaveLength(1);
});

test('nor a function', async () => {
  const server = await serve(({ path }, response) =>
    path === '/compute/credentials' ? {} : send(response, 503, {}),
  );
  const fields = { name: 'f', image: 'python3.11:latest', cpus: 1, memory: 1024 };
  await failure(clientOf(server).functions.create(fields));
  expect(server.lines()).toEqual(['GET /compute/credentials', 'POST /compute/functions']);
});

test('a job that was refused for its rate was not made, and is sent again', async () => {
  const server = await serve((_, response, before) => (before === 0 ? send(response, 429, {}) : JOB));
  await clientOf(server).jobs.create(job);
  expect(server.requests).toHaveLength(2);
});

test('a batch is sent again as it was, with the same reference id', async () => {
  const server = await serve((_, response, before) => (before < 2 ? void response.destroy() : [JOB]));
  const batch = { functionId: 'f1', bulkArgs: Buffer.from('[[1]]'), referenceId: 'ref-1' };
  await clientOf(server).jobs.createBatch(batch);
  expect(new Set(server.requests.map(({ body }) => body)).size).toBe(1);
  expect(server.requests).toHaveLength(3);
});

test('where nobody listens even a new job is tried again, until somebody does', async () => {
  const url = await deadAddress();
  const error = await failure(clientOf({ url }).jobs.create(job));
  expect(error).toBeInstanceOf(TransportError);
  expect(error['mayHaveArrived']).toBe(false);
  expect(error.message).toBe(`POST /jobs (${new URL(url).host}): cannot connect (ECONNREFUSED)`);
  expect(error['code']).toBe('EARTHONE_UNREACHABLE');

  const port = Number(new URL(url).port);
  const later = clientOf({ url }, { retries: { tries: 200, least: 20, most: 20 } }).jobs.create(job);
  const { server, text } = await rawServer(() => jsonAnswer(JOB), port);
  expect((await later).id).toBe('j1');
  expect(text()).toContain('POST /compute/jobs');
  server.close();
});

/** Speaks TCP, to break HTTP where a real server cannot. */
async function rawServer(
  answer: (connection: number) => string,
  port = 0,
): Promise<{ server: Server; url: string; text: () => string; connections: () => number }> {
  let text = '';
  let connections = 0;
  const server = createServer((socket: Socket) => {
    const mine = connections++;
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      text += data.toString();
      socket.end(answer(mine));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  const url = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  return { server, url, text: () => text, connections: () => connections };
}

function jsonAnswer(value: unknown, cut = 0): string {
  const body = JSON.stringify(value);
  const sent = body.slice(0, body.length - cut);
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${sent}`;
}

test('an answer that breaks off in the middle is asked for again', async () => {
  const { server, url, connections } = await rawServer((n) => jsonAnswer(JOB, n < 2 ? 5 : 0));
  expect((await clientOf({ url }).jobs.get('j1')).id).toBe('j1');
  expect(connections()).toBe(3);
  server.close();
});

test('what is no HTTP at all is a failure of the connection', async () => {
  const { server, url, connections } = await rawServer(() => 'SSH-2.0-OpenSSH_9.2\r\n');
  const error = await failure(clientOf({ url }).jobs.get('j1'));
  expect(error).toBeInstanceOf(TransportError);
  expect(error.message).toMatch(/the connection failed \(HPE_|the connection failed \(HTTPParserError\)/);
  expect(connections()).toBe(3);
  server.close();
});

test('a body that stops is given up after the idle time, one that only drips is not', async () => {
  const text = JSON.stringify(JOB);
  const server = await serve(async ({ path }, response) => {
    response.writeHead(200);
    if (path.endsWith('stops')) return void response.write(text.slice(0, 5));
    for (const char of text) {
      response.write(char);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    response.end();
  });
  const client = clientOf(server, { timeouts: { idle: 700 } });
  const error = await failure(client.jobs.get('stops'));
  expect(error.message).toBe('GET /jobs/stops: the answer stopped in the middle');
  expect(server.requests).toHaveLength(3);
  // All of it takes longer than the idle time.
  expect((await client.jobs.get('drips')).id).toBe('j1');
});

test('an abort ends a request, a wait between tries, and a body, with its own reason', async () => {
  const server = await serve(({ path }, response) => {
    if (path.endsWith('waits')) send(response, 503, {}, { 'retry-after': '3600' });
    if (path.endsWith('drips')) response.write('{');
  });
  const client = clientOf(server, { retries: { tries: 3, least: 1, most: 3_600_000 } });
  for (const [before, id] of ['hangs', 'waits', 'drips'].entries()) {
    const stop = new AbortController();
    const ended = client.jobs.get(id, { signal: stop.signal }).catch((error: unknown) => error);
    // Not before it came: one that was never sent would be aborted as well.
    await vi.waitFor(() => expect(server.requests).toHaveLength(before + 1), { timeout: 30_000 });
    setTimeout(() => stop.abort('a reason that is no Error'), 50);
    expect(await ended).toBe('a reason that is no Error');
  }
  expect(server.requests).toHaveLength(3);
});

test('every request has the headers of the API', async () => {
  const server = await serve(() => JOB);
  const token = jwt(3600);
  const client = clientOf(server, { jwtToken: token, userAgent: 'mine/1' });
  await client.jobs.get('j1');
  await client.jobs.cancel('j1');
  const [first, second] = server.requests.map(({ headers }) => headers);
  for (const headers of [first, second]) {
    expect(headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'mine/1',
    });
    expect(headers?.['x-client-session']).toMatch(/^[0-9a-f]{32}$/);
    expect(headers?.['x-request-group']).toMatch(/^[0-9a-f]{32}$/);
  }
  expect(first?.['x-client-session']).toBe(second?.['x-client-session']);
  expect(first?.['x-request-group']).not.toBe(second?.['x-request-group']);
  expect(second?.['content-length']).toBe('0');
});

test('a redirect to another host takes neither the token nor our headers along', async () => {
  const other = await serve(() => JOB);
  const server = await serve((_, response) =>
    send(response, 302, '', { location: `${other.url}/elsewhere?sig=presigned-signature` }),
  );
  const client = clientOf(server);
  expect((await client.jobs.get('j1')).id).toBe('j1');
  const headers = other.requests[0]?.headers ?? {};
  expect(headers.authorization).toBeUndefined();
  expect(Object.keys(headers).filter((name) => name.startsWith('x-'))).toEqual([]);
  expect(other.requests[0]?.query.get('sig')).toBe('presigned-signature');
});

test('a redirect on the same host keeps them, and a 307 its method and body', async () => {
  const server = await serve(({ path }, response) =>
    path === '/compute/jobs' ? send(response, 307, '', { location: '/compute/v2/jobs' }) : JOB,
  );
  await clientOf(server).jobs.create({ functionId: 'f1', args: ['ü'] });
  expect(server.lines()).toEqual(['POST /compute/jobs', 'POST /compute/v2/jobs']);
  expect(server.requests[1]?.body).toBe(server.requests[0]?.body);
  expect(server.requests[1]?.headers.authorization).toBe(server.requests[0]?.headers.authorization);
});

test('a secret in a body does not follow a redirect to another host', async () => {
  const other = await serve(() => ({}));
  const server = await serve((_, response) =>
    send(response, 307, '', { location: `${other.url}/take?x=hidden` }),
  );
  const client = new EarthOneClient({
    env: urls(server),
    clientId: 'id',
    clientSecret: 'the-secret',
    retries: QUICK,
  });
  const error = await failure(client.jobs.get('j1'));
  expect(error.message).toContain('POST /token: a redirect to');
  expect(error.message).not.toContain('hidden');
  expect(other.requests).toHaveLength(0);
  expect(server.requests).toHaveLength(1);
});

test('redirects in a circle end', async () => {
  const server = await serve((_, response) => send(response, 302, '', { location: '/compute/jobs/j1' }));
  const error = await failure(clientOf(server).jobs.get('j1'));
  expect(error.message).toBe('GET /jobs/j1: more than 5 redirects');
  expect(server.requests).toHaveLength(6);
});

test('a client does nothing before it is asked', async () => {
  const server = await serve(() => FUNCTION);
  const env = { ...urls(server), HOME: '/does/not/exist', EARTHONE_CLIENT_ID: 'a' };
  const client = new EarthOneClient({ env, clientSecret: 'the-secret' });
  expect(JSON.stringify(client)).not.toContain('the-secret');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(server.requests).toHaveLength(0);
});
