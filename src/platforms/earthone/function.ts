/** The function that the jobs of a round are of: found where it is there already, else made. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../../base/errors.js';
import { ForbiddenError } from './api/errors.js';
import { where } from './api/filters.js';
import type { ComputeFunction, FunctionFields } from './api/types.js';
import type { Bundle } from './bundle.js';
import type { Compute } from './compute.js';
import type { EarthOneRequest } from './request.js';

/** A build is asked for this often at first, and less and less often. */
const FIRST_LOOK_MS = 500;
const MOST_LOOK_MS = 10_000;
/** Presigned addresses that are tried for an upload. */
const UPLOAD_ADDRESSES = 3;
/** Of a build log, in an error. */
const LOG_LINES = 40;

export interface FunctionWish {
  /** Of the job. */
  readonly name: string;
  readonly bundle: Pick<Bundle, 'hash' | 'bytes'>;
  readonly request: EarthOneRequest;
  readonly environment: Readonly<Record<string, string>>;
}

export interface FunctionContext {
  readonly compute: Compute;
  readonly signal: AbortSignal;
  readonly notice: (text: string) => void;
  /** Told what the build wrote, when it failed. */
  readonly onBuildLog: (log: string) => void;
}

/**
 * The function that does what is wished, ready to take jobs.
 *
 * Throws EARTHONE_BUILD_FAILED, and what the API answers.
 */
export async function functionFor(wish: FunctionWish, context: FunctionContext): Promise<ComputeFunction> {
  const { compute, signal, notice } = context;
  const fields = fieldsOf(wish);
  let found = await find(fields, context);
  if (found === null) {
    const bytes = wish.bundle.bytes();
    notice(
      `function ${fields.name} is new: its code goes up (${Math.ceil(bytes.length / 1024)} KB) and is built`,
    );
    found = await make(fields, bytes, context);
  } else {
    notice(`function ${fields.name} is there already`);
    if (found.status === 'stopped') found = await compute.functions.start(found.id, { signal });
  }
  return await built(found, context);
}

async function make(
  fields: FunctionFields,
  bytes: Uint8Array,
  { compute, signal }: FunctionContext,
): Promise<ComputeFunction> {
  for (let tried = 1; ; tried++) {
    const { function: made, uploadUrl } = await compute.functions.create(fields, { signal });
    try {
      await compute.functions.upload(uploadUrl, bytes, { signal });
    } catch (error) {
      if (!(error instanceof ForbiddenError) || tried === UPLOAD_ADDRESSES) throw error;
      // The address is good no more, and only a new function comes with another one.
      await compute.functions.delete(made.id, { signal }).catch(() => undefined);
      continue;
    }
    return await compute.functions.complete(made.id, { signal });
  }
}

/** What it is called, with what tells it from others of that name. */
export function fieldsOf({ name, bundle, request, environment }: FunctionWish): FunctionFields {
  const { image, cpus, memory, timeout, retryCount, maximumConcurrency } = request;
  const more = {
    image,
    cpus,
    memory,
    ...(timeout !== null && { timeout }),
    retryCount,
    maximumConcurrency,
    environment: Object.fromEntries(Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  // Not of the values of variables: a name is no place for what can be guessed from it.
  const told = { ...more, environment: Object.keys(more.environment) };
  const hash = createHash('sha256')
    .update(bundle.hash)
    .update(JSON.stringify(told))
    .digest('hex')
    .slice(0, 16);
  return { name: `${name}.${hash}`, ...more };
}

async function find(
  fields: FunctionFields,
  { compute, signal }: FunctionContext,
): Promise<ComputeFunction | null> {
  const query = { filter: [where.eq('name', fields.name)], sort: ['-creation_date'] };
  for await (const one of compute.functions.search(query, { signal })) {
    const isUsable = one.status === 'ready' || one.status === 'building' || one.status === 'stopped';
    if (isUsable && one.enabled !== false && isSame(one, fields)) return one;
  }
  return null;
}

/** A function may have been changed since it was made, or have other values in its environment. */
function isSame(one: ComputeFunction, fields: FunctionFields): boolean {
  const same = (is: unknown, wanted: unknown): boolean => wanted === undefined || is === wanted;
  const [is, wanted] = [one.environment ?? {}, fields.environment ?? {}];
  const names = Object.keys(wanted);
  return (
    same(one.name, fields.name) &&
    same(one.image, fields.image) &&
    same(one.cpus, fields.cpus) &&
    same(one.memory, fields.memory) &&
    same(one.timeout, fields.timeout) &&
    same(one.retryCount ?? 0, fields.retryCount) &&
    same(one.maximumConcurrency, fields.maximumConcurrency) &&
    names.length === Object.keys(is).length &&
    names.every((name) => Object.hasOwn(is, name) && is[name] === wanted[name])
  );
}

async function built(made: ComputeFunction, context: FunctionContext): Promise<ComputeFunction> {
  const { compute, signal, notice, onBuildLog } = context;
  let now = made;
  let told = false;
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(MOST_LOOK_MS, wait * 1.5)) {
    if (now.status === 'ready') return now;
    if (now.status === 'stopped') return await compute.functions.start(now.id, { signal });
    if (now.status === 'build_failed') break;
    if (!told) notice(`function ${now.name ?? now.id} is being built`);
    told = true;
    await sleep(wait, undefined, { signal });
    now = await compute.functions.get(now.id, { signal });
  }
  const log = await compute.functions.buildLog(now.id, { signal }).catch(() => '');
  onBuildLog(log);
  const end = log.trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  throw new JobError(
    'EARTHONE_BUILD_FAILED',
    `EarthOne could not build the function ${now.name ?? now.id}${end === '' ? '; it says nothing of why' : `:\n${end}`}`,
    {
      hint: 'Mostly a package of `requirements` that cannot be installed there, or a file that is no Python of that image.',
    },
  );
}
