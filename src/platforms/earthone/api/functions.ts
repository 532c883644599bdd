/** Functions: what code runs, in which image, with how much. */
import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { AnswerError, ClientError, NotFoundError } from './errors.js';
import type { Json } from './json.js';
import type { Namespaces } from './results.js';
import { ask, countOf, idPart, includeOf, pagesOf, remove } from './request.js';
import { shownOf, type Call, type Session } from './session.js';
import type {
  ComputeFunction,
  CredentialsApi,
  Filter,
  FunctionFields,
  FunctionsApi,
  Query,
  RequestOptions,
} from './types.js';
import { readFunction, type Part } from './wire.js';

/** More than a build can sensibly write; a small body can unpack to any size. */
const MOST_LOG = 256 * 1024 * 1024;

/** Field → its name on the wire. */
const WIRE_NAMES = {
  name: 'name',
  image: 'image',
  cpus: 'cpus',
  memory: 'memory',
  maximumConcurrency: 'maximum_concurrency',
  timeout: 'timeout',
  retryCount: 'retry_count',
  environment: 'environment',
  autoStart: 'auto_start',
  enabled: 'enabled',
} as const satisfies Record<keyof FunctionFields, string>;

export class Functions implements FunctionsApi {
  readonly #session: Session;
  readonly #credentials: CredentialsApi;
  readonly #namespaces: Namespaces;

  constructor(session: Session, credentials: CredentialsApi, namespaces: Namespaces) {
    this.#session = session;
    this.#credentials = credentials;
    this.#namespaces = namespaces;
  }

  async create(
    fields: FunctionFields,
    options: RequestOptions = {},
  ): Promise<{ readonly function: ComputeFunction; readonly uploadUrl: string }> {
    const body = toWire(fields);
    await this.#credentials.store(options);
    const call: Call = { method: 'POST', path: '/functions', body, repeat: 'unless-done', ...options };
    const answer = await ask(this.#session, call);
    return {
      function: this.#read(answer.at('function')),
      uploadUrl: answer.at('bundle_upload_url').text(),
    };
  }

  async upload(uploadUrl: string, bundle: Uint8Array, options: RequestOptions = {}): Promise<void> {
    await this.#session.presigned('PUT', uploadUrl, { body: bundle, ...options });
  }

  async complete(id: string, options: RequestOptions = {}): Promise<ComputeFunction> {
    const call: Call = { method: 'POST', path: `/functions/${idPart(id, 'function')}/bundle`, ...options };
    try {
      return await this.#one(call);
    } catch (error) {
      if (!(error instanceof ClientError) || error instanceof NotFoundError) throw error;
      // An earlier try can have arrived although its answer was lost: then the bundle is no longer awaited.
      const now = await this.get(id, options);
      if (now.status === 'awaiting_bundle') throw error;
      return now;
    }
  }

  async get(
    id: string,
    options: RequestOptions & { readonly include?: readonly string[] } = {},
  ): Promise<ComputeFunction> {
    const { include, signal } = options;
    return await this.#one({
      method: 'GET',
      path: `/functions/${idPart(id, 'function')}`,
      query: includeOf(include),
      signal,
    });
  }

  async *search(query: Query = {}, options: RequestOptions = {}): AsyncGenerator<ComputeFunction> {
    const pages = pagesOf(this.#session, '/functions', query, (part) => this.#read(part), options);
    for await (const page of pages) yield* page;
  }

  async count(filter?: readonly Filter[], options: RequestOptions = {}): Promise<number> {
    return await countOf(this.#session, '/functions', filter, options);
  }

  async update(
    id: string,
    changes: Partial<Omit<FunctionFields, 'image'>>,
    options: RequestOptions = {},
  ): Promise<ComputeFunction> {
    return await this.#patch(id, toWire(changes), options);
  }

  async start(id: string, options: RequestOptions = {}): Promise<ComputeFunction> {
    return await this.#patch(id, { status: 'ready' }, options);
  }

  async stop(id: string, options: RequestOptions = {}): Promise<ComputeFunction> {
    return await this.#patch(id, { status: 'stopped' }, options);
  }

  async enable(id: string, enabled: boolean, options: RequestOptions = {}): Promise<ComputeFunction> {
    return await this.#patch(id, { enabled }, options);
  }

  async delete(id: string, options: RequestOptions = {}): Promise<void> {
    await remove(this.#session, `/functions/${idPart(id, 'function')}`, [], options);
  }

  async buildLog(id: string, options: RequestOptions = {}): Promise<string> {
    const call: Call = { method: 'GET', path: `/functions/${idPart(id, 'function')}/log`, ...options };
    const bytes = await this.#session.bytes(call);
    // Already unpacked where the server said what it is.
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
    try {
      return (await promisify(gunzip)(bytes, { maxOutputLength: MOST_LOG })).toString('utf8');
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      throw new AnswerError(`${shownOf(call)}: the log cannot be unpacked (${code})`);
    }
  }

  async #patch(id: string, body: Json, { signal }: RequestOptions): Promise<ComputeFunction> {
    return await this.#one({ method: 'PATCH', path: `/functions/${idPart(id, 'function')}`, body, signal });
  }

  async #one(call: Call): Promise<ComputeFunction> {
    return this.#read(await ask(this.#session, call));
  }

  #read(part: Part): ComputeFunction {
    const read = readFunction(part);
    if (read.namespace !== null) this.#namespaces.set(read.id, read.namespace);
    return read;
  }
}

function toWire(fields: Partial<FunctionFields>): Record<string, unknown> {
  const wire: Record<string, unknown> = {};
  for (const [key, name] of Object.entries(WIRE_NAMES)) {
    const value = fields[key as keyof FunctionFields];
    if (value !== undefined && value !== null) wire[name] = value;
  }
  return wire;
}
