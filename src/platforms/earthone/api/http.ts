/** One request over HTTP: its time limits, redirects and body. What is tried again, and when, is not decided here. */
import { TransportError } from './errors.js';

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  /** How messages name it, without anything secret: `GET /jobs/j1`. */
  readonly shown: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The body holds nothing secret, and may follow a redirect to another host. */
  readonly bodyMayMove?: boolean;
}

export interface HttpLimits {
  /** Milliseconds until the head of the answer is there. */
  readonly connect: number;
  /** Milliseconds between bytes. */
  readonly idle: number;
}

export interface OpenAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** To be read to its end, or returned early. */
  readonly body: AsyncGenerator<Uint8Array, void, undefined>;
}

const MOST_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** A body is allowed the time that it takes over a slow line. */
const SLOWEST_BYTES_PER_MS = 32;
/** These go along to another host; who we are and what we may do stays here. */
const HEADERS_FOR_ANYBODY: readonly string[] = ['accept', 'accept-encoding'];

/** A signal that a time limit or the caller ends. */
class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#controller.abort();
  #timer: NodeJS.Timeout | undefined;
  timedOut = false;

  constructor(outer: AbortSignal | undefined) {
    outer?.throwIfAborted();
    this.#outer = outer;
    outer?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  start(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.timedOut = true;
      this.#controller.abort();
    }, ms);
  }

  pause(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.pause();
    this.#outer?.removeEventListener('abort', this.#onAbort);
  }
}

/**
 * Sends a request and gives the head of the answer, with the body to be read.
 *
 * @throws TransportError, or the reason of `signal`
 */
export async function openAnswer(request: HttpRequest, limits: HttpLimits): Promise<OpenAnswer> {
  const watch = new Watch(request.signal);
  let step: Step = { url: new URL(request.url), method: request.method, headers: request.headers };
  if (request.body !== undefined) step = { ...step, body: request.body };
  try {
    for (let redirects = 0; ; redirects++) {
      watch.start(limits.connect + (step.body?.length ?? 0) / SLOWEST_BYTES_PER_MS);
      const response = await send(step, request, watch, redirects > 0);
      watch.pause();
      const location = response.headers.get('location');
      if (!REDIRECTS.includes(response.status) || location === null) {
        return {
          status: response.status,
          headers: response.headers,
          body: chunks(response, request, watch, limits.idle),
        };
      }
      await response.body?.cancel().catch(() => undefined);
      if (redirects === MOST_REDIRECTS)
        throw new TransportError(`${request.shown}: more than ${MOST_REDIRECTS} redirects`, FINAL);
      step = nextStep(step, response.status, location, request);
    }
  } catch (error) {
    watch.end();
    throw error;
  }
}

/** All of a body. */
export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

interface Step {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

const FINAL = { mayHaveArrived: true, final: true } as const;

async function send(
  step: Step,
  request: HttpRequest,
  watch: Watch,
  isRedirected: boolean,
): Promise<Response> {
  try {
    return await fetch(step.url.href, {
      method: step.method,
      headers: step.headers,
      // A copy of the view's type: fetch does not take what may be shared memory.
      body: (step.body as Uint8Array<ArrayBuffer> | undefined) ?? null,
      // Followed here: a body or header that is for one host only must not go to another.
      redirect: 'manual',
      signal: watch.signal,
    });
  } catch (error) {
    request.signal?.throwIfAborted();
    if (watch.timedOut)
      throw new TransportError(`${request.shown}: no answer in time`, { mayHaveArrived: true });
    throw failureOf(error, `${request.shown} (${step.url.host})`, isRedirected);
  }
}

/** Where a redirect leads, and what goes there. Its address may be presigned: it is in no message. */
function nextStep(step: Step, status: number, location: string, request: HttpRequest): Step {
  const { shown } = request;
  if (!URL.canParse(location, step.url.href))
    throw new TransportError(`${shown}: a redirect to what is no address`, FINAL);
  const url = new URL(location, step.url);
  if (!/^https?:$/.test(url.protocol) || (step.url.protocol === 'https:' && url.protocol === 'http:'))
    throw new TransportError(`${shown}: a redirect to ${url.protocol}, which is not safe`, FINAL);
  // As a browser does it: the names of these two do not matter any more.
  url.username = '';
  url.password = '';
  const becomesGet =
    status === 303 ? step.method !== 'HEAD' : (status === 301 || status === 302) && step.method === 'POST';
  const body = becomesGet ? undefined : step.body;
  const isSameHost = url.origin === step.url.origin;
  if (!isSameHost && body !== undefined && request.bodyMayMove !== true)
    throw new TransportError(`${shown}: a redirect to ${url.host}, another host, with a body`, FINAL);
  const headers = Object.entries(step.headers).filter(
    ([name]) =>
      isSameHost ||
      HEADERS_FOR_ANYBODY.includes(name.toLowerCase()) ||
      (body !== undefined && name.toLowerCase() === 'content-type'),
  );
  const next = { url, method: becomesGet ? 'GET' : step.method, headers: Object.fromEntries(headers) };
  return body === undefined ? next : { ...next, body };
}

async function* chunks(
  response: Response,
  request: HttpRequest,
  watch: Watch,
  idle: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
  let isDone = reader === undefined;
  try {
    while (reader !== undefined) {
      // Not while the caller is busy with what it has got.
      watch.start(idle);
      const { done, value } = await reader.read();
      watch.pause();
      isDone = done;
      if (done) return;
      yield value;
    }
  } catch (error) {
    isDone = true;
    request.signal?.throwIfAborted();
    const what = watch.timedOut ? 'the answer stopped in the middle' : 'the answer broke off';
    const code = watch.timedOut ? '' : ` (${codeOf(error) ?? 'connection lost'})`;
    throw new TransportError(`${request.shown}: ${what}${code}`, { mayHaveArrived: true });
  } finally {
    watch.end();
    if (!isDone) await reader?.cancel().catch(() => undefined);
  }
}

interface SystemError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly message?: unknown;
  readonly errors?: unknown;
  readonly cause?: unknown;
}

function asSystemError(error: unknown): SystemError {
  return typeof error === 'object' && error !== null ? error : {};
}

function codeOf(error: unknown): string | null {
  const { code, name, cause } = asSystemError(error);
  if (typeof code === 'string') return code;
  // Node 24.21 gives what does not parse as HTTP no code; before, it was HPE_INVALID_CONSTANT and the like.
  if (name === 'HTTPParserError') return name;
  return cause === undefined ? null : codeOf(cause);
}

/** What fetch throws says `fetch failed`; why is in its cause, or, for a host with several addresses, in the errors there. */
function failureOf(error: unknown, shown: string, isRedirected: boolean): TransportError {
  const cause = asSystemError(error).cause ?? error;
  const { errors } = asSystemError(cause);
  const all: unknown[] = Array.isArray(errors) && errors.length > 0 ? errors : [cause];
  const codes = all.map(codeOf);
  const isUnsent = all.every((one, i) => {
    const { syscall } = asSystemError(one);
    return syscall === 'connect' || syscall === 'getaddrinfo' || codes[i] === 'UND_ERR_CONNECT_TIMEOUT';
  });
  const isUntrusted = codes.some((code) => code !== null && /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code));
  // Of an answer of 407 fetch makes a failure without code and words, and of hardly anything else.
  const isProxy = codes.every((code) => code === null) && asSystemError(cause).message === '';
  const isInvalid = codes.every((code) => code === null || code === 'UND_ERR_INVALID_ARG');
  const why = isProxy
    ? 'no reason is known; a proxy that wants a login (407) looks like that'
    : isUntrusted
      ? `the certificate is not trusted (${codes[0] ?? ''})`
      : `${isUnsent ? 'cannot connect' : 'the connection failed'} (${[...new Set(codes.map((code) => code ?? 'unknown reason'))].join(', ')})`;
  return new TransportError(`${shown}: ${why}`, {
    mayHaveArrived: isRedirected || !(isUnsent || isUntrusted),
    final: isProxy || isUntrusted || isInvalid,
  });
}
