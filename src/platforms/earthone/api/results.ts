/** What jobs returned. */
import { isUtf8 } from 'node:buffer';
import { AnswerError, ForbiddenError, NotFoundError } from './errors.js';
import { ask, idPart } from './request.js';
import type { Session } from './session.js';
import type { FunctionsApi, RequestOptions, ResultsApi } from './types.js';

/** Function id → namespace, of every function that was seen. */
export type Namespaces = Map<string, string>;

/** Presigned addresses that are tried for one result. */
const ADDRESSES = 3;

type ResultOf = Parameters<ResultsApi['bytes']>[0];

export class Results implements ResultsApi {
  readonly #session: Session;
  readonly #functions: FunctionsApi;
  readonly #namespaces: Namespaces;

  constructor(session: Session, functions: FunctionsApi, namespaces: Namespaces) {
    this.#session = session;
    this.#functions = functions;
    this.#namespaces = namespaces;
  }

  async bytes(of: ResultOf, options: RequestOptions = {}): Promise<Buffer | null> {
    const namespace = of.namespace ?? (await this.#namespaceOf(of.functionId, options));
    const blob = ['compute', namespace, of.functionId, of.jobId].join('/');
    // A slash separates the parts of the name, also one within an id.
    const path = blob
      .split('/')
      .map((part) => idPart(part, 'result'))
      .join('/');
    try {
      const bytes = await this.#download(path, options);
      return bytes.length === 0 ? null : bytes;
    } catch (error) {
      // A job that returned nothing has stored nothing.
      if (error instanceof NotFoundError) return null;
      throw error;
    }
  }

  async #download(path: string, options: RequestOptions): Promise<Buffer> {
    const call = {
      method: 'GET',
      service: 'catalog',
      path: `/storage/download/${path}`,
      ...options,
    } as const;
    for (let tried = 1; ; tried++) {
      const answer = await ask(this.#session, call);
      const url = answer.at('data').at('attributes').at('resumable_url').text();
      try {
        return await this.#session.presigned('GET', url, options);
      } catch (error) {
        // The address was good no more when it was used: a new one may be used in time.
        if (!(error instanceof ForbiddenError) || tried === ADDRESSES) throw error;
      }
    }
  }

  async get(of: ResultOf, options: RequestOptions = {}): Promise<unknown> {
    const bytes = await this.bytes(of, options);
    if (bytes === null || !isUtf8(bytes)) return bytes;
    try {
      return JSON.parse(bytes.toString('utf8')) as unknown;
    } catch {
      return bytes;
    }
  }

  async #namespaceOf(functionId: string, options: RequestOptions): Promise<string> {
    const known = this.#namespaces.get(functionId);
    if (known !== undefined) return known;
    const { namespace } = await this.#functions.get(functionId, options);
    if (namespace !== null) return namespace;
    throw new AnswerError(`GET /functions/${idPart(functionId, 'function')}: expected a namespace, got none`);
  }
}
