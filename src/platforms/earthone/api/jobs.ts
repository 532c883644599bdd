/** Jobs: one call of a function each. */
import { randomUUID } from 'node:crypto';
import { DataError, describeValue } from '../../../base/errors.js';
import { bulkBody, cut, MOST_OF_A_BATCH } from './batch.js';
import { AnswerError, TransportError } from './errors.js';
import { filterList } from './filters.js';
import { jsonText } from './json.js';
import { logLines } from './logs.js';
import { ask, countOf, idPart, includeOf, pagesOf, remove } from './request.js';
import { shownOf, type Call, type Session } from './session.js';
import type {
  ComputeJob,
  Filter,
  JobBatch,
  JobsApi,
  LogLine,
  NewJob,
  Query,
  RequestOptions,
} from './types.js';
import { readJob } from './wire.js';

type Bulk = { readonly filter: readonly Filter[]; readonly limit?: number };

export class Jobs implements JobsApi {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async create(job: NewJob, options: RequestOptions = {}): Promise<ComputeJob> {
    const body = {
      function_id: job.functionId,
      args: job.args ?? [],
      kwargs: job.kwargs ?? {},
      ...(job.environment === undefined ? {} : { environment: job.environment }),
      tags: job.tags ?? [],
    };
    return await this.#one({ method: 'POST', path: '/jobs', body, repeat: 'unless-done', ...options });
  }

  async createBatch(batch: JobBatch, options: RequestOptions = {}): Promise<ComputeJob[]> {
    const { body, count } = bulkBody(batch);
    return await this.#bulk(body, count, options);
  }

  async *createMany(
    jobs: Parameters<JobsApi['createMany']>[0],
    common: Parameters<JobsApi['createMany']>[1],
    options: RequestOptions = {},
  ): AsyncGenerator<ComputeJob[]> {
    const { functionId, tags, batchSize = MOST_OF_A_BATCH } = common;
    if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > MOST_OF_A_BATCH) {
      throw new DataError(
        'VALUE_INVALID',
        `batchSize: expected 1 to ${MOST_OF_A_BATCH}, got ${describeValue(batchSize)}`,
        { hint: 'Leave it out for batches as large as the service takes.' },
      );
    }
    for await (const some of cut(jobs, batchSize)) {
      // Null stands for a list of nothing but empty ones.
      const column = <K extends 'kwargs' | 'environment'>(key: K): readonly unknown[] | null =>
        some.every((job) => job[key] === undefined) ? null : some.map((job) => job[key] ?? {});
      const body = {
        function_id: functionId,
        bulk_args: some.map((job) => job.args ?? []),
        bulk_kwargs: column('kwargs'),
        bulk_environments: column('environment'),
        reference_id: randomUUID(),
        ...(tags === undefined || tags.length === 0 ? {} : { tags }),
      };
      yield await this.#bulk(Buffer.from(jsonText(body)), some.length, options);
    }
  }

  async get(
    id: string,
    options: RequestOptions & { readonly include?: readonly string[] } = {},
  ): Promise<ComputeJob> {
    const { include, signal } = options;
    return await this.#one({ method: 'GET', path: jobPath(id), query: includeOf(include), signal });
  }

  async *search(query: Query = {}, options: RequestOptions = {}): AsyncGenerator<ComputeJob> {
    for await (const page of this.pages(query, options)) yield* page;
  }

  pages(query: Query = {}, options: RequestOptions = {}): AsyncGenerator<ComputeJob[]> {
    return pagesOf(this.#session, '/jobs', query, readJob, options);
  }

  async count(filter?: readonly Filter[], options: RequestOptions = {}): Promise<number> {
    return await countOf(this.#session, '/jobs', filter, options);
  }

  async update(
    id: string,
    changes: Parameters<JobsApi['update']>[1],
    options: RequestOptions = {},
  ): Promise<ComputeJob> {
    const { args, kwargs, environment, tags } = changes;
    // JSON leaves out what is undefined.
    const body = { args, kwargs, environment, tags };
    return await this.#one({ method: 'PATCH', path: jobPath(id), body, ...options });
  }

  async cancel(id: string, options: RequestOptions = {}): Promise<ComputeJob> {
    return await this.#one({ method: 'POST', path: `${jobPath(id)}/cancel`, ...options });
  }

  async cancelWhere(query: Bulk, options: RequestOptions = {}): Promise<ComputeJob[]> {
    const call: Call = { method: 'POST', path: '/jobs/cancel', body: bulkQuery(query), ...options };
    return (await ask(this.#session, call)).map(readJob);
  }

  async rerunWhere(query: Bulk, options: RequestOptions = {}): Promise<ComputeJob[]> {
    const call: Call = { method: 'POST', path: '/jobs/rerun', body: bulkQuery(query), ...options };
    return (await ask(this.#session, call)).map(readJob);
  }

  async deleteWhere(
    query: Bulk & { readonly deleteResults?: boolean },
    options: RequestOptions = {},
  ): Promise<string[]> {
    const body = { ...bulkQuery(query), delete_results: query.deleteResults ?? false };
    const call: Call = { method: 'POST', path: '/jobs/delete', body, ...options };
    return (await ask(this.#session, call)).map((id) => id.text());
  }

  async delete(
    id: string,
    options: RequestOptions & { readonly deleteResults?: boolean } = {},
  ): Promise<void> {
    // Spelled as Python does; nothing else is known to be understood.
    const flag = options.deleteResults === true ? 'True' : 'False';
    await remove(this.#session, jobPath(id), [['delete_results', flag]], options);
  }

  async *log(id: string, { signal }: RequestOptions = {}): AsyncGenerator<LogLine> {
    const call: Call = { method: 'GET', path: `${jobPath(id)}/log`, signal };
    let given = 0;
    let failures = 0;
    for (;;) {
      const before = given;
      // Only what breaks off later is begun anew here.
      const body = await this.#session.stream(call);
      try {
        let passed = 0;
        for await (const line of logLines(body)) {
          // A log that broke off begins anew, and its beginning has been given already.
          if (passed++ < given) continue;
          given++;
          yield line;
        }
        return;
      } catch (error) {
        if (!(error instanceof TransportError) || error.final) throw error;
        failures = given > before ? 1 : failures + 1;
        if (failures >= this.#session.tries) throw error;
        await this.#session.pause(failures, signal);
      }
    }
  }

  async #bulk(body: Uint8Array, count: number, { signal }: RequestOptions): Promise<ComputeJob[]> {
    const call: Call = { method: 'POST', path: '/jobs/bulk', body, signal };
    const jobs = (await ask(this.#session, call)).map(readJob);
    if (jobs.length !== count)
      throw new AnswerError(`${shownOf(call)}: expected ${count} jobs, got ${jobs.length}`);
    return jobs;
  }

  async #one(call: Call): Promise<ComputeJob> {
    return readJob(await ask(this.#session, call));
  }
}

function jobPath(id: string): string {
  return `/jobs/${idPart(id, 'job')}`;
}

/** Without a filter the server takes all jobs that the user has. */
function bulkQuery({ filter, limit }: Bulk): Record<string, unknown> {
  if (filter === undefined || filter.length === 0) {
    throw new DataError(
      'VALUE_INVALID',
      'expected a filter, got none: it would mean all jobs that you have',
      {
        hint: "Say which, as with where.eq('function_id', id).",
      },
    );
  }
  return { filter: filterList(filter), ...(limit === undefined ? {} : { limit }) };
}
