/**
 * What our client sends for what the vendor's own one was seen to do (recorded/official-client.json), step by step. Every
 * difference is one of those told here, and each of those is there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { strToU8, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EarthOneClient, ENDED, where, type ComputeJob, type Filter } from '../../src/earthone.js';
import { startServer, type EarthOneServer } from '../support/earthone-server.js';
import { Names, normalized, type NormalizedRequest } from '../support/earthone/normalize.js';
import { repoRoot } from '../support/project.js';
import { requires } from '../support/requires.js';

const RECORDED = JSON.parse(
  readFileSync(join(repoRoot, 'test/earthone/recorded/official-client.json'), 'utf8'),
) as Record<string, NormalizedRequest[]>;

const POWER = `
import os, time
def main(base, exponent=2, fail=False, wait=0, nothing=False, raw=False):
    print('power of', base)
    time.sleep(wait)
    if fail: raise ValueError('no power for %r' % base)
    if nothing: return None
    if raw: return b'\\x00\\xffraw'
    return {'power': base ** exponent, 'who': os.environ.get('WHO')}
`;
const zip = (files: Readonly<Record<string, string>>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));

const SHOP = {
  '__dlentrypoint__.py': 'from shop.sell import sell as main\n',
  'shop/__init__.py': '',
  'shop/note.txt': 'thank you',
  'shop/prices.py': 'PRICES = {"tea": 3, "cake": 5}\n',
  'shop/sell.py':
    'from shop.prices import PRICES\ndef sell(kind, count=1):\n    return {"cost": PRICES[kind] * count}\n',
};

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};

/** The steps of official_client.py, by the same names and in the same order, each with our client. */
function stepsOf(client: EarthOneClient): Record<string, () => Promise<unknown>> {
  const { functions, jobs, results } = client;
  let fn = '';
  let shop = '';
  let bad = '';
  let job = '';
  let three: string[] = [];
  let more: string[] = [];
  const image = 'python3.11:latest';
  const ofFunction = (): Filter => where.eq('function_id', fn);
  const hasStatus = (status: string): Filter => where.eq('status', status);

  async function make(
    files: Readonly<Record<string, string>>,
    fields: Omit<Parameters<typeof functions.create>[0], 'image'>,
  ): Promise<string> {
    const made = await functions.create({ image, ...fields });
    await functions.upload(made.uploadUrl, zip(files));
    return (await functions.complete(made.function.id)).id;
  }
  async function functionEnds(id: string): Promise<void> {
    for (;;) {
      const { jobStatistics, status } = await functions.get(id, { include: ['job.statistics'] });
      const isBusy = ['pending', 'running', 'cancel', 'canceling'].some((one) => jobStatistics?.[one]);
      if (status === 'build_failed' || (status === 'ready' && !isBusy)) return;
      await sleep(50);
    }
  }
  async function jobIs(id: string, statuses: readonly string[] = ENDED): Promise<ComputeJob> {
    for (;;) {
      const now = await jobs.get(id);
      if (statuses.includes(now.status)) return now;
      await sleep(50);
    }
  }
  const call = async (kwargs: Readonly<Record<string, unknown>>): Promise<string> =>
    (await jobs.create({ functionId: fn, args: [1], kwargs, tags: [] })).id;
  const many = async (
    given: Parameters<typeof jobs.createMany>[0],
    tags?: readonly string[],
  ): Promise<string[]> => {
    const pages = await all(jobs.createMany(given, { functionId: fn, ...(tags && { tags }) }));
    return pages.flat().map(({ id }) => id);
  };
  const gone = async (what: Promise<unknown>): Promise<void> =>
    expect((await what.catch((error: unknown) => error)) as Error).toHaveProperty('status');

  return {
    create: async () => {
      fn = await make(
        { '__dlentrypoint__.py': POWER, 'requirements.txt': 'requests>=2.0\n' },
        {
          ...{ name: 'power', cpus: 1, memory: 2048, maximumConcurrency: 2, timeout: 60, retryCount: 0 },
          environment: { WHO: 'function' },
        },
      );
    },
    wait_for_build: () => functionEnds(fn),
    build_log: () => functions.buildLog(fn),
    get_function: () => functions.get(fn),
    call: async () => {
      const more = { kwargs: { exponent: 3 }, tags: ['one'], environment: { WHO: 'job' } };
      job = (await jobs.create({ functionId: fn, args: [3], ...more })).id;
    },
    wait_for_job: () => jobIs(job),
    result: () => results.get({ functionId: fn, jobId: job }),
    log: () => all(jobs.log(job)),
    get_job: () => jobs.get(job),
    get_job_with_timings: () => jobs.get(job, { include: ['timings'] }),
    map_with_keywords: async () => {
      const kwargs = [{ exponent: 2 }, { fail: true }, { nothing: true }];
      const given = kwargs.map((one, i) => ({ args: [i + 1], kwargs: one }));
      three = await many(given, ['batch', 'first']);
    },
    map_with_environments: async () => {
      const given = ['seven', 'eight'].map((WHO, i) => ({ args: [7 + i], environment: { WHO } }));
      more = await many(given);
    },
    wait_for_all: () => functionEnds(fn),
    as_completed: async () => {
      await functions.get(fn, { include: ['job.statistics'] });
      await all(jobs.search({ filter: [where.in('id', three), where.in('status', ENDED)] }));
    },
    all_results: async () => {
      const succeeded = await all(jobs.search({ filter: [ofFunction(), hasStatus('success')] }));
      const ids = new Set(succeeded.map(({ id }) => id));
      for (const id of [job, three[0] ?? '', three[2] ?? '', ...more]) {
        expect(ids).toContain(id);
        await results.get({ functionId: fn, jobId: id });
      }
    },
    raw_result: async () => {
      const { id } = await jobIs(await call({ raw: true }));
      expect(await results.get({ functionId: fn, jobId: id })).toEqual(Buffer.from('\0\xffraw', 'latin1'));
    },
    result_of_nothing: async () => {
      const { id } = await jobs.get(three[2] ?? '');
      expect(await results.get({ functionId: fn, jobId: id })).toBeNull();
    },
    failed_log: async () => {
      const { id } = await jobs.get(three[1] ?? '');
      expect((await all(jobs.log(id))).at(-1)?.log).toBe('ValueError: no power for 2');
    },
    search_by_status_and_tag: () =>
      all(jobs.search({ filter: [ofFunction(), hasStatus('failure'), where.eq('tags', 'batch')] })),
    search_any_of: () =>
      all(
        jobs.search({
          filter: [ofFunction(), where.in('status', ['success', 'failure'])],
          sort: ['-creation_date', 'id'],
          limit: 4,
        }),
      ),
    search_by_dates: () => {
      const since = where.gte('last_completion_date', new Date(Date.now() - 3_600_000));
      return all(jobs.search({ filter: [ofFunction(), since, where.gte('execution_count', 1)] }));
    },
    search_in_pages: () => all(jobs.search({ filter: [ofFunction()], pageSize: 2, sort: ['creation_date'] })),
    count_jobs: () => jobs.count([ofFunction(), hasStatus('success')]),
    list_jobs: () => all(jobs.search({ filter: [ofFunction()], pageSize: 100 })),
    search_functions: () =>
      all(functions.search({ filter: [where.prefix('name', 'pow')], sort: ['-creation_date'] })),
    list_functions: () => all(functions.search({ pageSize: 100 })),
    rerun: () => jobs.rerunWhere({ filter: [ofFunction()] }),
    wait_for_rerun: async () => {
      await functionEnds(fn);
      await jobs.get(three[1] ?? '');
    },
    change_job: async () => {
      await jobs.get(job);
      await jobs.update(job, { tags: ['one', 'changed'] });
      await jobs.get(job);
    },
    cancel_pending: async () => {
      await functions.stop(fn);
      expect((await jobs.cancel(await call({}))).status).toBe('canceled');
    },
    start: () => functions.start(fn),
    cancel_running: async () => {
      const { id } = await jobIs(await call({ wait: 30 }), ['running']);
      await jobs.cancel(id);
      await jobIs(id);
    },
    cancel_many: async () => {
      const ids = await many([1, 2].map((n) => ({ args: [n], kwargs: { wait: 30 } })));
      await jobs.cancelWhere({ filter: [ofFunction(), where.in('id', ids)] });
      await functionEnds(fn);
      for (const id of ids) await jobs.get(id);
    },
    change_function: async () => {
      await functions.update(fn, { cpus: 2, memory: 4096 });
      await functions.get(fn);
    },
    disable: async () => {
      await functions.enable(fn, false);
      await gone(call({}));
    },
    enable: () => functions.enable(fn, true),
    delete_job: async () => {
      await jobs.delete(job);
      await gone(jobs.get(job));
    },
    delete_some: () => jobs.deleteWhere({ filter: [ofFunction(), where.in('id', more)] }),
    delete_function: async () => {
      await jobs.deleteWhere({ filter: [ofFunction()], deleteResults: true });
      await functions.delete(fn);
      await gone(functions.get(fn));
    },
    create_from_modules: async () => {
      const fields = { cpus: 0.5, memory: 1024, maximumConcurrency: 1, timeout: 60, retryCount: 0 };
      shop = await make(SHOP, { name: 'shop', ...fields });
      const { id } = await jobs.create({ functionId: shop, args: ['cake'], kwargs: { count: 2 }, tags: [] });
      await jobIs(id);
      expect(await results.get({ functionId: shop, jobId: id })).toEqual({ cost: 10 });
    },
    build_that_fails: async () => {
      const files = { '__dlentrypoint__.py': POWER, 'requirements.txt': 'this is no requirement' };
      bad = await make(files, { name: 'bad', cpus: 1, memory: 2048 });
      await functionEnds(bad);
      await functions.buildLog(bad);
    },
    refused: () => gone(functions.create({ name: 'tiny', image, cpus: 1, memory: 100 })),
  };
}

type Change = (recorded: readonly NormalizedRequest[]) => NormalizedRequest[];

const headers = (request: NormalizedRequest, more: Readonly<Record<string, string>>): NormalizedRequest => ({
  ...request,
  headers: { ...request.headers, ...more },
});

/** A DELETE has no body, and fetch says no length of what is not there. */
const withoutLength: Change = (recorded) =>
  recorded.map((one) => (one.method === 'DELETE' ? headers(one, { 'content-length': '' }) : one));

/** By step, what ours sends for what was recorded. */
const DIFFERENCES: Readonly<Record<string, Change>> = {
  // The token comes as JSON, and nothing else is taken.
  create: (recorded) =>
    recorded.map((one) => (one.service === 'iam' ? headers(one, { accept: 'application/json' }) : one)),
  // Ours has no second way to say of which function: a filter says the same as the parameter.
  list_jobs: (recorded) =>
    recorded.map((one) => {
      const { function_id: ids = [], ...query } = one.query;
      return { ...one, query: { filter: [[{ name: 'function_id', op: 'eq', val: ids[0] }]], ...query } };
    }),
  delete_job: withoutLength,
  delete_function: withoutLength,
  // Ours knows the namespace, of which a result's address is made, from when it made the function.
  create_from_modules: (recorded) =>
    recorded.filter(({ method, path }) => method !== 'GET' || !path.startsWith('/functions/')),
};

describe('our client and the official one', requires('python3'), () => {
  let server: EarthOneServer;
  const sent: Record<string, NormalizedRequest[]> = {};

  beforeAll(async () => {
    server = await startServer();
    const names = new Names();
    for (const [step, act] of Object.entries(stepsOf(new EarthOneClient({ env: server.env })))) {
      const from = server.requests.length;
      await act();
      names.learn(server);
      sent[step] = normalized(server.requests.slice(from), names);
    }
  }, 300_000);
  afterAll(() => server?.stop());

  test('do the same', () => {
    expect(Object.keys(sent)).toEqual(Object.keys(RECORDED));
  });

  test.each(Object.keys(RECORDED))('send the same: %s', (step) => {
    const recorded = RECORDED[step] ?? [];
    const expected = DIFFERENCES[step]?.(recorded) ?? recorded;
    expect(sent[step]).toEqual(expected);
    if (step in DIFFERENCES) expect(expected).not.toEqual(recorded);
  });
});
