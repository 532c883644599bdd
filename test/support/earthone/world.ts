/** Everything the server knows, and what happens to it apart from requests. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { Random } from '../../chaos/random.js';
import type { Faults } from './faults.js';
import { ENDED, Clock, Queue, type Fn, type Job, type JobStatus } from './model.js';
import type { Settled } from './options.js';

export const CLIENT_ID = 'conformance-client';
/** The service hands out opaque text like it. */
export const CLIENT_SECRET = 'c0nf0rmance-s3cret-0123456789abcdef';
const ORGANISATION = 'acme';
const USER = 'f3b2a1c0d9e8';
export const NAMESPACE = `${ORGANISATION}:${USER}`;

/** Larger results and bundles lie in files. */
const IN_MEMORY = 16 * 1024;

interface Reference {
  readonly functionId: string;
  readonly digest: string;
  readonly jobs: readonly Job[];
}

export interface Counters {
  /** Jobs made, by function and by reference id. */
  readonly jobsByFunction: Map<string, number>;
  readonly jobsByReference: Map<string, number>;
  /** Bulk creates that came again with a reference id that had made its jobs. */
  repeatedBulks: number;
  /** Executions begun, by job; preempted ones and retries too. */
  readonly executions: Map<string, number>;
  /** Executions that the server itself began anew. */
  preempted: number;
  /** Requests by service, method and path with `{id}` for ids: `compute GET /jobs/{id}`. */
  readonly requests: Map<string, number>;
}

const add = <K>(counts: Map<K, number>, key: K, by = 1): Map<K, number> =>
  counts.set(key, (counts.get(key) ?? 0) + by);

export class World {
  readonly options: Settled;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly scratch = mkdtempSync(join(tmpdir(), 'dl-jobs-earthone-'));
  /** The executable itself: a job's `PATH` may not find it. */
  readonly python: string;
  readonly functions = new Map<string, Fn>();
  readonly jobs = new Map<string, Job>();
  readonly references = new Map<string, Reference>();
  readonly counters: Counters = {
    jobsByFunction: new Map(),
    jobsByReference: new Map(),
    repeatedBulks: 0,
    executions: new Map(),
    preempted: 0,
    requests: new Map(),
  };
  credentialsStored = false;
  /** Token → until when it is good, in seconds. */
  readonly tokens = new Map<string, number>();
  /** Until then (microseconds) searches may lag behind. */
  lagsUntil = 0;
  readonly #blobs = new Map<string, Buffer | string>();
  readonly #ids: Random;
  readonly #key = randomBytes(32);
  #blobNumber = 0;

  constructor(options: Settled, faults: Faults) {
    this.options = options;
    this.faults = faults;
    this.clock = new Clock(options.clockSkew);
    this.#ids = Random.of(options.seed, 'ids', this.clock.now());
    for (const name of ['home', 'tmp', 'functions', 'blobs', 'user']) mkdirSync(join(this.scratch, name));
    const found = spawnSync(options.python, ['-c', 'import sys; print(sys.executable)'], {
      encoding: 'utf8',
    });
    this.python = found.status === 0 ? found.stdout.trim() : options.python;
  }

  /** Seconds. */
  now(): number {
    return this.clock.now() / 1e6;
  }

  id(): string {
    const hex = Array.from({ length: 4 }, () =>
      this.#ids.int(0, 0xffff_ffff).toString(16).padStart(8, '0'),
    ).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  issueToken(lifetime = this.options.tokenLifetime): string {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const issued = Math.floor(this.now());
    const until = issued + lifetime;
    const head = part({ alg: 'HS256', typ: 'JWT' });
    const claims = part({
      aud: CLIENT_ID,
      iat: issued,
      exp: until,
      sub: `user|${USER}`,
      jti: randomBytes(6).toString('hex'),
      earthdaily__dl__org: ORGANISATION,
      earthdaily__dl__userid: USER,
      earthdaily__dl__email: 'someone@example.com',
      earthdaily__dl__groups: ['compute'],
    });
    const token = `${head}.${claims}.${createHmac('sha256', this.#key).update(`${head}.${claims}`).digest('base64url')}`;
    this.tokens.set(token, until);
    return token;
  }

  /** Of a URL that needs no token. */
  sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('hex');
  }

  setStatus(job: Job, status: JobStatus): void {
    add(job.fn.counts, job.status, -1);
    add(job.fn.counts, status);
    job.status = status;
  }

  makeFunction(fields: Pick<Fn, 'name' | 'image' | 'cpus' | 'memory'> & Partial<Fn>): Fn {
    const now = this.clock.now();
    const fn: Fn = {
      maximum_concurrency: 1,
      timeout: 1800,
      retry_count: 0,
      enabled: true,
      auto_start: true,
      environment: null,
      ...fields,
      id: this.id(),
      status: 'awaiting_bundle',
      namespace: NAMESPACE,
      owner: `user:${USER}`,
      created: now,
      modified: now,
      bundle: null,
      folder: null,
      buildLog: null,
      deleted: false,
      jobs: [],
      ended: [],
      endedIsStale: false,
      waiting: new Queue(),
      running: 0,
      counts: new Map(),
    };
    this.functions.set(fn.id, fn);
    return fn;
  }

  makeJob(fn: Fn, given: Pick<Job, 'args' | 'kwargs' | 'environment' | 'tags'>): Job {
    // Without a spread: all jobs have the same shape, and looking through 25,000 of them is quick.
    const job: Job = {
      id: this.id(),
      fn,
      args: given.args,
      kwargs: given.kwargs,
      environment: given.environment,
      tags: given.tags,
      status: 'pending',
      created: this.clock.now(),
      started: null,
      completed: null,
      runtime: null,
      executions: 0,
      exitCode: null,
      errorReason: null,
      statistics: null,
      log: [],
      tries: 0,
      deleted: false,
      queued: false,
      shownFrom: 0,
    };
    add(fn.counts, job.status);
    fn.jobs.push(job);
    this.jobs.set(job.id, job);
    add(this.counters.jobsByFunction, fn.id);
    return job;
  }

  deleteJobs(jobs: readonly Job[], withResults: boolean): void {
    const fns = new Set<Fn>();
    for (const job of jobs) {
      job.deleted = true;
      job.log = [];
      add(job.fn.counts, job.status, -1);
      this.jobs.delete(job.id);
      if (withResults) this.deleteBlob(resultKey(job));
      fns.add(job.fn);
    }
    for (const fn of fns) {
      fn.jobs = fn.jobs.filter((job) => !job.deleted);
      fn.endedIsStale = true;
    }
  }

  /** Its jobs that ended, in order of completion. */
  ended(fn: Fn): readonly Job[] {
    if (fn.endedIsStale) {
      const there = new Set(fn.ended.filter((job) => !job.deleted && ENDED.has(job.status)));
      fn.ended = [...there].sort((a, b) => a.completed! - b.completed!);
      fn.endedIsStale = false;
    }
    return fn.ended;
  }

  putBlob(key: string, bytes: Buffer): void {
    this.deleteBlob(key);
    if (bytes.length <= IN_MEMORY) {
      this.#blobs.set(key, bytes);
      return;
    }
    const path = join(this.scratch, 'blobs', String(++this.#blobNumber));
    writeFileSync(path, bytes);
    this.#blobs.set(key, path);
  }

  blob(key: string): Buffer | null {
    const found = this.#blobs.get(key);
    return found === undefined ? null : typeof found === 'string' ? readFileSync(found) : found;
  }

  deleteBlob(key: string): void {
    const found = this.#blobs.get(key);
    if (typeof found === 'string') rmSync(found, { force: true });
    this.#blobs.delete(key);
  }

  remove(): void {
    rmSync(this.scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

export const resultKey = (job: Job): string => `compute/${job.fn.namespace}/${job.fn.id}/${job.id}`;

export const digest = (...texts: readonly string[]): string =>
  createHash('sha256').update(texts.join('\0')).digest('hex');

export const count = add;
