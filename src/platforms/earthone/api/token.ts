/** The token that goes with each request: fetched once for all who wait, early enough, and kept for the next process. */
import { isPlainObject } from '../../../base/plain-object.js';
import type { Credentials } from './credentials.js';
import { NoCredentialsError } from './errors.js';
import { abortable } from './wait.js';

/** A token with less than that left is replaced, as the official client does. */
const EARLY_MS = 500_000;
/** After a failed early replacement the old token serves on; it is not asked for again with every request. */
const PAUSE_MS = 30_000;
/** For a token that does not say when it ends. */
const OPAQUE_MS = 300_000;

export interface TokenSource {
  readonly find: () => Promise<Credentials>;
  readonly fetch: (credentials: Credentials, signal: AbortSignal) => Promise<string>;
  readonly warn: (text: string) => void;
}

interface Held {
  readonly jwt: string;
  /** Epoch ms from which on the server refuses it; null: not known. */
  readonly end: number | null;
  /** From then on it is replaced. */
  readonly replaceAt: number;
}

interface Flight {
  readonly promise: Promise<Held>;
  readonly stop: AbortController;
  waiting: number;
}

export class Tokens {
  readonly #source: TokenSource;
  #credentials: Promise<Credentials> | null = null;
  #held: Held | null = null;
  #flight: Flight | null = null;

  constructor(source: TokenSource) {
    this.#source = source;
  }

  /** The credentials, found at the first call. A failed search is done anew: the user may log in meanwhile. */
  async credentials(): Promise<Credentials> {
    this.#credentials ??= this.#find();
    return await this.#credentials;
  }

  async #find(): Promise<Credentials> {
    try {
      const credentials = await this.#source.find();
      this.#held ??= heldOf(credentials);
      return credentials;
    } catch (error) {
      this.#credentials = null;
      throw error;
    }
  }

  /** A token that holds. */
  async get(signal: AbortSignal | undefined): Promise<string> {
    const credentials = await this.credentials();
    const held = this.#held;
    if (held !== null && Date.now() < held.replaceAt) return held.jwt;
    if (!canFetch(credentials)) {
      if (held !== null && !isOver(held)) return held.jwt;
      throw overdue(credentials);
    }
    try {
      return (await this.#fetch(signal)).jwt;
    } catch (error) {
      if (signal?.aborted === true || held === null || isOver(held)) throw error;
      if (this.#held === held) this.#held = { ...held, replaceAt: Date.now() + PAUSE_MS };
      return held.jwt;
    }
  }

  /**
   * Another token than `refused`, which the server did not take; null where there is no other. One is fetched if nobody
   * else does it already and `mayFetch`.
   */
  async renew(
    refused: string,
    mayFetch: boolean,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly jwt: string; readonly isFetched: boolean } | null> {
    // Somebody else had the same answer, and has fetched one already.
    if (this.#held !== null && this.#held.jwt !== refused) return { jwt: this.#held.jwt, isFetched: false };
    if (!canFetch(await this.credentials())) return null;
    const isFetched = this.#flight === null;
    if (isFetched && !mayFetch) return null;
    return { jwt: (await this.#fetch(signal)).jwt, isFetched };
  }

  /** One request for all that wait; it goes on as long as one of them does. */
  async #fetch(signal: AbortSignal | undefined): Promise<Held> {
    const flight = (this.#flight ??= this.#start());
    flight.waiting++;
    try {
      return await abortable(flight.promise, signal);
    } finally {
      flight.waiting--;
      if (flight.waiting === 0) {
        if (this.#flight === flight) this.#flight = null;
        flight.stop.abort();
      }
    }
  }

  #start(): Flight {
    const stop = new AbortController();
    const promise = this.#request(stop.signal).finally(() => {
      if (this.#flight?.stop === stop) this.#flight = null;
    });
    // Whoever waits gets it; nobody may be left.
    promise.catch(() => undefined);
    return { promise, stop, waiting: 0 };
  }

  async #request(signal: AbortSignal): Promise<Held> {
    const credentials = await this.credentials();
    const jwt = await this.#source.fetch(credentials, signal);
    const held = freshly(jwt);
    this.#held = held;
    try {
      await credentials.keep?.(jwt);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      this.#source.warn(`the token cannot be kept for the next time: ${code}`);
    }
    return held;
  }
}

function canFetch({ clientId, refreshToken }: Credentials): boolean {
  return clientId !== null && refreshToken !== null;
}

function isOver({ end }: Held): boolean {
  return end !== null && Date.now() >= end;
}

/** One that was found: it counts only if it says when it ends, has not ended, and is for this client. */
function heldOf({ jwt, clientId }: Credentials): Held | null {
  if (jwt === null) return null;
  const claims = claimsOf(jwt);
  const end = endOf(claims);
  if (end === null || Date.now() >= end) return null;
  if (clientId !== null && claims?.['aud'] !== clientId) return null;
  return { jwt, end, replaceAt: end - EARLY_MS };
}

/** One that the server gave just now: it is used whatever this machine's clock says of it. */
function freshly(jwt: string): Held {
  const now = Date.now();
  const end = endOf(claimsOf(jwt));
  if (end === null) return { jwt, end, replaceAt: now + OPAQUE_MS };
  // A token for a short time would otherwise be replaced with every request.
  const early = end - EARLY_MS;
  return { jwt, end, replaceAt: early > now ? early : now + Math.max(PAUSE_MS, (end - now) / 2) };
}

/** What the token says; its signature is the server's affair. */
function claimsOf(jwt: string): Record<string, unknown> | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return isPlainObject(claims) ? claims : null;
  } catch {
    return null;
  }
}

function endOf(claims: Record<string, unknown> | null): number | null {
  const exp = claims?.['exp'];
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : null;
}

function overdue({ source }: Credentials): NoCredentialsError {
  return new NoCredentialsError(
    `the token is out of date or not readable, and there is no client secret to get a new one with (${source})`,
    'Log in again, or give a client id and a client secret.',
  );
}
