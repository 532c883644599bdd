import type { DateStyle } from './model.js';

/** What can go wrong with a request, each at a rate or on demand. */
export type FaultKind =
  /** Answered so, before anything happened. 502 has a page of HTML as its body. */
  | '500'
  | '502'
  | '503'
  /** With `Retry-After` in seconds, as a date, and without. */
  | '429'
  | '429-date'
  | '429-bare'
  /** The token is no longer accepted; a new one is. */
  | '401'
  /** The connection ends before anything happened. */
  | 'drop-before'
  /** The connection ends after it happened, before the answer. */
  | 'drop-after'
  /** In the middle of the answer's body. */
  | 'drop-body'
  | 'slow-body'
  /** It happened, and the answer is 500. At random only to bulk creates. */
  | 'error-after'
  /** It arrives twice, and the first answer is given. At random never to what no client can protect: single creates. */
  | 'duplicate'
  /** Of presigned URLs. */
  | 'presigned-403'
  | 'presigned-503';

export type FaultRates = Partial<Record<FaultKind, number>>;

export interface ServerOptions {
  /** Of faults, ids and the order of whatever is random. @default 1 */
  readonly seed?: number;
  /** Milliseconds that every answer waits. @default 0 */
  readonly latency?: number | { readonly least: number; readonly most: number };
  /** Most items of a page, whatever was asked for. @default 1000 */
  readonly maxPageSize?: number;
  /** The server's clock minus ours, milliseconds. Tokens and presigned URLs live by the server's. @default 0 */
  readonly clockSkew?: number;
  /** Milliseconds. @default 50 */
  readonly buildTime?: number;
  /** Jobs at a time, over all functions. @default 2 */
  readonly concurrency?: number;
  /** Faults by chance: kind → probability. @default none */
  readonly faults?: FaultRates;
  /** Probability that an execution is preempted and starts anew. @default 0 */
  readonly preempt?: number;
  /** Milliseconds after its end at which searches tell it; set to 0 later, they tell all at once. @default 0 */
  readonly stale?: number;
  /** Seconds in `Retry-After`. @default 1 */
  readonly retryAfter?: number;
  /** Seconds. @default 3600 */
  readonly tokenLifetime?: number;
  /** @default 'id_token' */
  readonly tokenField?: 'access_token' | 'id_token';
  /** Seconds that presigned URLs are good for. @default 3600 */
  readonly presignedLifetime?: number;
  /** Milliseconds between `cancel` and `canceling`, and then to the signal. @default 20 */
  readonly cancelDelay?: number;
  /** MB that a job may use; null: what its function asks for. @default null */
  readonly memoryLimit?: number | null;
  /** A second of a function's `timeout`, in milliseconds: smaller ones make timeouts come sooner. @default 1000 */
  readonly timeoutUnit?: number;
  /** Runs the jobs. @default 'python3' */
  readonly python?: string;
  /** Put on the jobs' `PYTHONPATH`: where their requirements are, which this server does not install. */
  readonly sitePackages?: string;
  /** Bytes of a request's body, else 413. @default 64 MiB */
  readonly maxBody?: number;
  /** Bytes of a result. @default 1 MiB */
  readonly maxResult?: number;
  /** How dates are written. @default 'naive' */
  readonly dates?: DateStyle;
  /**
   * What a page cursor holds: the last item's place by sort keys, or how many were given, so that what changes
   * meanwhile moves items between pages. @default 'keys'
   */
  readonly cursors?: 'keys' | 'offset';
  /** Requests kept, the newest. @default 20,000 */
  readonly keepRequests?: number;
}

export type Settled = Required<Omit<ServerOptions, 'sitePackages'>> & Pick<ServerOptions, 'sitePackages'>;

export function settled(options: ServerOptions): Settled {
  return {
    seed: 1,
    latency: 0,
    maxPageSize: 1000,
    clockSkew: 0,
    buildTime: 50,
    concurrency: 2,
    faults: {},
    preempt: 0,
    stale: 0,
    retryAfter: 1,
    tokenLifetime: 3600,
    tokenField: 'id_token',
    presignedLifetime: 3600,
    cancelDelay: 20,
    memoryLimit: null,
    timeoutUnit: 1000,
    python: 'python3',
    maxBody: 64 * 1024 * 1024,
    maxResult: 1024 * 1024,
    dates: 'naive',
    cursors: 'keys',
    keepRequests: 20_000,
    ...options,
  };
}
