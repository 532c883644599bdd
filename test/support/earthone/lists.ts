/** `GET /functions` and `GET /jobs`: parameters, and which items come into question. */
import { ApiError, json, jsonText, type Reply, type Request } from './http.js';
import { ACTIVE, ENDED, microseconds, type Fn, type Job, type JobStatus } from './model.js';
import { page, predicate, readCursor, sortKeys, type Cursor, type Fields, type SortKey } from './query.js';
import type { World } from './world.js';

export const JOB_FIELDS: Fields<Job> = {
  id: { type: 'string', get: (job) => job.id },
  function_id: { type: 'string', get: (job) => job.fn.id, sort: false },
  tags: { type: 'list', get: (job) => job.tags, sort: false },
  status: { type: 'string', get: (job) => job.status },
  creation_date: { type: 'date', get: (job) => job.created },
  last_execution_date: { type: 'date', get: (job) => job.started },
  last_completion_date: { type: 'date', get: (job) => job.completed },
  runtime: { type: 'number', get: (job) => job.runtime },
  execution_count: { type: 'number', get: (job) => job.executions },
  exit_code: { type: 'number', get: (job) => job.exitCode },
};

export const FUNCTION_FIELDS: Fields<Fn> = {
  id: { type: 'string', get: (fn) => fn.id },
  name: { type: 'string', get: (fn) => fn.name },
  image: { type: 'string', get: (fn) => fn.image, sort: false },
  cpus: { type: 'number', get: (fn) => fn.cpus },
  memory: { type: 'number', get: (fn) => fn.memory },
  maximum_concurrency: { type: 'number', get: (fn) => fn.maximum_concurrency },
  timeout: { type: 'number', get: (fn) => fn.timeout },
  retry_count: { type: 'number', get: (fn) => fn.retry_count },
  enabled: { type: 'boolean', get: (fn) => fn.enabled },
  auto_start: { type: 'boolean', get: (fn) => fn.auto_start },
  status: { type: 'string', get: (fn) => fn.status },
  namespace: { type: 'string', get: (fn) => fn.namespace, sort: false },
  owner: { type: 'string', get: (fn) => fn.owner, sort: false },
  creation_date: { type: 'date', get: (fn) => fn.created },
  modified_date: { type: 'date', get: (fn) => fn.modified },
};

const wrong = (parameter: string, message: string): ApiError =>
  new ApiError(422, 'Validation error', { [parameter]: [message] });

function wholeNumber(query: URLSearchParams, name: string): number | null {
  const word = query.get(name);
  if (word === null) return null;
  if (!/^\d{1,9}$/.test(word)) throw wrong(name, 'Must be a whole number');
  return Number(word);
}

const KNOWN = ['filter', 'page_size', 'limit', 'sort', 'include', 'status', 'function_id', 'page_cursor'];

/** What is asked for, from the parameters or from the cursor that holds them. */
function asked({ query, path }: Request, includes: readonly string[], maxPageSize: number): Cursor {
  for (const key of query.keys()) if (!KNOWN.includes(key)) throw wrong(key, 'Unknown parameter');
  const cursor = query.get('page_cursor');
  if (cursor !== null) {
    if ([...query.keys()].length > 1) throw wrong('page_cursor', 'It stands alone: it holds the rest');
    return readCursor(cursor, path);
  }
  const filter: unknown[] = [];
  const words = query.get('filter');
  if (words !== null) {
    try {
      const list: unknown = JSON.parse(words);
      if (!Array.isArray(list)) throw wrong('filter', 'Must be a list of expressions');
      filter.push(...(list as unknown[]));
    } catch (error) {
      throw error instanceof ApiError ? error : wrong('filter', 'Not JSON');
    }
  }
  for (const name of ['status', 'function_id']) {
    const values = query.getAll(name);
    if (values.length > 0) filter.push({ or: values.map((val) => ({ name, op: 'eq', val })) });
  }
  const include = query.getAll('include');
  const unknown = include.find((one) => !includes.includes(one));
  if (unknown !== undefined) throw wrong('include', `There is ${includes.join(', ')}, not ${unknown}`);
  const size = wholeNumber(query, 'page_size') ?? 100;
  if (size === 0) throw wrong('page_size', 'Must be 1 or more');
  return {
    path,
    filter,
    sort: query.getAll('sort'),
    include,
    size: Math.min(size, maxPageSize),
    left: wholeNumber(query, 'limit'),
    given: 0,
    after: null,
  };
}

function listReply<T>(
  matching: T[],
  keys: readonly SortKey<T>[],
  cursor: Cursor,
  mode: 'keys' | 'offset',
  text: (item: T) => string,
): Reply {
  if (cursor.left === 0) return json({ meta: { total: matching.length, page_cursor: null }, data: [] });
  const { items, next } = page(matching, keys, cursor, mode);
  const meta = JSON.stringify({ page_size: cursor.size, page_cursor: next });
  return jsonText(`{"meta":${meta},"data":[${items.map(text).join(',')}]}`);
}

export function listFunctions(
  world: World,
  request: Request,
  text: (fn: Fn, include: readonly string[]) => string,
): Reply {
  const { maxPageSize, cursors } = world.options;
  const cursor = asked(request, ['job.statistics'], maxPageSize);
  const matches = predicate(cursor.filter, FUNCTION_FIELDS);
  const keys = sortKeys([...cursor.sort, 'creation_date'], FUNCTION_FIELDS);
  const found = [...world.functions.values()].filter(matches);
  return listReply(found, keys, cursor, cursors, (fn) => text(fn, cursor.include));
}

export function listJobs(
  world: World,
  request: Request,
  text: (job: Job, include: readonly string[]) => string,
): Reply {
  const { maxPageSize, cursors } = world.options;
  const cursor = asked(request, ['timings'], maxPageSize);
  const keys = sortKeys([...cursor.sort, 'creation_date'], JOB_FIELDS);
  return listReply(findJobs(world, cursor.filter, true), keys, cursor, cursors, (job) =>
    text(job, cursor.include),
  );
}

/** A job as searches see it: its end is not told at once where the server is told to lag. */
function asShown(job: Job, now: number): Job {
  if (job.shownFrom <= now) return job;
  return {
    ...job,
    status: job.executions > 0 ? 'running' : 'pending',
    completed: null,
    runtime: null,
    exitCode: null,
    errorReason: null,
    statistics: null,
  };
}

/** Jobs that match. @param lagging as searches see them */
export function findJobs(world: World, filter: unknown, lagging: boolean): Job[] {
  const matches = predicate(filter, JOB_FIELDS);
  const now = world.clock.now();
  const lags = lagging && world.faults.stale > 0 && world.lagsUntil > now;
  const found: Job[] = [];
  for (const list of candidates(world, Array.isArray(filter) ? filter : [], lags)) {
    for (const job of list) {
      const shown = lags ? asShown(job, now) : job;
      if (matches(shown)) found.push(shown);
    }
  }
  return found;
}

/** For `x eq a` and `x eq a or x eq b` at the top: the values. */
function valuesAsked(filter: readonly unknown[], name: string): string[] | null {
  for (const one of filter) {
    const { or } = one as { or?: unknown };
    const parts = (Array.isArray(or) ? or : [one]) as { name?: unknown; op?: unknown; val?: unknown }[];
    if (parts.every((part) => part.name === name && part.op === 'eq'))
      return parts.map(({ val }) => String(val));
  }
  return null;
}

/** Lists that hold all jobs that can match: what narrows is looked up, so that 25,000 jobs are no matter. */
function* candidates(world: World, filter: readonly unknown[], lags: boolean): Generator<readonly Job[]> {
  const ids = valuesAsked(filter, 'id');
  if (ids !== null) {
    yield [...new Set(ids)].flatMap((id) => world.jobs.get(id) ?? []);
    return;
  }
  const functions = valuesAsked(filter, 'function_id');
  const fns =
    functions === null
      ? [...world.functions.values()]
      : [...new Set(functions)].flatMap((id) => world.functions.get(id) ?? []);
  const since = earliestCompletion(filter);
  const statuses = valuesAsked(filter, 'status');
  for (const fn of fns) {
    if (since !== null) yield endedSince(world.ended(fn), since);
    else if (statuses?.every((status) => ENDED.has(status))) yield world.ended(fn);
    else if (statuses?.every((status) => (fn.counts.get(status as JobStatus) ?? 0) === 0) && !lags) continue;
    else if (statuses?.every((status) => ACTIVE.has(status)) && !lags) yield activeOf(fn);
    else yield fn.jobs;
  }
}

const activeOf = (fn: Fn): Job[] => (fn.running === 0 ? [] : fn.jobs.filter((job) => ACTIVE.has(job.status)));

function earliestCompletion(filter: readonly unknown[]): number | null {
  for (const one of filter) {
    const { name, op, val } = one as { name?: unknown; op?: unknown; val?: unknown };
    if (name === 'last_completion_date' && (op === 'gt' || op === 'gte')) return microseconds(val);
  }
  return null;
}

function endedSince(ended: readonly Job[], since: number): readonly Job[] {
  let low = 0;
  let high = ended.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ended[middle]!.completed! >= since) high = middle;
    else low = middle + 1;
  }
  return ended.slice(low);
}
