/** What errors say, and what they must not. */
import { expect, test } from 'vitest';
import * as api from '../../src/earthone.js';
import {
  all,
  allTextOf,
  clientOf,
  CLIENT_ID,
  failure,
  FUNCTION,
  JOB,
  jwt,
  SECRET,
  send,
  serve,
} from './client-support.js';

test.each([
  [400, 'BadRequestError', 'EARTHONE_REJECTED', 2],
  [401, 'UnauthorizedError', 'EARTHONE_CREDENTIALS', 2],
  [403, 'ForbiddenError', 'EARTHONE_REJECTED', 2],
  [404, 'NotFoundError', 'EARTHONE_REJECTED', 2],
  [405, 'MethodNotAllowedError', 'EARTHONE_REJECTED', 2],
  [409, 'ConflictError', 'EARTHONE_REJECTED', 2],
  [410, 'GoneError', 'EARTHONE_REJECTED', 2],
  [418, 'ClientError', 'EARTHONE_REJECTED', 2],
  [422, 'ValidationError', 'EARTHONE_REJECTED', 2],
  [429, 'RateLimitError', 'EARTHONE_UNREACHABLE', 3],
  [500, 'ServerError', 'EARTHONE_UNREACHABLE', 3],
  [504, 'GatewayTimeoutError', 'EARTHONE_UNREACHABLE', 3],
  [599, 'ServerError', 'EARTHONE_UNREACHABLE', 3],
] as const)('%i is a %s', async (status, name, code, exitCode) => {
  const server = await serve((_, response) => send(response, status, { detail: 'because' }));
  const error = await failure(clientOf(server, { retries: { tries: 1 } }).jobs.get('j1'));
  expect(error).toBeInstanceOf(api[name]);
  expect(error).toBeInstanceOf(api.EarthOneError);
  expect(error).toBeInstanceOf(api.DlJobsError);
  expect(error).toMatchObject({
    name,
    status,
    code,
    exitCode,
    method: 'GET',
    path: '/jobs/j1',
    detail: 'because',
  });
  expect(error.message).toBe(`GET /jobs/j1: ${status}: because`);
  expect(error.cause).toBeUndefined();
});

test('a proxy that wants a login is said to be that', async () => {
  const server = await serve((_, response) => send(response, 407, {}));
  const error = await failure(clientOf(server).jobs.get('j1'));
  expect(error).toBeInstanceOf(api.TransportError);
  expect(error.message).toContain('a proxy that wants a login (407)');
  expect(server.requests).toHaveLength(1);
});

test.each<[string, string, unknown, string]>([
  [
    'errors by field',
    'application/json',
    {
      detail: 'Validation error',
      errors: { image: ['Field is required', 'Must be a valid docker image'], __x: 'one', n: [3] },
    },
    'Validation error; image: Field is required; Must be a valid docker image; __x: one; n: 3',
  ],
  ['fields alone', 'application/json', { errors: { cpus: ['too many'] } }, 'cpus: too many'],
  [
    'the list of FastAPI',
    'application/json',
    { detail: [{ loc: ['body', 'cpus'], msg: 'not a number', type: 'x' }] },
    'body.cpus: not a number',
  ],
  [
    'the list of JSON:API',
    'application/json',
    { errors: [{ title: 'Invalid', detail: 'no such blob' }] },
    'Invalid: no such blob',
  ],
  ['another form of JSON', 'application/json', { reason: 'x' }, '{"reason":"x"}'],
  ['text', 'text/plain', 'upstream\u0007 is\n\n down', 'upstream is down'],
  [
    'a page',
    'text/html',
    '<!doctype html><html><head><title>502 Bad Gateway</title><style>b{}</style></head><body><h1>nginx</h1></body></html>',
    'a page of HTML: 502 Bad Gateway nginx',
  ],
  ['bytes', 'application/octet-stream', Buffer.from([0xff, 0xfe, 0x00, 0xd8]), '4 bytes that are no text'],
  ['JSON cut off', 'application/json', '{"detail": "a', '{"detail": "a'],
])('the words of a refusal: %s', async (_, type, body, text) => {
  const server = await serve((_request, response) => send(response, 422, body, { 'content-type': type }));
  const error = await failure(clientOf(server).jobs.get('j1'));
  expect(error.message).toBe(`GET /jobs/j1: 422: ${text}`);
});

test('a refusal without words says its status, and an endless one is not read to its end', async () => {
  const server = await serve(({ path }, response) => {
    if (path.endsWith('empty')) return send(response, 404, '');
    response.writeHead(404);
    const more = (): void => {
      while (!response.destroyed && response.write('many words '.repeat(1000)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
    return undefined;
  });
  const client = clientOf(server);
  expect((await failure(client.jobs.get('empty'))).message).toBe('GET /jobs/empty: 404');
  const error = await failure(client.jobs.get('endless'));
  expect(error).toBeInstanceOf(api.NotFoundError);
  expect(error.message.length).toBeLessThan(2100);
});

test('field names of any kind are only names', async () => {
  const server = await serve((_, response) =>
    send(response, 422, '{"errors": {"__proto__": ["no"], "toString": ["no"]}}'),
  );
  const error = (await failure(clientOf(server).jobs.get('j1'))) as unknown as api.ApiError;
  expect(Object.entries(error.fields)).toEqual([
    ['__proto__', ['no']],
    ['toString', ['no']],
  ]);
});

test.each<[string, unknown, string]>([
  ['a page', '<html>login</html>', 'expected JSON, got a page of HTML'],
  ['text', 'OK', 'expected JSON, got 2 characters that are none'],
  ['JSON cut off', '{"id": "j1"', 'expected JSON, got 11 characters that are none'],
  ['nothing', '', 'expected an object, got nothing'],
  ['a list', [JOB], 'expected an object, got a list'],
  ['no id', { status: 'pending' }, 'expected text as id, got nothing'],
  ['no status', { id: 'j1' }, 'expected text as status, got nothing'],
  ['an id of a number', { ...JOB, id: 3 }, 'expected text as id, got a number'],
  ['tags of a number', { ...JOB, tags: ['a', 3] }, 'expected text as tags[1], got a number'],
  [
    'a date that is none',
    { ...JOB, creation_date: 'soon' },
    'expected a date as creation_date, got "soon" (string)',
  ],
  ['arguments that are no list', { ...JOB, args: 'ab' }, 'expected a list as args, got a string'],
  [
    'variables that are no text',
    { ...JOB, environment: { A: {} } },
    'expected text as environment.A, got a object',
  ],
])('an answer of another shape: %s', async (_, body, text) => {
  const server = await serve((_request, response) => send(response, 200, body));
  const error = await failure(clientOf(server).jobs.get('j1'));
  expect(error).toBeInstanceOf(api.AnswerError);
  expect(error['code']).toBe('EARTHONE_ANSWER');
  expect(error.message).toBe(`GET /jobs/j1: ${text}`);
  expect(server.requests).toHaveLength(1);
});

test('a page names the place of what is wrong', async () => {
  const server = await serve(() => ({ meta: {}, data: [JOB, { ...JOB, status: null }] }));
  const error = await failure(all(clientOf(server).jobs.search()));
  expect(error.message).toBe('GET /jobs: expected text as data[1].status, got nothing');
});

/** Every kind of request against servers that say back what they got. */
test('no secret is in any error, whatever the server says back', async () => {
  const token = jwt(3600, { note: 'a-token' });
  const signature = 'sig%2Fnature&and=more';
  let presigned = '';
  const faults: readonly ((
    body: string,
  ) => [status: number, body: string, headers?: Record<string, string>])[] = [
    (text) => [400, JSON.stringify({ detail: `you sent ${text}`, errors: { [text]: [text] } })],
    (text) => [
      403,
      `<html><body>${text.replaceAll('&', '&amp;')}</body></html>`,
      { 'content-type': 'text/html' },
    ],
    (text) => [500, text],
    (text) => [422, `${' '.repeat(1990)}${text}`],
    (text) => [422, `${'x'.repeat(64 * 1024 - 8200)}${text}${'x'.repeat(20_000)}`],
    (text) => [200, `${text} is no JSON`],
    (text) => [200, JSON.stringify({ [text]: text })],
    (text) => [429, text, { 'retry-after': encodeURIComponent(text) }],
    (text) => [302, '', { location: `https://user:${encodeURIComponent(text)}@[bad` }],
    (text) => [302, '', { location: `gopher://host/${encodeURIComponent(text)}` }],
  ];
  for (const fault of faults) {
    const server = await serve((request, response) => {
      const authorization = request.headers.authorization ?? '';
      const heard = `${authorization} ${SECRET} ${request.method === 'PUT' ? presigned : presigned.replace('private-key', 'key')} ${request.path}?${request.query.toString()} ${request.body}`;
      const [status, body, headers] = fault(heard);
      send(response, status, body, headers);
    });
    presigned = `${server.url}/bucket/private-key?X-Signature=${signature}&X-Credential=hidden-credential`;
    const broken = await serve((_, response) => void response.destroy());
    const lost = `${broken.url}/bucket/private-key?X-Signature=${signature}`;
    const options = { clientId: CLIENT_ID, clientSecret: SECRET, retries: { tries: 1 } };
    const withToken = clientOf(server, { ...options, jwtToken: token });
    const errors = [
      await failure(withToken.jobs.get('j1')),
      await failure(
        withToken.jobs.createBatch({ functionId: 'f', bulkArgs: Buffer.from('[[1]]'), referenceId: 'r' }),
      ),
      await failure(withToken.credentials.store().then(async () => await withToken.jobs.get('j1'))),
      await failure(withToken.functions.create({ name: 'f', image: 'i', cpus: 1, memory: 1 })),
      await failure(
        withToken.functions.upload(presigned, Buffer.from('zip')).then(() => Promise.reject(new Error('ok'))),
      ),
      await failure(withToken.functions.upload(lost, Buffer.from('zip'))),
      await failure(withToken.functions.upload(`not an address ${signature}`, Buffer.from('zip'))),
      await failure(withToken.functions.upload(`http://127.0.0.1:1/x?s=${signature}`, Buffer.from('zip'))),
      await failure(withToken.results.bytes({ namespace: 'n', functionId: 'f', jobId: 'j' })),
      // Here the token request is what fails.
      await failure(clientOf(server, { ...options, jwtToken: '' }).jobs.get('j1')),
      await failure(clientOf(broken, { ...options, jwtToken: '' }).jobs.get('j1')),
    ];
    const secrets = [
      SECRET,
      token,
      token.split('.')[1]!,
      signature,
      'hidden-credential',
      'private-key',
      presigned,
    ];
    for (const error of errors) {
      const text = allTextOf(error);
      const found = secrets.flatMap((secret) =>
        [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)].filter((form) =>
          text.includes(form),
        ),
      );
      expect(found, `${error.message} (${fault.toString()})`).toEqual([]);
    }
  }
});

test('a token that no header can hold is refused without being shown', async () => {
  const server = await serve(() => FUNCTION);
  const bad = `${jwt(3600)}\nmore: é`;
  const error = await failure(clientOf(server, { jwtToken: bad, retries: { tries: 1 } }).jobs.get('j1'));
  expect(error).toBeInstanceOf(api.TransportError);
  expect(allTextOf(error)).not.toContain(bad.slice(0, 60));
});
