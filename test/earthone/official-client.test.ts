/**
 * The vendor's own client against our server: the proof that the server is right. Its requests are kept in
 * recorded/official-client.json, for ours to be compared with:
 *
 *     DL_JOBS_RECORD=1 npx vitest run test/earthone/official-client.test.ts
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { format, resolveConfig } from 'prettier';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type EarthOneServer } from '../support/earthone-server.js';
import { Names, normalized, type NormalizedRequest } from '../support/earthone/normalize.js';
import { installOfficial } from '../support/earthone/official.js';
import { repoRoot } from '../support/project.js';
import { requires } from '../support/requires.js';

const PROGRAM = join(repoRoot, 'test/earthone/official_client.py');
const KEPT = join(repoRoot, 'test/earthone/recorded/official-client.json');

/** Step → what it gave. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- read as JSON is
type Values = Record<string, any>;
type Requests = Record<string, NormalizedRequest[]>;

const argsOf = (job: { args: unknown }): unknown => job.args;

async function useClient(python: string, server: EarthOneServer, cwd: string): Promise<[Values, Requests]> {
  const child = spawn(python, ['-B', PROGRAM], {
    cwd,
    env: { PATH: process.env['PATH'], ...server.env, PYTHONPATH: cwd },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const values: Values = {};
  const requests: Requests = {};
  const names = new Names();
  let from = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { step, ...rest } = JSON.parse(line) as { step: string; value?: unknown };
    if ('value' in rest) {
      values[step] = rest.value;
      names.learn(server);
      requests[step] = normalized(server.requests.slice(from), names);
    } else {
      from = server.requests.length;
      child.stdin.write('go\n');
    }
  }
  const code = await ended;
  expect(code, said).toBe(0);
  return [values, requests];
}

describe('the official client', requires('earthone-client'), () => {
  let folder: string;
  let server: EarthOneServer;
  let values: Values;
  let requests: Requests;

  beforeAll(async () => {
    const python = installOfficial();
    folder = mkdtempSync(join(tmpdir(), 'dl-jobs-official-'));
    server = await startServer();
    [values, requests] = await useClient(python, server, folder);
  }, 900_000);

  afterAll(async () => {
    await server?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  test('makes a function, and waits for its build', () => {
    expect(values['create']).toEqual({ status: 'building', namespace: server.namespace });
    expect(values['wait_for_build']).toBe('ready');
    expect(values['build_log']).toContain('Build succeeded');
    expect(values['get_function']).toEqual({ name: 'power', memory: 2048, environment: { WHO: 'function' } });
  });

  test('calls it, and gets result, log and statistics', () => {
    const job = { args: [3], kwargs: { exponent: 3 }, tags: ['one'] };
    expect(values['call']).toEqual({ ...job, status: 'pending' });
    expect(values['wait_for_job']).toEqual({ ...job, status: 'success' });
    expect(values['result']).toEqual({ power: 27, who: 'job' });
    expect(values['log']).toBe('power of 3');
    expect(values['get_job']).toEqual({ executions: 1, exit: 0, peak: true, cpu: true, ordered: true });
    expect(values['get_job_with_timings']).toEqual([true, true]);
  });

  test('maps, and sees jobs as they end', () => {
    expect(values['map_with_keywords'].success).toBe(true);
    expect(values['map_with_keywords'].jobs).toHaveLength(3);
    expect(values['map_with_environments'].map(argsOf)).toEqual([[7], [8]]);
    expect(values['wait_for_all']).toBe('ready');
    const tags = ['batch', 'first'];
    expect(values['as_completed']).toEqual([
      { args: [1], kwargs: { exponent: 2 }, status: 'success', tags },
      { args: [2], kwargs: { fail: true }, status: 'failure', tags },
      { args: [3], kwargs: { nothing: true }, status: 'success', tags },
    ]);
  });

  test('gets results of all kinds', () => {
    expect(values['all_results']).toEqual([
      'null',
      '{"power": 1, "who": "function"}',
      '{"power": 27, "who": "job"}',
      '{"power": 49, "who": "seven"}',
      '{"power": 64, "who": "eight"}',
    ]);
    expect(values['raw_result']).toEqual([0, 255, ...Buffer.from('raw')]);
    expect(values['result_of_nothing']).toBeNull();
    expect(values['failed_log']).toMatch(/^power of 2\nTraceback [^]*\nValueError: no power for 2$/);
  });

  test('searches, counts and lists', () => {
    expect(values['search_by_status_and_tag'].map(argsOf)).toEqual([[2]]);
    expect(values['search_any_of']).toBe(4);
    expect(values['search_by_dates']).toBe(7);
    expect(values['search_in_pages']).toEqual([[3], [1], [2], [3], [7], [8], [1]]);
    expect(values['count_jobs']).toBe(6);
    expect(values['list_jobs']).toBe(7);
    expect(values['search_functions']).toEqual(['power']);
    expect(values['list_functions']).toEqual(['power']);
  });

  test('reruns, changes and cancels', () => {
    expect(values['rerun']).toEqual([
      { args: [2], kwargs: { fail: true }, status: 'pending', tags: ['batch', 'first'] },
    ]);
    expect(values['wait_for_rerun']).toEqual({ status: 'failure', executions: 2 });
    expect(values['change_job'].tags).toEqual(['changed', 'one']);
    expect(values['cancel_pending']).toEqual(['stopped', 'canceled']);
    expect(values['start']).toBe('ready');
    expect(values['cancel_running']).toEqual(['cancel', 'canceled']);
    expect(values['cancel_many']).toEqual([2, ['canceled', 'canceled']]);
    expect(values['change_function']).toEqual([2, 4096]);
    expect(values['disable']).toEqual([false, 'BadRequestError']);
    expect(values['enable']).toBe(true);
  });

  test('deletes', () => {
    expect(values['delete_job']).toBe('NotFoundError');
    expect(values['delete_some']).toBe(true);
    expect(values['delete_function']).toBe('NotFoundError');
  });

  test('sends modules and data, and meets refusals', () => {
    expect(values['create_from_modules']).toEqual({ cost: 10, note: 'thank you' });
    expect(values['build_that_fails']).toEqual(['build_failed', true]);
    expect(values['refused']).toEqual(['ValidationError', true]);
  });

  test('sends what was recorded', async () => {
    if (process.env['DL_JOBS_RECORD'] === '1') {
      const options = (await resolveConfig(KEPT)) ?? {};
      writeFileSync(KEPT, await format(JSON.stringify(requests), { ...options, parser: 'json' }));
    }
    expect(requests).toEqual(JSON.parse(readFileSync(KEPT, 'utf8')));
  });
});
