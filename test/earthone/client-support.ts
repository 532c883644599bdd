/** Small servers over real HTTP for the tests of the client alone. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, expect } from 'vitest';
import { EarthOneClient, type EarthOneOptions } from '../../src/earthone.js';

export interface Recorded {
  readonly method: string;
  /** As it was sent: still encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TestServer {
  readonly url: string;
  readonly requests: Recorded[];
  /** `POST /compute/jobs` and so on. */
  readonly lines: () => string[];
}

type Handler = (
  request: Recorded,
  response: ServerResponse,
  /** How many of this method and path there were before. */
  before: number,
) => unknown;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A server that ends with the test. What the handler returns, if anything, is sent as JSON with status 200. */
export async function serve(handler: Handler): Promise<TestServer> {
  const requests: Recorded[] = [];
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const url = new URL(request.url ?? '/', 'http://x');
    const recorded: Recorded = {
      method: request.method ?? '',
      path: (request.url ?? '').split('?')[0] ?? '',
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(parts).toString('utf8'),
    };
    const before = requests.filter(
      ({ method, path }) => method === recorded.method && path === recorded.path,
    );
    requests.push(recorded);
    const value = await handler(recorded, response, before.length);
    if (value !== undefined && !response.headersSent) send(response, 200, value);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    lines: () => requests.map(({ method, path }) => `${method} ${path}`),
  };
}

export function send(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const isText = typeof value === 'string' || Buffer.isBuffer(value);
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(isText ? value : JSON.stringify(value));
}

/** A port where nobody listens. */
export async function deadAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return `http://127.0.0.1:${port}`;
}

export const CLIENT_ID = 'client-id';
export const SECRET = 'very/secret+refresh&token"é';

/** A token that ends in so many seconds. */
export function jwt(seconds: number, claims: Record<string, unknown> = {}): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + seconds;
  return `${part({ alg: 'none' })}.${part({ aud: CLIENT_ID, exp, ...claims })}.signature-of-${Math.random()}`;
}

export const QUICK = { tries: 3, least: 1, most: 20 } as const;

/** Variables that send everything to one server. */
export function urls(server: { readonly url: string }, prefix = 'EARTHONE_'): Record<string, string> {
  return {
    [`${prefix}COMPUTE_URL`]: `${server.url}/compute`,
    [`${prefix}IAM_URL`]: `${server.url}/iam`,
    [`${prefix}CATALOG_V2_URL`]: `${server.url}/catalog`,
  };
}

/** With a token that holds, unless told otherwise. */
export function clientOf(server: { readonly url: string }, options: EarthOneOptions = {}): EarthOneClient {
  return new EarthOneClient({
    jwtToken: jwt(3600),
    retries: QUICK,
    ...options,
    env: { ...urls(server), ...options.env },
  });
}

export async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`expected a failure, got ${inspect(outcome.value)}`);
  expect(outcome.error).toBeInstanceOf(Error);
  return outcome.error as Error & Record<string, unknown>;
}

/** Everything that a logger could print of it. */
export function allTextOf(error: unknown): string {
  const seen = new Set<unknown>();
  const texts: string[] = [];
  for (let at = error; at !== undefined && at !== null && !seen.has(at); at = (at as Error).cause) {
    seen.add(at);
    texts.push(
      (at as Error).message,
      (at as Error).stack ?? '',
      inspect(at, { depth: 20, showHidden: true }),
    );
    texts.push(JSON.stringify(at) ?? '', JSON.stringify(Object.getOwnPropertyDescriptors(at)));
  }
  return texts.join('\n');
}

export const JOB = { id: 'j1', function_id: 'f1', status: 'pending' };
export const FUNCTION = { id: 'f1', name: 'go', status: 'ready', namespace: 'acme:1234' };

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
