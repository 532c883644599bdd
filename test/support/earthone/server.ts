/** Takes requests, lets faults happen to them, and hands them to who answers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Executor } from './executor.js';
import type { Faults, Service } from './faults.js';
import { FunctionsApi, tokenReply, type Handler } from './functions-api.js';
import { ApiError, json, readBody, refusal, send, type Reply, type Request } from './http.js';
import { JobsApi } from './jobs-api.js';
import type { FaultKind } from './options.js';
import { authorize, Storage, xml } from './storage.js';
import { count, type World } from './world.js';

/** A request that came, and what became of it. */
export interface Recorded {
  readonly at: number;
  readonly service: Service;
  readonly method: string;
  /** Without the service's beginning. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Empty where `bodyBytes` is over a mebibyte. */
  readonly body: Buffer;
  readonly bodyBytes: number;
  status: number | null;
  readonly fault: FaultKind | null;
}

const PREFIXES: readonly (readonly [Service, string])[] = [
  ['iam', '/iam'],
  ['compute', '/compute/v1'],
  ['catalog', '/metadata/v1/catalog/v2'],
];
const KEPT_BODY = 1024 * 1024;

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly handler: Handler;
}

/** `/functions/{id}/bundle` → what matches it. `{id}` is one part, `{rest}` any number. */
const route = (line: string, handler: Handler): Route => {
  const [method, path] = line.split(' ') as [string, string];
  const source = path.replace('{id}', '([^/]+)').replace('{rest}', '(.+)');
  return { method, path: new RegExp(`^${source}$`), handler };
};

export class Front {
  readonly requests: Recorded[] = [];
  readonly #world: World;
  readonly #faults: Faults;
  readonly executor: Executor;
  readonly #functions: FunctionsApi;
  readonly #storage: Storage;
  readonly #routes: Record<Service, readonly Route[]>;
  readonly #main: Server;
  readonly #store: Server;

  constructor(world: World) {
    this.#world = world;
    this.#faults = world.faults;
    this.executor = new Executor(world);
    this.#storage = new Storage(world, () => this.storageOrigin);
    const functions = new FunctionsApi(world, this.executor, this.#storage.uploadUrl);
    this.#functions = functions;
    const jobs = new JobsApi(world, this.executor);
    this.#routes = {
      iam: [route('POST /token', (request) => tokenReply(world, request))],
      compute: [
        route('POST /credentials', functions.storeCredentials),
        route('GET /credentials', functions.seeCredentials),
        route('POST /functions', functions.create),
        route('GET /functions', functions.list),
        route('POST /functions/{id}/bundle', functions.complete),
        route('GET /functions/{id}/log', functions.log),
        route('GET /functions/{id}', functions.get),
        route('PATCH /functions/{id}', functions.change),
        route('DELETE /functions/{id}', functions.delete),
        route('POST /jobs', jobs.create),
        route('GET /jobs', jobs.list),
        route('POST /jobs/bulk', jobs.createBulk),
        route('POST /jobs/cancel', jobs.cancelMany),
        route('POST /jobs/rerun', jobs.rerunMany),
        route('POST /jobs/delete', jobs.deleteMany),
        route('POST /jobs/{id}/cancel', jobs.cancel),
        route('GET /jobs/{id}/log', jobs.log),
        route('GET /jobs/{id}', jobs.get),
        route('PATCH /jobs/{id}', jobs.change),
        route('DELETE /jobs/{id}', jobs.delete),
      ],
      catalog: [
        route('GET /storage/download/{rest}', this.#storage.download),
        route('GET /storage/{rest}', this.#storage.describe),
      ],
      storage: [],
    };
    this.#main = this.#server((message, response) => {
      const found = PREFIXES.find(([, prefix]) => message.url!.startsWith(`${prefix}/`));
      if (found === undefined) return send(response, json({ detail: 'Not Found' }, 404));
      return this.#serve(found[0], message.url!.slice(found[1].length), message, response);
    });
    this.#store = this.#server((message, response) =>
      this.#serve('storage', message.url!, message, response),
    );
  }

  #server(serve: (message: IncomingMessage, response: ServerResponse) => Promise<void>): Server {
    // Kept longer than clients rest between two looks: a request must not meet a connection that just ended.
    return createServer({ keepAliveTimeout: 120_000, requestTimeout: 0 }, (message, response) => {
      response.on('error', () => {});
      serve(message, response).catch((error: unknown) => {
        // A fault of the server itself must be seen by whoever tests.
        process.stderr.write(`conformance server: ${String((error as Error).stack)}\n`);
        response.destroy();
      });
    });
  }

  async listen(): Promise<void> {
    for (const server of [this.#main, this.#store]) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
    }
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#main.address() as AddressInfo).port}`;
  }

  get storageOrigin(): string {
    return `http://127.0.0.1:${(this.#store.address() as AddressInfo).port}`;
  }

  /** Address of a service; none ends in a slash. */
  url(service: 'iam' | 'compute' | 'catalog'): string {
    return this.origin + PREFIXES.find(([name]) => name === service)![1];
  }

  async #serve(
    service: Service,
    url: string,
    message: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const [path = '', search = ''] = url.split('?', 2);
    let body: Buffer | null;
    let tooLarge: Reply | null = null;
    try {
      body = await readBody(message, this.#world.options.maxBody);
    } catch (error) {
      tooLarge = refusal(error as ApiError);
      body = Buffer.alloc(0);
    }
    if (body === null) return;
    const method = message.method ?? '';
    const request: Request = {
      method,
      path,
      query: new URLSearchParams(search),
      headers: message.headers,
      body,
    };
    const fault = this.#faults.plan(service, method, path);
    const recorded = this.#record(service, request, fault);
    await this.#wait();
    if (fault === 'drop-before') {
      response.destroy();
      return;
    }
    const before = tooLarge ?? this.#instead(fault, request);
    if (before !== null) {
      recorded.status = before.status;
      await send(response, before);
      return;
    }
    let reply = await this.#answer(service, request);
    if (fault === 'duplicate') await this.#answer(service, request);
    if (fault === 'error-after') reply = json({ detail: 'Internal Server Error' }, 500);
    recorded.status = reply.status;
    if (fault === 'drop-after') {
      response.destroy();
      return;
    }
    await send(response, reply, { dropBody: fault === 'drop-body', slowBody: fault === 'slow-body' });
  }

  #record(service: Service, request: Request, fault: FaultKind | null): Recorded {
    const { method, path, query, headers, body } = request;
    const recorded: Recorded = {
      at: Date.now(),
      service,
      method,
      path,
      query,
      headers,
      body: body.length > KEPT_BODY ? Buffer.alloc(0) : body,
      bodyBytes: body.length,
      status: null,
      fault,
    };
    this.requests.push(recorded);
    const { keepRequests } = this.#world.options;
    // Not each time: what goes is moved.
    if (this.requests.length > keepRequests * 1.5)
      this.requests.splice(0, this.requests.length - keepRequests);
    const general = path
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '{id}')
      .replace(/^(\/storage\/|\/blobs\/).*/, '$1{id}');
    count(this.#world.counters.requests, `${service} ${method} ${general}`);
    return recorded;
  }

  async #wait(): Promise<void> {
    const { latency } = this.#world.options;
    const ms = typeof latency === 'number' ? latency : this.#faults.between(latency.least, latency.most);
    if (ms > 0) await sleep(ms);
  }

  /** The answer of a fault that lets nothing happen. */
  #instead(fault: FaultKind | null, { headers }: Request): Reply | null {
    const { retryAfter } = this.#faults;
    const later = new Date(Math.ceil((Date.now() + retryAfter * 1000) / 1000) * 1000);
    const tooMany = (more: Record<string, string>): Reply => {
      const reply = json({ detail: 'Too many requests' }, 429);
      return { ...reply, headers: { ...reply.headers, ...more } };
    };
    switch (fault) {
      case '500':
        return json({ detail: 'Internal Server Error' }, 500);
      case '502':
        return {
          status: 502,
          headers: { 'content-type': 'text/html' },
          body: '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>',
        };
      case '503':
        return { status: 503, body: 'upstream connect error' };
      case '429':
        return tooMany({ 'retry-after': String(retryAfter) });
      case '429-date':
        return tooMany({ 'retry-after': later.toUTCString() });
      case '429-bare':
        return tooMany({});
      case '401':
        this.#world.tokens.delete((headers.authorization ?? '').replace('Bearer ', ''));
        return json({ detail: 'The token has expired' }, 401);
      case 'presigned-403':
        return xml(403, 'AccessDenied', 'Request has expired');
      case 'presigned-503':
        return xml(503, 'SlowDown', 'Please reduce your request rate.');
      default:
        return null;
    }
  }

  async #answer(service: Service, request: Request): Promise<Reply> {
    if (service === 'storage') return this.#storage.reply(request);
    try {
      if (service !== 'iam') authorize(this.#world, request);
      const { method, path } = request;
      const fitting = this.#routes[service].filter((one) => one.path.test(path));
      const found = fitting.find((one) => one.method === method);
      if (found === undefined) {
        throw fitting.length > 0 ? new ApiError(405, 'Method Not Allowed') : new ApiError(404, 'Not Found');
      }
      return await found.handler(request, found.path.exec(path)![1] ?? '');
    } catch (error) {
      if (error instanceof ApiError) return refusal(error);
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#functions.stop();
    await this.executor.stop();
    for (const server of [this.#main, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}
