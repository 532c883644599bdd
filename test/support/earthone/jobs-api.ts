/** `/jobs`. */
import type { Executor } from './executor.js';
import type { Handler } from './functions-api.js';
import { ApiError, bodyObject, json, jsonText, type Reply } from './http.js';
import { elements, members } from './json.js';
import { findJobs, JOB_FIELDS, listJobs } from './lists.js';
import { ACTIVE, date, ENDED, jobJson, type Fn, type Job } from './model.js';
import { compareItems, sortKeys } from './query.js';
import { array, check, flag, object, stringMap, tags, text, uuid, type Rules } from './validate.js';
import { count, digest, type World } from './world.js';

const MOST_OF_A_BATCH = 1000;

const CHANGES: Rules = { args: array, kwargs: object, environment: stringMap, tags };

const lists =
  (of: string, item: (value: unknown) => string | null) =>
  (value: unknown): string | null =>
    Array.isArray(value) && value.every((one) => item(one) === null) ? null : `Must be a list of ${of}`;

const BULK: Rules = {
  function_id: text,
  bulk_args: lists('lists', array),
  bulk_kwargs: lists('objects', object),
  bulk_environments: lists('objects of strings', stringMap),
  reference_id: uuid,
  tags,
};

/** JSON null is no value. */
const orNull = (text: string | undefined): string | null =>
  text === undefined || text === 'null' ? null : text;

export class JobsApi {
  readonly #world: World;
  readonly #executor: Executor;

  constructor(world: World, executor: Executor) {
    this.#world = world;
    this.#executor = executor;
  }

  readonly create: Handler = ({ body }) => {
    const given = bodyObject(body);
    check(given, { ...CHANGES, function_id: text }, ['function_id']);
    const fn = this.#open(given['function_id'] as string);
    const texts = members(body.toString());
    const job = this.#world.makeJob(fn, {
      args: orNull(texts.get('args')),
      kwargs: orNull(texts.get('kwargs')),
      environment: orNull(texts.get('environment')),
      tags: (given['tags'] as string[] | null | undefined) ?? [],
    });
    this.#executor.enqueue(job);
    return jsonText(this.#json(job));
  };

  readonly createBulk: Handler = ({ body }) => {
    const given = bodyObject(body);
    check(given, BULK, ['function_id', 'bulk_args']);
    const sizes = (['bulk_args', 'bulk_kwargs', 'bulk_environments'] as const).map(
      (key) => (given[key] as unknown[] | null | undefined)?.length,
    );
    const size = sizes[0]!;
    if (size < 1 || size > MOST_OF_A_BATCH || sizes.some((one) => (one ?? size) !== size)) {
      throw new ApiError(422, 'Validation error', {
        bulk_args: [
          `1 to ${MOST_OF_A_BATCH} lists, and as many kwargs and environments; got ${sizes.join(', ')}`,
        ],
      });
    }
    const texts = members(body.toString());
    const reference = (given['reference_id'] as string | null | undefined) ?? null;
    const content = digest(
      ...['bulk_args', 'bulk_kwargs', 'bulk_environments'].map((key) => texts.get(key) ?? ''),
    );
    const functionId = given['function_id'] as string;
    const before = reference === null ? undefined : this.#world.references.get(reference);
    if (before !== undefined) {
      if (before.functionId !== functionId || before.digest !== content) {
        throw new ApiError(409, `Reference id ${reference!} was used for other jobs`);
      }
      this.#world.counters.repeatedBulks++;
      return this.#array(before.jobs.filter((job) => !job.deleted));
    }
    const fn = this.#open(functionId);
    const each = (key: string): string[] | null => {
      const list = orNull(texts.get(key));
      return list === null ? null : elements(list);
    };
    const kwargs = each('bulk_kwargs');
    const environments = each('bulk_environments');
    const all = (given['tags'] as string[] | null | undefined) ?? [];
    const jobs = each('bulk_args')!.map((args, i) =>
      this.#world.makeJob(fn, {
        args: orNull(args),
        kwargs: orNull(kwargs?.[i]),
        environment: orNull(environments?.[i]),
        tags: all,
      }),
    );
    if (reference !== null) {
      this.#world.references.set(reference, { functionId, digest: content, jobs });
      count(this.#world.counters.jobsByReference, reference, jobs.length);
    }
    for (const job of jobs) this.#executor.enqueue(job);
    return this.#array(jobs);
  };

  readonly get: Handler = ({ query }, id) => {
    const include = query.getAll('include');
    if (include.some((one) => one !== 'timings')) {
      throw new ApiError(422, 'Validation error', { include: ['There is only timings'] });
    }
    return jsonText(jobJson(this.#get(id), this.#world.options.dates, include.length > 0));
  };

  readonly list: Handler = (request) =>
    listJobs(this.#world, request, (job, include) =>
      jobJson(job, this.#world.options.dates, include.includes('timings')),
    );

  readonly change: Handler = ({ body }, id) => {
    const job = this.#get(id);
    const given = bodyObject(body);
    check(given, CHANGES);
    if (ACTIVE.has(job.status)) throw new ApiError(400, `The job is ${job.status}`);
    const texts = members(body.toString());
    for (const key of ['args', 'kwargs', 'environment'] as const) {
      if (texts.has(key)) job[key] = orNull(texts.get(key));
    }
    if (given['tags'] !== undefined) job.tags = (given['tags'] as string[] | null) ?? [];
    return jsonText(this.#json(job));
  };

  readonly cancel: Handler = (_request, id) => {
    const job = this.#get(id);
    this.#executor.cancel(job);
    return jsonText(this.#json(job));
  };

  readonly cancelMany: Handler = ({ body }) => {
    const jobs = this.#chosen(body).filter((job) => !ENDED.has(job.status));
    for (const job of jobs) this.#executor.cancel(job);
    return this.#array(jobs);
  };

  readonly rerunMany: Handler = ({ body }) => {
    const jobs = this.#chosen(body).filter((job) => ENDED.has(job.status) && job.status !== 'success');
    for (const fn of new Set(jobs.map((job) => job.fn))) this.#open(fn.id);
    for (const job of jobs) this.#executor.rerun(job);
    return this.#array(jobs);
  };

  /** Those that hold a process are passed over. */
  readonly deleteMany: Handler = ({ body }) => {
    const jobs = this.#chosen(body, { delete_results: flag }).filter((job) => !ACTIVE.has(job.status));
    const { delete_results: withResults } = bodyObject(body);
    this.#world.deleteJobs(jobs, withResults === true);
    return json(jobs.map((job) => job.id));
  };

  readonly delete: Handler = ({ query }, id) => {
    const word = query.get('delete_results') ?? 'False';
    if (!/^(?:true|false)$/i.test(word)) {
      throw new ApiError(422, 'Validation error', { delete_results: ['Must be True or False'] });
    }
    const job = this.#get(id);
    if (ACTIVE.has(job.status)) throw new ApiError(400, `The job is ${job.status} and cannot be deleted`);
    this.#world.deleteJobs([job], word.toLowerCase() === 'true');
    return { status: 200 };
  };

  readonly log: Handler = (_request, id) => {
    const lines = this.#get(id).log.map(({ at, text: log }) => JSON.stringify({ date: date(at, 'z'), log }));
    return {
      status: 200,
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.length === 0 ? '' : `${lines.join('\n')}\n`,
    };
  };

  /** Jobs of a bulk operation. */
  #chosen(body: Buffer, more: Rules = {}): Job[] {
    const given = bodyObject(body);
    const limit = (value: unknown): string | null =>
      Number.isInteger(value) && (value as number) >= 0 ? null : 'Must be a whole number';
    check(given, { filter: array, limit, sort: lists('strings', text), ...more });
    const found = findJobs(this.#world, given['filter'], false);
    const keys = sortKeys(
      [...((given['sort'] as string[] | null | undefined) ?? []), 'creation_date'],
      JOB_FIELDS,
    );
    found.sort((a, b) => compareItems(a, b, keys));
    return found.slice(0, (given['limit'] as number | null | undefined) ?? undefined);
  }

  /** A function that takes jobs. */
  #open(id: string): Fn {
    const fn = this.#world.functions.get(id);
    if (fn === undefined) throw new ApiError(404, `Function '${id}' not found`);
    if (!fn.enabled) throw new ApiError(400, 'The function is disabled');
    if (fn.status === 'build_failed') throw new ApiError(400, 'The build of the function failed');
    return fn;
  }

  #get(id: string): Job {
    const job = this.#world.jobs.get(id);
    if (job === undefined) throw new ApiError(404, `Job '${id}' not found`);
    return job;
  }

  #json(job: Job): string {
    return jobJson(job, this.#world.options.dates);
  }

  #array(jobs: readonly Job[]): Reply {
    return jsonText(`[${jobs.map((job) => this.#json(job)).join(',')}]`);
  }
}
