/** `/functions` and `/credentials`. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from './build.js';
import type { Executor } from './executor.js';
import { ApiError, bodyObject, json, jsonText, type Reply, type Request } from './http.js';
import { listFunctions } from './lists.js';
import { ACTIVE, functionJson, type Fn } from './model.js';
import { check, checkSize, FUNCTION_CHANGES, FUNCTION_FIELDS, text } from './validate.js';
import { CLIENT_ID, CLIENT_SECRET, type World } from './world.js';

export type Handler = (request: Request, id: string) => Reply | Promise<Reply>;

export class FunctionsApi {
  readonly #world: World;
  readonly #executor: Executor;
  /** URL to send the bundle to. */
  readonly #uploadUrl: (fn: Fn) => string;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(world: World, executor: Executor, uploadUrl: (fn: Fn) => string) {
    this.#world = world;
    this.#executor = executor;
    this.#uploadUrl = uploadUrl;
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  readonly storeCredentials: Handler = ({ body }) => {
    const given = bodyObject(body);
    check(given, { client_id: text, client_secret: text }, ['client_id', 'client_secret']);
    if (given['client_id'] !== CLIENT_ID || given['client_secret'] !== CLIENT_SECRET) {
      throw new ApiError(400, 'The credentials are not valid');
    }
    this.#world.credentialsStored = true;
    return { status: 200 };
  };

  readonly seeCredentials: Handler = () => {
    if (!this.#world.credentialsStored) throw new ApiError(404, 'No credentials are stored');
    return { status: 200 };
  };

  readonly create: Handler = ({ body }) => {
    const fields = bodyObject(body);
    check(fields, FUNCTION_FIELDS, ['name', 'image', 'cpus', 'memory']);
    const given = withoutNulls(fields) as Pick<Fn, 'name' | 'image' | 'cpus' | 'memory'> & Partial<Fn>;
    checkSize(given);
    if (!this.#world.credentialsStored)
      throw new ApiError(400, 'No credentials are stored to run jobs under');
    const fn = this.#world.makeFunction(given);
    return jsonText(
      `{"function":${this.#json(fn)},"bundle_upload_url":${JSON.stringify(this.#uploadUrl(fn))}}`,
    );
  };

  /** The bundle was sent: build it. */
  readonly complete: Handler = (_request, id) => {
    const fn = this.#get(id);
    if (fn.status === 'awaiting_bundle') {
      if (fn.bundle === null) throw new ApiError(400, 'No bundle was uploaded');
      this.#startBuild(fn, fn.bundle);
    } else if (fn.status !== 'building') {
      throw new ApiError(409, `The function is ${fn.status} and takes no bundle`);
    }
    return jsonText(this.#json(fn));
  };

  #startBuild(fn: Fn, bundle: Buffer): void {
    const { options, scratch, python } = this.#world;
    this.#setStatus(fn, 'building');
    const folder = join(scratch, 'functions', fn.id);
    const finish = async (): Promise<void> => {
      const { ok, log } = await build(bundle, folder, python, options.sitePackages !== undefined);
      fn.buildLog = log;
      fn.bundle = null;
      fn.folder = folder;
      if (fn.deleted) return;
      this.#setStatus(fn, !ok ? 'build_failed' : fn.auto_start ? 'ready' : 'stopped');
      this.#executor.wake(fn);
    };
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      finish().catch((error: unknown) => {
        fn.buildLog = String(error);
        this.#setStatus(fn, 'build_failed');
      });
    }, options.buildTime);
    this.#timers.add(timer);
  }

  #setStatus(fn: Fn, status: Fn['status']): void {
    fn.status = status;
    fn.modified = this.#world.clock.now();
  }

  readonly get: Handler = ({ query }, id) => {
    const include = query.getAll('include');
    if (include.some((one) => one !== 'job.statistics')) {
      throw new ApiError(422, 'Validation error', { include: ['There is only job.statistics'] });
    }
    return jsonText(this.#json(this.#get(id), include));
  };

  readonly list: Handler = (request) =>
    listFunctions(this.#world, request, (fn, include) => this.#json(fn, include));

  readonly change: Handler = ({ body }, id) => {
    const fn = this.#get(id);
    const { status, ...fields } = bodyObject(body);
    check(fields, FUNCTION_CHANGES);
    const changes = withoutNulls(fields) as Partial<Fn>;
    checkSize({ cpus: fn.cpus, memory: fn.memory, ...changes });
    if (status !== undefined) {
      if (status !== 'ready' && status !== 'stopped') {
        throw new ApiError(422, 'Validation error', { status: ['Must be ready or stopped'] });
      }
      if (fn.status !== 'ready' && fn.status !== 'stopped') {
        throw new ApiError(400, `A function that is ${fn.status} can be neither started nor stopped`);
      }
      fn.status = status;
    }
    Object.assign(fn, changes);
    fn.modified = this.#world.clock.now();
    this.#executor.wake(fn);
    return jsonText(this.#json(fn));
  };

  readonly delete: Handler = (_request, id) => {
    const fn = this.#get(id);
    if (fn.jobs.some((job) => ACTIVE.has(job.status))) {
      throw new ApiError(400, 'The function has running jobs: cancel them first');
    }
    this.#world.deleteJobs(fn.jobs, false);
    fn.deleted = true;
    this.#world.functions.delete(id);
    if (fn.folder !== null) rmSync(fn.folder, { recursive: true, force: true });
    return { status: 204 };
  };

  /** A gzip stream as the body, not as its encoding. */
  readonly log: Handler = (_request, id) => {
    const { buildLog, status } = this.#get(id);
    if (status === 'awaiting_bundle') throw new ApiError(404, 'There is no build log yet');
    return {
      status: 200,
      headers: { 'content-type': 'application/octet-stream' },
      body: gzipSync(buildLog ?? ''),
    };
  };

  #get(id: string): Fn {
    const fn = this.#world.functions.get(id);
    if (fn === undefined) throw new ApiError(404, `Function '${id}' not found`);
    return fn;
  }

  #json(fn: Fn, include: readonly string[] = []): string {
    return functionJson(fn, this.#world.options.dates, include.includes('job.statistics'));
  }
}

/** What is null is as good as not there. */
const withoutNulls = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));

export const tokenReply = (world: World, { body }: Request): Reply => {
  let given: Record<string, unknown>;
  try {
    given = bodyObject(body);
    check(given, { client_id: text, grant_type: text, refresh_token: text, scope: text }, [
      'client_id',
      'grant_type',
      'refresh_token',
    ]);
  } catch (error) {
    throw error instanceof ApiError ? new ApiError(400, error.message, error.errors) : error;
  }
  if (given['grant_type'] !== 'refresh_token') throw new ApiError(400, 'grant_type must be refresh_token');
  if (given['client_id'] !== CLIENT_ID || given['refresh_token'] !== CLIENT_SECRET) {
    throw new ApiError(401, 'The refresh token is not valid');
  }
  return json({ [world.options.tokenField]: world.issueToken() });
};
