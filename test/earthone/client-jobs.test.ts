/** Jobs: made one by one and in batches, found and changed. */
import { expect, test } from 'vitest';
import { AnswerError, BadRequestError, where, type JobBatch } from '../../src/earthone.js';
import { all, clientOf, failure, JOB, send, serve } from './client-support.js';

const HOSTILE = 'a/b c?d#e%2F..ü\u{1F600}"\'\\\n';
const ENCODED = 'a%2Fb%20c%3Fd%23e%252F..%C3%BC%F0%9F%98%80%22%27%5C%0A';

test('a job has the body of the API', async () => {
  const server = await serve(() => JOB);
  const { jobs } = clientOf(server);
  await jobs.create({ functionId: 'f1' });
  await jobs.create({
    functionId: HOSTILE,
    args: [1, HOSTILE, null],
    kwargs: { k: 3 },
    environment: { E: '1' },
    tags: [HOSTILE],
  });
  expect(server.requests.map(({ body }) => JSON.parse(body))).toEqual([
    { function_id: 'f1', args: [], kwargs: {}, tags: [] },
    {
      function_id: HOSTILE,
      args: [1, HOSTILE, null],
      kwargs: { k: 3 },
      environment: { E: '1' },
      tags: [HOSTILE],
    },
  ]);
});

test.each([[Number.NaN], [Number.POSITIVE_INFINITY], [10n], [() => 1], [Symbol('s')]])(
  '%s is refused as an argument, not changed',
  async (value) => {
    const server = await serve(() => JOB);
    const error = await failure(clientOf(server).jobs.create({ functionId: 'f', args: [{ deep: [value] }] }));
    expect(error['code']).toBe('VALUE_INVALID');
    const circle: unknown[] = [];
    circle.push(circle);
    expect(await failure(clientOf(server).jobs.create({ functionId: 'f', args: circle }))).toMatchObject({
      code: 'VALUE_INVALID',
    });
    expect(server.requests).toHaveLength(0);
  },
);

test('an id is one part of the address, whatever it holds', async () => {
  const server = await serve(() => JOB);
  const { jobs } = clientOf(server);
  await jobs.get(HOSTILE, { include: ['timings'] });
  await jobs.cancel(HOSTILE);
  await jobs.delete(HOSTILE);
  await jobs.delete('j1', { deleteResults: true });
  await jobs.update(HOSTILE, { args: [1, 2] });
  await all(jobs.log('half \ud800 pair'));
  expect(server.lines()).toEqual([
    `GET /compute/jobs/${ENCODED}`,
    `POST /compute/jobs/${ENCODED}/cancel`,
    `DELETE /compute/jobs/${ENCODED}`,
    'DELETE /compute/jobs/j1',
    `PATCH /compute/jobs/${ENCODED}`,
    'GET /compute/jobs/half%20%EF%BF%BD%20pair/log',
  ]);
  expect(server.requests[0]!.query.get('include')).toBe('timings');
  expect(server.requests.slice(2, 4).map(({ query }) => query.get('delete_results'))).toEqual([
    'False',
    'True',
  ]);
  expect(JSON.parse(server.requests[4]!.body)).toEqual({ args: [1, 2] });
});

test('a job is read with all its fields, and absent ones are null', async () => {
  const statistics = {
    cpu: { total: 90, time: 1_500_000_000, timeseries: [[90, 1]] },
    memory: { peak_bytes: 1024 },
    network: {},
  };
  const server = await serve(({ path }) =>
    path.endsWith('/bare')
      ? { id: 'bare', status: 'a_new_one', args: null, tags: null, statistics: 'odd' }
      : {
          ...JOB,
          status: 'success',
          args: [1, { __a: 2 }],
          kwargs: { k: 'v' },
          environment: { A: 'b' },
          tags: ['t', HOSTILE],
          creation_date: '2026-01-01T00:00:00Z',
          last_execution_date: '2026-01-01T02:00:00+02:00',
          last_completion_date: '2026-01-01 00:00:01.5',
          runtime: 3,
          execution_count: 2,
          exit_code: 0,
          error_reason: 'none',
          statistics,
          provisioning_time: 4,
          pull_time: 5,
        },
  );
  const { jobs } = clientOf(server);
  expect(await jobs.get('j1')).toEqual({
    id: 'j1',
    functionId: 'f1',
    args: [1, { __a: 2 }],
    kwargs: { k: 'v' },
    environment: { A: 'b' },
    tags: ['t', HOSTILE],
    status: 'success',
    creationDate: new Date('2026-01-01T00:00:00Z'),
    lastExecutionDate: new Date('2026-01-01T00:00:00Z'),
    lastCompletionDate: new Date('2026-01-01T00:00:01.500Z'),
    runtime: 3,
    executionCount: 2,
    exitCode: 0,
    errorReason: 'none',
    statistics: { cpuTime: 1_500_000_000, peakMemory: 1024, raw: statistics },
    provisioningTime: 4,
    pullTime: 5,
  });
  const { id, status, tags, statistics: odd, ...rest } = await jobs.get('bare');
  expect([id, status, tags]).toEqual(['bare', 'a_new_one', []]);
  expect(odd).toEqual({ cpuTime: null, peakMemory: null, raw: 'odd' });
  expect(new Set(Object.values(rest))).toEqual(new Set([null]));
});

test('a batch sends its arguments as they are', async () => {
  const server = await serve(() => [JOB, { ...JOB, id: 'j2' }]);
  // No JavaScript number is 12345678901234567890, and none of this is parsed here.
  const bulkArgs = Buffer.from(' [ [12345678901234567890, "],[\\"\\\\"], [{"a":[1,{"b":"}"}]}] ] ');
  const batch: JobBatch = { functionId: 'f"1', bulkArgs, referenceId: 'r-1', tags: ['t'] };
  const made = await clientOf(server).jobs.createBatch(batch);
  expect(made.map(({ id }) => id)).toEqual(['j1', 'j2']);
  expect(server.requests[0]!.body).toContain(bulkArgs.toString());
  expect(JSON.parse(server.requests[0]!.body)).toMatchObject({
    function_id: 'f"1',
    bulk_kwargs: null,
    bulk_environments: null,
    reference_id: 'r-1',
    tags: ['t'],
  });
});

test.each([
  ['none', '[]'],
  ['1,001', JSON.stringify(Array.from({ length: 1001 }, (_, i) => [i]))],
  ['no list', '{"a": [1]}'],
  ['text', '"[1]"'],
  ['half a list', '[[1]'],
  ['two lists', '[[1]] [[2]]'],
  ['nothing', ''],
])('a batch of %s is refused before it is sent', async (_, text) => {
  const server = await serve(() => []);
  const batch = { functionId: 'f1', bulkArgs: Buffer.from(text), referenceId: 'r' };
  expect(await failure(clientOf(server).jobs.createBatch(batch))).toMatchObject({ code: 'VALUE_INVALID' });
  expect(server.requests).toHaveLength(0);
});

test('a batch of 1,000 is sent, and an answer about fewer jobs is an error', async () => {
  const server = await serve(() => Array.from({ length: 999 }, () => JOB));
  const bulkArgs = Buffer.from(JSON.stringify(Array.from({ length: 1000 }, () => [])));
  const error = await failure(
    clientOf(server).jobs.createBatch({ functionId: 'f1', bulkArgs, referenceId: 'r' }),
  );
  expect(error).toBeInstanceOf(AnswerError);
  expect(error.message).toBe('POST /jobs/bulk: expected 1000 jobs, got 999');
});

const echoJobs = ({ body }: { body: string }): unknown[] =>
  (JSON.parse(body) as { bulk_args: unknown[][] }).bulk_args.map((args) => ({ ...JOB, id: `j${args[0]}` }));

test('many jobs go in batches with ids of their own, and no more are taken than a batch needs', async () => {
  const server = await serve(echoJobs);
  let taken = 0;
  function* source(): Generator<{ args: number[] }> {
    for (; taken < 2500;) yield { args: [taken++] };
  }
  const ids: string[] = [];
  const ahead: number[] = [];
  for await (const batch of clientOf(server).jobs.createMany(source(), { functionId: 'f1', tags: ['t'] })) {
    ids.push(...batch.map(({ id }) => id));
    ahead.push(taken - ids.length);
  }
  expect(ids).toEqual(Array.from({ length: 2500 }, (_, i) => `j${i}`));
  expect(ahead).toEqual([0, 0, 0]);
  const bodies = server.requests.map(({ body }) => JSON.parse(body));
  expect(new Set(bodies.map(({ reference_id: id }) => id)).size).toBe(3);
  for (const body of bodies) {
    expect(body).toMatchObject({ bulk_kwargs: null, bulk_environments: null, tags: ['t'] });
    expect(body.reference_id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  }
});

test('keyword arguments and variables are as many as there are jobs, or none at all', async () => {
  const server = await serve(echoJobs);
  const jobs = [
    { args: [1], kwargs: { a: 1 } },
    { args: [2] },
    { args: [3], environment: { B: 'c' } },
    { args: [4] },
  ];
  await all(clientOf(server).jobs.createMany(jobs, { functionId: 'f1', batchSize: 2 }));
  expect(server.requests.map(({ body }) => JSON.parse(body))).toMatchObject([
    { bulk_kwargs: [{ a: 1 }, {}], bulk_environments: null },
    { bulk_kwargs: null, bulk_environments: [{ B: 'c' }, {}] },
  ]);
  expect(JSON.parse(server.requests[0]!.body)).not.toHaveProperty('tags');
});

test('the first batch that fails is the end, and the source is closed', async () => {
  const server = await serve((request, response, before) =>
    before === 1 ? send(response, 400, { detail: 'no more' }) : echoJobs(request),
  );
  let isClosed = false;
  async function* source(): AsyncGenerator<{ args: number[] }> {
    try {
      for (let i = 0; ; i++) yield { args: [i] };
    } finally {
      isClosed = true;
    }
  }
  const given: string[] = [];
  const error = await failure(
    (async () => {
      const batches = clientOf(server).jobs.createMany(source(), { functionId: 'f1', batchSize: 2 });
      for await (const batch of batches) given.push(...batch.map(({ id }) => id));
    })(),
  );
  expect(error).toBeInstanceOf(BadRequestError);
  expect(given).toEqual(['j0', 'j1']);
  expect(isClosed).toBe(true);
  for (const batchSize of [0, 1001, 1.5])
    expect(
      await failure(all(clientOf(server).jobs.createMany([], { functionId: 'f', batchSize }))),
    ).toMatchObject({
      code: 'VALUE_INVALID',
    });
});

test('jobs are searched, and the limit holds whatever the server gives', async () => {
  const server = await serve(({ query }) => ({
    meta: { page_cursor: `${Number(query.get('page_cursor') ?? 0) + 1}` },
    data: [JOB, JOB, JOB],
  }));
  const { jobs } = clientOf(server);
  const filter = [where.eq('function_id', 'f1'), where.in('status', ['success', 'failure'])];
  expect(await all(jobs.search({ filter, limit: 7 }))).toHaveLength(7);
  expect(server.requests.map(({ query }) => query.get('page_cursor'))).toEqual([null, '1', '2']);
  expect(server.requests[0]!.query.get('filter')).toBe(
    '[{"name":"function_id","op":"eq","val":"f1"},{"or":[{"name":"status","op":"eq","val":"success"},{"name":"status","op":"eq","val":"failure"}]}]',
  );
  expect((await all(jobs.pages({ limit: 4 }))).map((page) => page.length)).toEqual([3, 1]);
  expect(await failure(all(jobs.search({ limit: -1 })))).toBeDefined();
});

test('a page that leads to itself is an error, not an endless list', async () => {
  const server = await serve(() => ({ meta: { page_cursor: 'same' }, data: [] }));
  expect(await failure(all(clientOf(server).jobs.search()))).toBeInstanceOf(AnswerError);
  expect(server.requests).toHaveLength(2);
});

test('many at once: the filter is in the body, and must not be empty', async () => {
  const server = await serve(({ path }) => (path.endsWith('delete') ? ['j1', 'j2'] : [JOB]));
  const { jobs } = clientOf(server);
  const filter = [where.and(where.eq('function_id', 'f1'), where.eq('status', 'failure'))];
  const list = [
    { name: 'function_id', op: 'eq', val: 'f1' },
    { name: 'status', op: 'eq', val: 'failure' },
  ];
  expect((await jobs.cancelWhere({ filter })).map(({ id }) => id)).toEqual(['j1']);
  expect((await jobs.rerunWhere({ filter, limit: 5 })).map(({ id }) => id)).toEqual(['j1']);
  expect(await jobs.deleteWhere({ filter })).toEqual(['j1', 'j2']);
  await jobs.deleteWhere({ filter, deleteResults: true, limit: 10_000 });
  expect(server.lines()).toEqual(
    ['cancel', 'rerun', 'delete', 'delete'].map((verb) => `POST /compute/jobs/${verb}`),
  );
  expect(server.requests.map(({ body }) => JSON.parse(body))).toEqual([
    { filter: list },
    { filter: list, limit: 5 },
    { filter: list, delete_results: false },
    { filter: list, delete_results: true, limit: 10_000 },
  ]);
  const all = { filter: [] };
  for (const promise of [jobs.cancelWhere(all), jobs.rerunWhere(all), jobs.deleteWhere(all)])
    expect(await failure(promise)).toMatchObject({ code: 'VALUE_INVALID' });
  expect(server.requests).toHaveLength(4);
});
