/** What the server keeps of functions and jobs, and how it is written in answers. */
import { performance } from 'node:perf_hooks';

export type FunctionStatus = 'awaiting_bundle' | 'building' | 'ready' | 'stopped' | 'build_failed';
export type JobStatus =
  'pending' | 'running' | 'cancel' | 'canceling' | 'success' | 'failure' | 'timeout' | 'canceled';

export const ENDED: ReadonlySet<string> = new Set(['success', 'failure', 'timeout', 'canceled']);
/** A job in one of these holds a process. */
export const ACTIVE: ReadonlySet<string> = new Set(['running', 'cancel', 'canceling']);

/** Microseconds since 1970, never the same twice: dates order what happened. */
export class Clock {
  #last = 0;
  readonly #skew: number;

  constructor(skewMs: number) {
    this.#skew = skewMs * 1000;
  }

  now(): number {
    const now = Math.floor((performance.timeOrigin + performance.now()) * 1000) + this.#skew;
    this.#last = Math.max(this.#last + 1, now);
    return this.#last;
  }
}

export interface Fn {
  readonly id: string;
  name: string;
  readonly image: string;
  cpus: number;
  memory: number;
  maximum_concurrency: number;
  timeout: number;
  retry_count: number;
  enabled: boolean;
  auto_start: boolean;
  environment: Readonly<Record<string, string>> | null;
  status: FunctionStatus;
  readonly namespace: string;
  readonly owner: string;
  readonly created: number;
  modified: number;
  bundle: Buffer | null;
  /** Where the bundle is unpacked, once it is built. */
  folder: string | null;
  buildLog: string | null;
  deleted: boolean;
  /** In order of creation. */
  jobs: Job[];
  /** In order of completion; holds jobs that were set back until it is tidied. */
  ended: Job[];
  endedIsStale: boolean;
  readonly waiting: Queue<Job>;
  running: number;
  readonly counts: Map<JobStatus, number>;
}

export interface LogLine {
  readonly at: number;
  readonly text: string;
}

export interface Statistics {
  readonly cpuNs: number;
  readonly cpuPercent: number;
  readonly peakBytes: number;
  readonly peakPercent: number;
}

export interface Job {
  readonly id: string;
  readonly fn: Fn;
  /** JSON texts, as they came. */
  args: string | null;
  kwargs: string | null;
  environment: string | null;
  tags: readonly string[];
  status: JobStatus;
  readonly created: number;
  started: number | null;
  completed: number | null;
  runtime: number | null;
  executions: number;
  exitCode: number | null;
  errorReason: string | null;
  statistics: Statistics | null;
  log: LogLine[];
  /** Tries since it was created or set back by a rerun. */
  tries: number;
  deleted: boolean;
  /** It stands in `fn.waiting`. */
  queued: boolean;
  /** Searches tell its end from then on (microseconds). */
  shownFrom: number;
}

/** First in, first out, without moving what is left. */
export class Queue<T> {
  #items: T[] = [];
  #head = 0;

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

export type DateStyle = 'naive' | 'z' | 'offset';

export function date(us: number | null, style: DateStyle): string | null {
  if (us === null) return null;
  const head = new Date(Math.floor(us / 1e6) * 1000).toISOString().slice(0, 19);
  const end = style === 'naive' ? '' : style === 'z' ? 'Z' : '+00:00';
  return `${head}.${String(us % 1e6).padStart(6, '0')}${end}`;
}

/** Naive dates are UTC; null where it is no date. */
export function microseconds(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.round(value * 1e6) : null;
  const parts =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?)?$/.exec(
      typeof value === 'string' ? value : '',
    );
  if (parts === null) return null;
  const [, day, time = '00:00:00', fraction = '', zone = 'Z'] = parts;
  const ms = Date.parse(
    `${day}T${time.length === 5 ? `${time}:00` : time}${zone.replace(/(\d\d)(\d\d)$/, '$1:$2')}`,
  );
  return Number.isNaN(ms) ? null : ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

export function functionJson(fn: Fn, style: DateStyle, withStatistics: boolean): string {
  return JSON.stringify({
    id: fn.id,
    name: fn.name,
    image: fn.image,
    cpus: fn.cpus,
    memory: fn.memory,
    maximum_concurrency: fn.maximum_concurrency,
    timeout: fn.timeout,
    retry_count: fn.retry_count,
    enabled: fn.enabled,
    auto_start: fn.auto_start,
    environment: fn.environment,
    status: fn.status,
    namespace: fn.namespace,
    owner: fn.owner,
    creation_date: date(fn.created, style),
    modified_date: date(fn.modified, style),
    ...(withStatistics && { job_statistics: Object.fromEntries(fn.counts) }),
  });
}

function statisticsJson(job: Job): string {
  const s = job.statistics;
  if (s === null) return 'null';
  return JSON.stringify({
    cpu: { total: s.cpuPercent, time: s.cpuNs, timeseries: [[s.cpuPercent, s.cpuNs]] },
    memory: {
      total_bytes: s.peakBytes,
      total_percentage: s.peakPercent,
      peak_bytes: s.peakBytes,
      peak_percentage: s.peakPercent,
      timeseries: [[s.peakPercent, s.peakBytes]],
    },
    network: { rx_bytes: 0, tx_bytes: 0, rx_dropped: 0, tx_dropped: 0, rx_errors: 0, tx_errors: 0 },
  });
}

export function jobJson(job: Job, style: DateStyle, withTimings = false): string {
  const timings = withTimings && job.executions > 0;
  const times = withTimings
    ? `,"provisioning_time":${timings ? 1 : 'null'},"pull_time":${timings ? 1 : 'null'}`
    : '';
  const quoted = (us: number | null): string => (us === null ? 'null' : `"${date(us, style) ?? ''}"`);
  return (
    `{"id":"${job.id}","function_id":"${job.fn.id}","args":${job.args ?? 'null'},"kwargs":${job.kwargs ?? 'null'},` +
    `"environment":${job.environment ?? 'null'},"tags":${JSON.stringify(job.tags)},"status":"${job.status}",` +
    `"creation_date":${quoted(job.created)},"last_execution_date":${quoted(job.started)},` +
    `"last_completion_date":${quoted(job.completed)},"runtime":${job.runtime ?? 'null'},` +
    `"execution_count":${job.executions},"exit_code":${job.exitCode ?? 'null'},` +
    `"error_reason":${JSON.stringify(job.errorReason)},"statistics":${statisticsJson(job)}${times}}`
  );
}
