/** Tokens: fetched once for everybody, replaced early, repeated once after a 401. */
import { expect, test, vi } from 'vitest';
import { NoCredentialsError, ServerError, UnauthorizedError } from '../../src/earthone.js';
import {
  CLIENT_ID,
  clientOf,
  failure,
  JOB,
  jwt,
  SECRET,
  send,
  serve,
  type Recorded,
} from './client-support.js';

const login = { clientId: CLIENT_ID, clientSecret: SECRET };
const bearer = (request: Recorded): string => (request.headers.authorization ?? '').replace('Bearer ', '');
const tokenRequests = (requests: readonly Recorded[]): Recorded[] =>
  requests.filter(({ path }) => path === '/iam/token');

test('50 requests at once with an expired token ask for one token', async () => {
  const fresh = jwt(3600);
  const server = await serve(async ({ path }) => {
    if (path !== '/iam/token') return JOB;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { access_token: fresh };
  });
  const client = clientOf(server, { ...login, jwtToken: jwt(-10) });
  await Promise.all(Array.from({ length: 50 }, async (_, i) => await client.jobs.get(`j${i}`)));
  expect(tokenRequests(server.requests)).toHaveLength(1);
  expect(JSON.parse(tokenRequests(server.requests)[0]!.body)).toEqual({
    client_id: CLIENT_ID,
    grant_type: 'refresh_token',
    refresh_token: SECRET,
  });
  expect(tokenRequests(server.requests)[0]!.headers.authorization).toBeUndefined();
  const used = server.requests.filter(({ path }) => path !== '/iam/token').map(bearer);
  expect(used).toHaveLength(50);
  expect(new Set(used)).toEqual(new Set([fresh]));
});

test('50 refusals at once of a token ask for one other, and each request is repeated once', async () => {
  const [stale, fresh] = [jwt(3600), jwt(3600)];
  const server = await serve((request, response) => {
    if (request.path === '/iam/token') return { id_token: fresh };
    if (bearer(request) === fresh) return JOB;
    send(response, 401, { detail: 'token was withdrawn' });
    return undefined;
  });
  const client = clientOf(server, { ...login, jwtToken: stale });
  await Promise.all(Array.from({ length: 50 }, async (_, i) => await client.jobs.get(`j${i}`)));
  expect(tokenRequests(server.requests)).toHaveLength(1);
  expect(server.requests).toHaveLength(101);
});

test('a late refusal of the old token takes the new one that is there, and asks for no other', async () => {
  const stale = jwt(3600);
  let refuse: (() => void) | undefined;
  const server = await serve((request, response) => {
    if (request.path === '/iam/token') return { access_token: jwt(3600) };
    if (bearer(request) !== stale) return JOB;
    if (!request.path.endsWith('late')) return void response.writeHead(401).end();
    refuse = () => response.writeHead(401).end();
  });
  const client = clientOf(server, { ...login, jwtToken: stale });
  const late = client.jobs.get('late');
  await vi.waitFor(() => expect(refuse).toBeDefined(), { timeout: 30_000 });
  await client.jobs.get('early');
  refuse?.();
  await late;
  expect(tokenRequests(server.requests)).toHaveLength(1);
});

test('a new token that is withdrawn at once, too, is renewed by another request that it was refused to', async () => {
  let given = 0;
  const server = await serve(async ({ path, headers }, response) => {
    if (path === '/iam/token') return { access_token: jwt(3600, { number: ++given }) };
    const [, claims = ''] = (headers.authorization ?? '').split('.');
    const { number } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { number?: number };
    if (number !== undefined && number >= 2) return JOB;
    // The one who fetched the first new token is the last to hear that it is no good.
    if (number === 1 && path.endsWith('first'))
      await vi.waitFor(() => expect(given).toBe(2), { timeout: 30_000 });
    send(response, 401, {});
    return undefined;
  });
  const client = clientOf(server, login);
  const first = client.jobs.get('first');
  await vi.waitFor(() => expect(given).toBe(1), { interval: 1, timeout: 30_000 });
  const others = ['a', 'b', 'c'].map(async (id) => await client.jobs.get(id));
  await Promise.all([first, ...others]);
  expect(given).toBe(2);
});

test('a 401 is repeated once, also for what is else never repeated, and then given', async () => {
  const server = await serve(({ path }, response) => {
    if (path === '/iam/token') return { access_token: jwt(3600) };
    send(response, 401, { detail: 'no' });
    return undefined;
  });
  const client = clientOf(server, login);
  const error = await failure(client.jobs.create({ functionId: 'f1' }));
  expect(error).toBeInstanceOf(UnauthorizedError);
  expect(error['code']).toBe('EARTHONE_CREDENTIALS');
  expect(server.lines().filter((line) => line === 'POST /compute/jobs')).toHaveLength(2);
});

test('a token alone cannot be renewed: its 401 is given at once', async () => {
  const server = await serve((_, response) => send(response, 401, {}));
  expect(await failure(clientOf(server).jobs.get('j1'))).toBeInstanceOf(UnauthorizedError);
  expect(server.requests).toHaveLength(1);
});

test('a token is replaced when less than 500 s are left, and not before', async () => {
  const now = Date.UTC(2026, 5, 1);
  vi.useFakeTimers({ toFake: ['Date'], now });
  try {
    const server = await serve(({ path }) => (path === '/iam/token' ? { access_token: jwt(100_000) } : JOB));
    const client = clientOf(server, { ...login, jwtToken: jwt(1000) });
    vi.setSystemTime(now + 499_999);
    await client.jobs.get('j1');
    expect(tokenRequests(server.requests)).toHaveLength(0);
    vi.setSystemTime(now + 500_000);
    await client.jobs.get('j1');
    await client.jobs.get('j1');
    expect(tokenRequests(server.requests)).toHaveLength(1);
  } finally {
    vi.useRealTimers();
  }
});

test('an old token that still holds goes on when no other is to be had, without asking each time', async () => {
  const old = jwt(100);
  const server = await serve(({ path }, response) => {
    if (path !== '/iam/token') return JOB;
    send(response, 503, 'down');
    return undefined;
  });
  const client = clientOf(server, { ...login, jwtToken: old });
  for (let i = 0; i < 5; i++) await client.jobs.get('j1');
  expect(tokenRequests(server.requests)).toHaveLength(3);
  expect(bearer(server.requests.at(-1)!)).toBe(old);
});

test('without one that holds, the failure of the token request is given, and is not multiplied', async () => {
  const server = await serve((_, response) => send(response, 503, 'down'));
  const error = await failure(clientOf(server, { ...login, jwtToken: jwt(-1) }).jobs.get('j1'));
  expect(error).toBeInstanceOf(ServerError);
  expect(server.lines()).toEqual(['POST /iam/token', 'POST /iam/token', 'POST /iam/token']);
});

test('refused credentials are said to be that', async () => {
  const server = await serve((_, response) => send(response, 400, { detail: `bad token ${SECRET}` }));
  const error = await failure(clientOf(server, { ...login, jwtToken: '' }).jobs.get('j1'));
  expect(error['code']).toBe('EARTHONE_CREDENTIALS');
  expect(error.message).toBe('POST /token: 400: bad token [secret]');
  expect(server.requests).toHaveLength(1);
});

test.each([
  ['is not readable', 'nonsense'],
  ['does not say when it ends', jwt(0, { exp: undefined })],
  ['has ended', jwt(-1)],
])('a token alone that %s is no credential', async (_, jwtToken) => {
  const server = await serve(() => JOB);
  expect(await failure(clientOf(server, { jwtToken }).jobs.get('j1'))).toBeInstanceOf(NoCredentialsError);
  expect(server.requests).toHaveLength(0);
});

test('a token for another client is replaced', async () => {
  const server = await serve(({ path }) => (path === '/iam/token' ? { access_token: jwt(3600) } : JOB));
  await clientOf(server, { ...login, jwtToken: jwt(3600, { aud: ['client-id'] }) }).jobs.get('j1');
  expect(tokenRequests(server.requests)).toHaveLength(1);
});

test('a new token is used, however short it lasts', async () => {
  const server = await serve(({ path }) => (path === '/iam/token' ? { access_token: jwt(-60) } : JOB));
  const client = clientOf(server, { ...login, jwtToken: '' });
  for (let i = 0; i < 5; i++) await client.jobs.get('j1');
  expect(tokenRequests(server.requests)).toHaveLength(1);
});

test('who gives up waiting for a token does not take it from the others', async () => {
  let answer: (() => void) | undefined;
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let giveToken: (() => void) | undefined;
  const server = await serve(async ({ path }) => {
    if (path !== '/iam/token') return JOB;
    answer?.();
    await new Promise<void>((resolve) => {
      giveToken = resolve;
    });
    return { access_token: jwt(3600) };
  });
  const client = clientOf(server, { ...login, jwtToken: '' });
  const stop = new AbortController();
  const first = failure(client.jobs.get('j1', { signal: stop.signal }));
  const second = client.jobs.get('j2');
  await asked;
  stop.abort(new Error('enough'));
  expect((await first).message).toBe('enough');
  giveToken?.();
  expect((await second).id).toBe('j1');
  expect(tokenRequests(server.requests)).toHaveLength(1);
});
