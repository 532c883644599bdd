/** Where credentials are found, and what is written where. */
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EarthOneClient, NoCredentialsError } from '../../src/earthone.js';
import {
  allTextOf,
  failure,
  JOB,
  jwt,
  QUICK,
  SECRET,
  send,
  serve,
  urls,
  type TestServer,
} from './client-support.js';

let home: string;
let server: TestServer;
const fresh = jwt(3600, { aud: 'from-server' });
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "dl-jobs home 'ü "));
  server = await serve(({ path }) => (path === '/iam/token' ? { access_token: fresh } : JOB));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const make = (
  env: Record<string, string> = {},
  options: ConstructorParameters<typeof EarthOneClient>[0] = {},
): EarthOneClient =>
  new EarthOneClient({ retries: QUICK, ...options, env: { HOME: home, ...urls(server), ...env } });

const tokenFile = (content: unknown, folder = '.earthone', name = 'token_info.json'): string => {
  mkdirSync(join(home, folder), { recursive: true });
  const path = join(home, folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const cacheOf = (secret: string): string =>
  join(home, '.earthone', `jwt_token_${createHash('sha1').update(secret).digest('hex')}.json`);
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const sent = (): Record<string, string> =>
  JSON.parse(server.requests[0]?.body ?? '{}') as Record<string, string>;

test('arguments come before EARTHONE_ variables, these before plain ones, each field by itself', async () => {
  await make(
    { EARTHONE_CLIENT_ID: 'id-2', CLIENT_ID: 'id-3', CLIENT_SECRET: 'secret-3' },
    { clientId: 'id-1' },
  ).jobs.get('j');
  expect(sent()).toMatchObject({ client_id: 'id-1', refresh_token: 'secret-3' });
  server.requests.length = 0;
  await make({
    EARTHONE_CLIENT_ID: 'id-2',
    CLIENT_ID: 'id-3',
    EARTHONE_CLIENT_SECRET: 'secret-2',
    CLIENT_SECRET: 'secret-3',
  }).jobs.get('j');
  expect(sent()).toMatchObject({ client_id: 'id-2', refresh_token: 'secret-2' });
});

test('a refresh token that differs from the secret wins, with a warning that shows neither', async () => {
  const warnings: string[] = [];
  const env = {
    EARTHONE_CLIENT_ID: 'id',
    EARTHONE_CLIENT_SECRET: 'the-secret',
    EARTHONE_REFRESH_TOKEN: 'the-refresh-token',
  };
  await make(env, { onWarning: (text) => warnings.push(text) }).jobs.get('j');
  expect(sent()['refresh_token']).toBe('the-refresh-token');
  expect(warnings).toEqual(['the client secret and the refresh token differ; the refresh token is used']);
});

test('the file is read only where nothing else is given, and keeps its token and its other keys', async () => {
  const path = tokenFile({
    client_id: 'from-file',
    client_secret: SECRET,
    scope: ['a', 'b'],
    JWT_TOKEN: jwt(-5),
    more: JSON.parse('{"__proto__": {"x": 1}}'),
  });
  await make().jobs.get('j');
  expect(sent()).toEqual({
    client_id: 'from-file',
    grant_type: 'refresh_token',
    refresh_token: SECRET,
    scope: 'a b',
  });
  expect(readJson(path)).toEqual({
    client_id: 'from-file',
    client_secret: SECRET,
    scope: ['a', 'b'],
    more: JSON.parse('{"__proto__": {"x": 1}}'),
    jwt_token: fresh,
  });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(home, '.earthone'))).toEqual(['token_info.json']);

  server.requests.length = 0;
  await make({ CLIENT_ID: 'a', CLIENT_SECRET: 'other-secret' }).jobs.get('j');
  expect(sent()).toMatchObject({ client_id: 'a', refresh_token: 'other-secret' });
});

test('a token in the file is used as long as it holds', async () => {
  const token = jwt(3600, { aud: 'from-file' });
  tokenFile({ client_id: 'from-file', client_secret: SECRET, jwt_token: 'old', JWT_TOKEN: token });
  await make().jobs.get('j');
  expect(server.lines()).toEqual(['GET /compute/jobs/j']);
  expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${token}`);
});

test('EARTHONE_TOKEN_INFO_PATH names another file, and a link to one stays a link', async () => {
  const real = tokenFile({ client_id: 'real', client_secret: SECRET }, 'elsewhere', 'x.json');
  const link = join(home, 'link.json');
  symlinkSync(real, link);
  await make({ EARTHONE_TOKEN_INFO_PATH: link }).jobs.get('j');
  expect(sent()['client_id']).toBe('real');
  expect(readJson(real)).toMatchObject({ client_id: 'real', jwt_token: fresh });
  expect(readFileSync(link, 'utf8')).toBe(readFileSync(real, 'utf8'));
});

test('tokens for variables are kept under the name of the official client, for the user alone', async () => {
  const env = { EARTHONE_CLIENT_ID: 'from-server', EARTHONE_CLIENT_SECRET: SECRET };
  await make(env).jobs.get('j');
  expect(readJson(cacheOf(SECRET))).toEqual({ jwt_token: fresh });
  expect(statSync(cacheOf(SECRET)).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, '.earthone')).mode & 0o777).toBe(0o700);
  await make(env).jobs.get('j');
  expect(server.lines()).toEqual(['POST /iam/token', 'GET /compute/jobs/j', 'GET /compute/jobs/j']);
  // A damaged one is only a cache.
  writeFileSync(cacheOf(SECRET), '{"jwt_tok');
  await make(env).jobs.get('j');
  expect(readJson(cacheOf(SECRET))).toEqual({ jwt_token: fresh });
});

test('EARTHONE_NO_JWT_CACHE keeps files unread and unwritten', async () => {
  const env = {
    EARTHONE_NO_JWT_CACHE: 'True',
    EARTHONE_CLIENT_ID: 'from-server',
    EARTHONE_CLIENT_SECRET: SECRET,
  };
  await make(env).jobs.get('j');
  await make(env).jobs.get('j');
  expect(readdirSync(home)).toEqual([]);
  expect(server.lines().filter((line) => line === 'POST /iam/token')).toHaveLength(2);
  const path = tokenFile({ client_id: 'x', client_secret: SECRET });
  const error = await failure(make({ EARTHONE_NO_JWT_CACHE: 'true' }).jobs.get('j'));
  expect(error.message).toContain(`EARTHONE_NO_JWT_CACHE is set, so ${path} is not read`);
});

test('a cache that cannot be written is a warning', async () => {
  writeFileSync(join(home, '.earthone'), 'a file where the folder should be');
  const warnings: string[] = [];
  const env = { CLIENT_ID: 'id', CLIENT_SECRET: SECRET };
  await make(env, { onWarning: (text) => warnings.push(text) }).jobs.get('j');
  expect(warnings).toEqual([expect.stringMatching(/^the token cannot be kept for the next time: E/)]);
});

test('an explicit path keeps the token of the same login, and is rewritten for another', async () => {
  const token = jwt(3600, { aud: 'id' });
  const path = tokenFile({ client_id: 'id', refresh_token: 'one-secret', jwt_token: token });
  const options = { clientId: 'id', tokenPath: path };
  await make({}, { ...options, clientSecret: 'one-secret' }).jobs.get('j');
  expect(server.lines()).toEqual(['GET /compute/jobs/j']);
  await make({}, { ...options, clientSecret: 'other-secret' }).jobs.get('j');
  expect(readJson(path)).toEqual({
    client_id: 'id',
    client_secret: 'other-secret',
    refresh_token: 'other-secret',
    jwt_token: fresh,
  });
});

test('null as path: never a file', async () => {
  tokenFile({ client_id: 'x', client_secret: SECRET });
  expect(await failure(make({}, { tokenPath: null }).jobs.get('j'))).toBeInstanceOf(NoCredentialsError);
  await make({}, { tokenPath: null, clientId: 'id', clientSecret: 'some-secret' }).jobs.get('j');
  expect(readdirSync(join(home, '.earthone'))).toEqual(['token_info.json']);
});

test('Descartes Labs: by its variables alone, or by the name of an environment', async () => {
  tokenFile({ client_id: 'from-server', client_secret: SECRET }, '.descarteslabs');
  const dl = urls(server, 'DESCARTESLABS_');
  const only = new EarthOneClient({ env: { HOME: home, ...dl } });
  await only.jobs.get('j');
  expect(sent()['client_id']).toBe('from-server');
  expect(only.loginPage).toBe('https://app.descarteslabs.com/account/refresh-token');
  server.requests.length = 0;
  // Both are set: the name decides.
  const both = {
    HOME: home,
    EARTHONE_CLIENT_ID: 'eo',
    EARTHONE_CLIENT_SECRET: 'eo-secret',
    ...urls(server),
    ...dl,
  };
  await new EarthOneClient({ environment: 'aws-production', env: both }).jobs.get('j');
  expect(server.requests.map(({ path }) => path)).toEqual(['/compute/jobs/j']);
  server.requests.length = 0;
  await new EarthOneClient({ env: both }).jobs.get('j');
  expect(sent()['client_id']).toBe('eo');
});

test('without any, the error says how to get them, and the next call looks again', async () => {
  const client = make();
  const error = await failure(client.jobs.get('j'));
  expect(error).toBeInstanceOf(NoCredentialsError);
  expect(error['code']).toBe('EARTHONE_CREDENTIALS');
  const path = join(home, '.earthone', 'token_info.json');
  expect(error.message).toBe(`EarthOne: no credentials, neither in variables nor in ${path}`);
  expect(error['hint']).toContain('https://app.earthone.earthdaily.com/account/refresh-token');
  expect(error['hint']).toContain('EARTHONE_CLIENT_ID and EARTHONE_CLIENT_SECRET');
  expect(error['hint']).toContain(path);
  expect(server.requests).toHaveLength(0);
  const pasted = Buffer.from(JSON.stringify({ client_id: 'new', client_secret: SECRET })).toString(
    'base64url',
  );
  expect(await client.credentials.save(` ${pasted}\n`)).toBe(path);
  expect(readJson(path)).toEqual({ client_id: 'new', client_secret: SECRET, refresh_token: SECRET });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await client.jobs.get('j');
  expect(sent()['client_id']).toBe('new');
  expect(await client.credentials.source()).toBe(path);
});

test.each([
  ['half of them', { CLIENT_ID: 'id' }, 'there is a client id, but no client secret'],
  ['the other half', { CLIENT_SECRET: SECRET }, 'there is a client secret, but no client id'],
  ['empty ones', { CLIENT_ID: ' ', CLIENT_SECRET: '' }, 'no credentials, neither'],
])('%s are no credentials', async (_, env, text) => {
  const error = await failure(make(env).jobs.get('j'));
  expect(error.message).toContain(text);
  expect(allTextOf(error)).not.toContain(SECRET);
});

test('a damaged file is said to be that, without what it holds', async () => {
  for (const content of [`{"client_secret": "${SECRET}`, `["${SECRET}"]`]) {
    tokenFile(content);
    const error = await failure(make().jobs.get('j'));
    expect(error['code']).toBe('CONFIG_INVALID');
    expect(allTextOf(error)).not.toContain(SECRET);
  }
  expect(allTextOf(await failure(make().credentials.save(SECRET)))).not.toContain(SECRET);
});

test('credentials for jobs are stored, or with a token alone looked for', async () => {
  server = await serve(({ method, path }, response) => {
    if (path === '/iam/token') return { access_token: fresh };
    if (method === 'GET') send(response, 404, { detail: 'none' });
    else send(response, 200, '');
    return undefined;
  });
  await make({ CLIENT_ID: 'id', CLIENT_SECRET: SECRET }).credentials.store();
  expect(server.requests.at(-1)).toMatchObject({ method: 'POST', path: '/compute/credentials' });
  expect(JSON.parse(server.requests.at(-1)!.body)).toEqual({ client_id: 'id', client_secret: SECRET });
  const error = await failure(make({ EARTHONE_TOKEN: jwt(3600) }).credentials.store());
  expect(error).toBeInstanceOf(NoCredentialsError);
});

test.each([
  [{ environment: 'nowhere' }, 'has no environment "nowhere"'],
  [{ environment: 'freemium' }, 'freemium of EarthOne has no computeUrl'],
  [{ environment: 'local' }, 'has no computeUrl'],
  [{ computeUrl: 'ftp://x' }, 'computeUrl: expected an address that begins with https://'],
  [
    { env: { EARTHONE_IAM_URL: 'https://u:hidden-word@host' } },
    'EARTHONE_IAM_URL: expected an address without user',
  ],
])('%o is refused before anything is sent', (options, text) => {
  let error: unknown;
  try {
    new EarthOneClient(options);
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  expect((error as Error).message).toContain(text);
  expect(allTextOf(error)).not.toContain('hidden-word');
});

test('a warning is given where secrets would travel in the open', () => {
  const warnings: string[] = [];
  const onWarning = (text: string): number => warnings.push(text);
  new EarthOneClient({ iamUrl: 'http://127.0.0.1:1', computeUrl: 'http://compute.example/v1', onWarning });
  expect(warnings).toEqual([expect.stringContaining('compute.example')]);
});
