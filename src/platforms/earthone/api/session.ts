/** Requests to the API: who asks, what is sent, what is tried again, and what a refusal means. */
import { randomUUID } from 'node:crypto';
import { AbortError } from 'p-retry';
import type { Credentials } from './credentials.js';
import type { Environment } from './environments.js';
import {
  AnswerError,
  errorOf,
  tokenErrorOf,
  UnauthorizedError,
  type ApiError,
  type Refusal,
} from './errors.js';
import { openAnswer, readAll, type HttpLimits, type HttpRequest, type OpenAnswer } from './http.js';
import { jsonText, type Json } from './json.js';
import { secretsOf, type Redactor } from './redact.js';
import { readRefusal } from './refusal.js';
import { repeating, waitBefore, type Repeat, type RetryPolicy } from './retry.js';
import { Tokens } from './token.js';
import { pause } from './wait.js';

/** A request to the API. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** @default compute */
  readonly service?: 'compute' | 'catalog';
  /** Below the service's address, encoded, with `/` at its beginning. */
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  /** A value, or JSON text that is sent as it is. */
  readonly body?: Json | Uint8Array;
  /** @default always */
  readonly repeat?: Repeat;
  readonly signal?: AbortSignal | undefined;
  /** Told before each try, from 1. */
  readonly onTry?: (tried: number) => void;
}

export interface SessionParts {
  readonly environment: Environment;
  readonly redactor: Redactor;
  readonly policy: RetryPolicy;
  readonly limits: HttpLimits;
  readonly userAgent: string;
  readonly findCredentials: () => Promise<Credentials>;
  readonly warn: (text: string) => void;
}

const MEDIA = { compute: 'application/json', catalog: 'application/vnd.api+json' } as const;

/** Tokens that a request is tried with after the first. */
const MOST_TOKENS = 5;

export class Session {
  readonly #parts: SessionParts;
  readonly #tokens: Tokens;
  readonly #id = hexId();

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#tokens = new Tokens({
      find: async () => {
        const credentials = await parts.findCredentials();
        parts.redactor.add(credentials.refreshToken);
        parts.redactor.add(credentials.jwt);
        return credentials;
      },
      fetch: async (credentials, signal) => await this.#fetchToken(credentials, signal),
      warn: parts.warn,
    });
  }

  /** How often a request is sent at most. */
  get tries(): number {
    return this.#parts.policy.tries;
  }

  /** The wait before the next try, for who repeats on its own. */
  async pause(tried: number, signal: AbortSignal | undefined): Promise<void> {
    await pause(waitBefore(null, tried, this.#parts.policy), signal);
  }

  async credentials(): Promise<Credentials> {
    return await this.#tokens.credentials();
  }

  /** The JSON of the answer; null where it has no body. */
  async json(call: Call): Promise<unknown> {
    return await this.#authorized(call, async (answer) => {
      const text = (await readAll(answer.body)).toString('utf8');
      return text.trim() === '' ? null : parseJson(text, shownOf(call));
    });
  }

  /** The bytes of the answer. */
  async bytes(call: Call): Promise<Buffer> {
    return await this.#authorized(call, async (answer) => await readAll(answer.body));
  }

  /** The body as it comes. It can break off; who reads it asks again. */
  async stream(call: Call): Promise<AsyncGenerator<Uint8Array, void, undefined>> {
    return await this.#authorized(call, async (answer) => answer.body);
  }

  /** PUT to or GET from a presigned address, which must learn nothing about us. */
  async presigned(
    method: 'GET' | 'PUT',
    url: string,
    options: { readonly body?: Uint8Array; readonly signal?: AbortSignal | undefined },
  ): Promise<Buffer> {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw new AnswerError(`${method} of a presigned address: it is no address of HTTP`);
    const { host } = new URL(url);
    const path = `presigned address at ${host}`;
    const headers: Record<string, string> = { Accept: '*/*' };
    // The bytes themselves are wanted, not what a server between makes of them.
    if (method === 'GET') headers['Accept-Encoding'] = 'identity';
    else headers['Content-Type'] = 'application/octet-stream';
    const request: HttpRequest = {
      ...{ method, url, shown: `${method} ${path}`, headers, bodyMayMove: true },
      ...options,
    };
    return await repeating(
      async () => {
        const answer = await openAnswer(request, this.#parts.limits);
        if (answer.status >= 400)
          throw await this.#refused(answer, { method, path }, errorOf, secretsOf(url));
        return await readAll(answer.body);
      },
      this.#parts.policy,
      'always',
      options.signal,
    );
  }

  async #authorized<T>(call: Call, read: (answer: OpenAnswer) => Promise<T>): Promise<T> {
    const { signal } = call;
    const group = hexId();
    const body = bodyOf(call);
    let isRenewed = false;
    const once = async (token: string): Promise<T> => {
      const request = this.#request(call, body, token, group);
      const answer = await openAnswer(request, this.#parts.limits);
      if (answer.status < 400) return await read(answer);
      throw await this.#refused(answer, { method: call.method, path: call.path }, errorOf);
    };
    return await repeating(
      async (tried) => {
        call.onTry?.(tried);
        let token = await final(this.#tokens.get(signal));
        for (let refused = 1; ; refused++) {
          try {
            return await once(token);
          } catch (error) {
            if (!(error instanceof UnauthorizedError) || refused > MOST_TOKENS) throw error;
            // A token can be withdrawn, or this machine's clock be wrong: once another one is fetched for this request.
            // One that others have fetched meanwhile may be good as well.
            const next = await final(this.#tokens.renew(token, !isRenewed, signal));
            if (next === null) throw error;
            isRenewed ||= next.isFetched;
            token = next.jwt;
          }
        }
      },
      this.#parts.policy,
      call.repeat ?? 'always',
      signal,
    );
  }

  #request(call: Call, body: Uint8Array | undefined, token: string, group: string): HttpRequest {
    const { environment, userAgent } = this.#parts;
    const service = call.service ?? 'compute';
    const query = new URLSearchParams(
      (call.query ?? []).map(([name, value]): [string, string] => [name, value]),
    ).toString();
    const base = service === 'compute' ? environment.computeUrl : environment.catalogUrl;
    return {
      method: call.method,
      url: `${base}${call.path}${query === '' ? '' : `?${query}`}`,
      shown: shownOf(call),
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': MEDIA[service],
        Accept: MEDIA[service],
        'User-Agent': userAgent,
        'X-Client-Session': this.#id,
        'X-Request-Group': group,
      },
      body,
      signal: call.signal,
    };
  }

  async #fetchToken(credentials: Credentials, signal: AbortSignal): Promise<string> {
    const { clientId, refreshToken, scope } = credentials;
    const at = { method: 'POST', path: '/token' };
    const shown = `${at.method} ${at.path}`;
    const request: HttpRequest = {
      method: at.method,
      url: `${this.#parts.environment.iamUrl}${at.path}`,
      shown,
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        'User-Agent': this.#parts.userAgent,
        'X-Request-Group': hexId(),
      },
      body: Buffer.from(
        jsonText({
          client_id: clientId,
          grant_type: 'refresh_token',
          refresh_token: refreshToken,
          ...(scope === null ? {} : { scope: scope.join(' ') }),
        }),
      ),
      signal,
    };
    return await repeating(
      async () => {
        const answer = await openAnswer(request, this.#parts.limits);
        if (answer.status >= 400) throw await this.#refused(answer, at, tokenErrorOf);
        const value = parseJson((await readAll(answer.body)).toString('utf8'), shown);
        const { access_token: access, id_token: id } = (value ?? {}) as Record<string, unknown>;
        const token = [access, id].find((one) => typeof one === 'string' && one !== '');
        if (typeof token !== 'string')
          throw new AnswerError(`${shown}: expected access_token or id_token, got neither`);
        this.#parts.redactor.add(token);
        return token;
      },
      this.#parts.policy,
      'always',
      signal,
    );
  }

  async #refused(
    answer: OpenAnswer,
    at: { readonly method: string; readonly path: string },
    make: (refusal: Refusal) => ApiError,
    extra: readonly string[] = [],
  ): Promise<ApiError> {
    // The status is known: what it says more is not worth an error of its own.
    const body = await readSome(answer.body).catch(() => Buffer.alloc(0));
    return make(readRefusal(at, { ...answer, body }, this.#parts.redactor, extra));
  }
}

/** A bit more than anybody reads of a refusal. */
const MOST_REFUSAL = 80 * 1024;

async function readSome(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    parts.push(part);
    size += part.length;
    if (size >= MOST_REFUSAL) break;
  }
  return Buffer.concat(parts);
}

/** What fails for want of a token was repeated already, or is not worth it. */
async function final<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw error instanceof Error ? new AbortError(error) : error;
  }
}

function bodyOf({ body }: Call): Uint8Array | undefined {
  if (body === undefined) return undefined;
  return body instanceof Uint8Array ? body : Buffer.from(jsonText(body));
}

export function shownOf({ method, path }: Pick<Call, 'method' | 'path'>): string {
  return `${method} ${path}`;
}

/** What JSON.parse says of a text quotes it, so that is not passed on. */
function parseJson(text: string, shown: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const what = /^\s*</.test(text) ? 'a page of HTML' : `${text.length} characters that are none`;
    throw new AnswerError(`${shown}: expected JSON, got ${what}`);
  }
}

function hexId(): string {
  return randomUUID().replaceAll('-', '');
}
