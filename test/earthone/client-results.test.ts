/** Results: from the catalog to storage. */
import { expect, test } from 'vitest';
import { AnswerError, ForbiddenError } from '../../src/earthone.js';
import { clientOf, failure, FUNCTION, send, serve, type TestServer } from './client-support.js';

const of = { functionId: 'f1', jobId: 'j1' };

/** A catalog, and storage that gives `body`. */
async function both(body: Buffer | string | null): Promise<{ server: TestServer; storage: TestServer }> {
  const storage = await serve((_, response) => send(response, body === null ? 404 : 200, body ?? ''));
  const server = await serve(({ path }) =>
    path.startsWith('/catalog')
      ? { data: { type: 'storage_download', attributes: { resumable_url: `${storage.url}/dl/1?sig=s%2Fx` } } }
      : FUNCTION,
  );
  return { server, storage };
}

test.each<[string, Buffer | string, unknown]>([
  ['an object', '{"test": "blah"}', { test: 'blah' }],
  ['a number', '15.68', 15.68],
  ['null', 'null', null],
  ['a text', '"ü"', 'ü'],
  ['bytes', Buffer.from([0, 0x78]), Buffer.from([0, 0x78])],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), Buffer.from([0x22, 0xff, 0x22])],
  ['nothing', '', null],
])('%s', async (_, body, value) => {
  const { server, storage } = await both(body);
  expect(await clientOf(server).results.get(of)).toEqual(value);
  expect(server.lines()).toEqual([
    'GET /compute/functions/f1',
    'GET /catalog/storage/download/compute/acme%3A1234/f1/j1',
  ]);
  expect(server.requests[1]!.headers).toMatchObject({
    accept: 'application/vnd.api+json',
    'content-type': 'application/vnd.api+json',
  });
  expect(server.requests[1]!.headers.authorization).toMatch(/^Bearer /);
  const [get] = storage.requests;
  expect(get!.query.get('sig')).toBe('s/x');
  expect(get!.headers.authorization).toBeUndefined();
  expect(Object.keys(get!.headers).filter((name) => name.startsWith('x-'))).toEqual([]);
});

test('the namespace is that of a function seen before, or given', async () => {
  const { server } = await both('1');
  const client = clientOf(server);
  await client.functions.get('f1');
  await client.results.bytes(of);
  await client.results.bytes(of);
  await client.results.bytes({ ...of, namespace: "o'rg (x)/user ü" });
  expect(server.lines()).toEqual([
    'GET /compute/functions/f1',
    'GET /catalog/storage/download/compute/acme%3A1234/f1/j1',
    'GET /catalog/storage/download/compute/acme%3A1234/f1/j1',
    'GET /catalog/storage/download/compute/o%27rg%20%28x%29/user%20%C3%BC/f1/j1',
  ]);
});

test('404 at either step is null: the job returned nothing', async () => {
  const { server } = await both(null);
  expect(await clientOf(server).results.get(of)).toBeNull();
  const none = await serve((_, response) => send(response, 404, {}));
  expect(await clientOf(none).results.bytes({ ...of, namespace: 'n' })).toBeNull();
});

test('storage that fails is asked again; what it refuses is an error', async () => {
  const storage = await serve((_, response, before) => {
    if (before === 0) return send(response, 500, '');
    if (before > 1) return send(response, 200, 'whole');
    response.writeHead(200, { 'content-length': '5' });
    response.write('who', () => setTimeout(() => response.destroy(), 20));
    return undefined;
  });
  const server = await serve(() => ({ data: { attributes: { resumable_url: `${storage.url}/x` } } }));
  const bytes = await clientOf(server).results.bytes({ ...of, namespace: 'n' });
  expect(bytes?.toString()).toBe('whole');

  const closed = await serve((_, response) => send(response, 403, '<Error>expired</Error>'));
  const other = await serve(() => ({
    data: { attributes: { resumable_url: `${closed.url}/key?sig=secret-sig` } },
  }));
  const error = await failure(clientOf(other).results.bytes({ ...of, namespace: 'n' }));
  expect(error).toBeInstanceOf(ForbiddenError);
  expect(error.message).toBe(
    `GET presigned address at ${new URL(closed.url).host}: 403: <Error>expired</Error>`,
  );
});

test.each([
  ['no address', { data: { attributes: {} } }, 'expected text as data.attributes.resumable_url, got nothing'],
  [
    'what is no address',
    { data: { attributes: { resumable_url: 'file:///etc/passwd' } } },
    'no address of HTTP',
  ],
])('a catalog that gives %s', async (_, answer, text) => {
  const server = await serve(() => answer);
  const error = await failure(clientOf(server).results.bytes({ ...of, namespace: 'n' }));
  expect(error).toBeInstanceOf(AnswerError);
  expect(error.message).toContain(text);
});

test('no part of the name leads elsewhere', async () => {
  const { server } = await both('1');
  for (const namespace of ['..', 'a/../../b', ''])
    expect(await failure(clientOf(server).results.bytes({ ...of, namespace }))).toMatchObject({
      code: 'VALUE_INVALID',
    });
  expect(server.requests).toHaveLength(0);
});
