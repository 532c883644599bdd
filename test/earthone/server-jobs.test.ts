/** The conformance server: what jobs do and leave. They run for real. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type EarthOneServer } from '../support/earthone-server.js';
import { requires } from '../support/requires.js';
import { ACT, withServer } from './act.js';
import { RawClient, send } from './raw-client.js';

describe('jobs on the conformance server', requires('python3'), () => {
  let server: EarthOneServer;
  let client: RawClient;
  let act: string;

  beforeAll(async () => {
    server = await startServer();
    client = new RawClient(server);
    act = await client.build(ACT, { environment: { A: 'function', B: 'function' } });
  });
  afterAll(async () => {
    await server.stop();
  });

  test.each([
    ['JSON', ['value', { a: [1.5, 'ü'] }], '{"a": [1.5, "\\u00fc"]}'],
    ['a string', ['value', 's'], '"s"'],
    ['bytes', ['bytes'], Buffer.from([0, 255])],
    ['what serializes itself', ['own'], Buffer.from('own \xff', 'latin1')],
    ['the largest result', ['large', 1024 * 1024], Buffer.alloc(1024 * 1024, 'x')],
  ])('stores %s', async (_name, args, stored) => {
    const job = await client.run(act, args);
    expect(job).toMatchObject({ status: 'success', exit_code: 0, execution_count: 1, error_reason: null });
    expect((await client.result(job as never))!.equals(Buffer.from(stored))).toBe(true);
  });

  test('stores nothing for None', async () => {
    const job = await client.run(act, ['nothing']);
    expect([job.status, await client.result(job as never)]).toEqual(['success', null]);
  });

  test('a result cannot be had with a token at its own address, nor without its signature', async () => {
    const job = await client.run(act, ['value', 1]);
    const blob = `compute/${encodeURIComponent(server.namespace)}/${act}/${job.id}`;
    const { body } = await client.call('GET', `${server.urls.catalog}/storage/download/${blob}`);
    expect(body.data).toMatchObject({ type: 'storage_download', id: decodeURIComponent(blob) });
    const url = body.data.attributes.resumable_url as string;
    expect((await send('GET', url)).body).toBe(1);
    expect((await send('GET', url, { headers: { authorization: `Bearer ${client.token}` } })).status).toBe(
      400,
    );
    expect((await send('GET', url.replace(/Signature=.*/, 'Signature=00'))).status).toBe(403);
    const about = await client.call('GET', `${server.urls.catalog}/storage/${blob}`);
    expect(about.body.data.attributes).toMatchObject({ size_bytes: 1, name: `${act}/${String(job.id)}` });
    expect((await client.call('DELETE', `/jobs/${job.id}?delete_results=True`)).status).toBe(200);
    expect((await send('GET', url)).status).toBe(404);
  });

  test('a failure has its traceback in the log', async () => {
    const job = await client.run(act, ['fail', 'ü']);
    expect(job).toMatchObject({ status: 'failure', exit_code: 1, error_reason: 'ValueError: it is ü' });
    const log = await client.log(job.id as string);
    expect(log[0]).toBe('Traceback (most recent call last):');
    expect(log.at(-1)).toBe('ValueError: it is ü');
    expect(log.join()).not.toContain('runner.py');
    expect(await client.result(job as never)).toBeNull();
  });

  test.each([
    ['a value that cannot be stored', ['set'], 1, /TypeError: Object of type set/],
    ['a result that is too large', ['large', 1024 * 1024 + 1], 1, /has 1048577 bytes; 1048576 are allowed/],
    ['wrong arguments', [], 1, /TypeError: act\(\) missing 1 required/],
    ['sys.exit', ['sys.exit', 3], 3, /The function exited/],
    ['sys.exit with a word', ['sys.exit', 'bye'], 1, /The function exited/],
    ['the end of the process', ['exit', 7], 7, /ended with code 7/],
    ['an end without an error', ['exit', 0], 0, /ended with code 0/],
    ['a signal', ['die', 9], 137, /SIGKILL/],
    ['a crash', ['die', 11], 139, /SIGSEGV/],
  ])('%s is a failure', async (_name, args, exit, reason) => {
    const job = await client.run(act, args);
    expect([job.status, job.exit_code]).toEqual(['failure', exit]);
    expect(job.error_reason).toMatch(reason);
    expect(await client.run(act, ['value', 1])).toMatchObject({ status: 'success' });
  });

  test('a function that cannot be imported fails each job', async () => {
    const broken = await client.build('import no_such_module\nmain = None\n');
    for (const _ of [1, 2]) {
      const job = await client.run(broken);
      expect([job.status, job.exit_code]).toEqual(['failure', 1]);
      expect((await client.log(job.id as string)).at(-1)).toMatch(/^ModuleNotFoundError/);
    }
  });

  test('logs what is written, by subprocesses too, in order', async () => {
    const job = await client.run(act, ['say']);
    expect(await client.log(job.id as string)).toEqual(['out', 'err', 'child', 'child-err', 'no end']);
    const { bytes } = await client.call('GET', `/jobs/${job.id}/log`);
    expect(bytes.toString()).toMatch(/^\{"date":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z","log":"out"\}\n/);
    const blob = `logs/${encodeURIComponent(server.namespace)}/${act}/${job.id}`;
    const { body } = await client.call('GET', `${server.urls.catalog}/storage/download/${blob}`);
    expect((await send('GET', body.data.attributes.resumable_url as string)).bytes.equals(bytes)).toBe(true);
  });

  test('a job leaves nothing to the next one', async () => {
    await client.run(act, ['close']);
    await client.run(act, ['cd']);
    await client.run(act, ['cd']);
    const said = await client.run(act, ['say']);
    expect(await client.log(said.id as string)).toHaveLength(5);
    const job = await client.run(act, ['env', 'LEFT', 'PWD']);
    expect(JSON.parse(String(await client.result(job as never)))).toMatchObject({ LEFT: null });
  });

  test('gives the environment of the job over that of the function, and none of ours', async () => {
    const job = await client.run(act, ['env', 'A', 'B', 'C', 'VITEST', 'EARTHONE_CLIENT_SECRET'], {
      environment: { B: 'job', C: 'job' },
    });
    expect(JSON.parse(String(await client.result(job as never)))).toEqual({
      A: 'function',
      B: 'job',
      C: 'job',
      VITEST: null,
      EARTHONE_CLIENT_SECRET: null,
    });
  });

  test('counts what a job used', async () => {
    const job = await client.run(act, ['sleep', 1.2]);
    expect(job.runtime).toBeGreaterThan(0);
    expect(job.statistics.memory.peak_bytes).toBeGreaterThan(1e6);
    expect(Object.keys(job.statistics as object)).toEqual(['cpu', 'memory', 'network']);
    expect(job.last_execution_date > job.creation_date).toBe(true);
    expect(job.last_completion_date > job.last_execution_date).toBe(true);
    expect((await client.call('GET', `/jobs/${job.id}?include=timings`)).body.pull_time).toBe(1);
  });

  test('stops what takes too long, tries again as often as told, and counts it', async () => {
    await withServer({ timeoutUnit: 100 }, async (short) => {
      const slow = await short.run(await short.build(ACT, { timeout: 3, retry_count: 2 }), ['sleep', 600]);
      expect(slow).toMatchObject({
        status: 'timeout',
        execution_count: 3,
        error_reason: 'Ran longer than 3 s',
      });
      const id = await short.build(ACT, { retry_count: 2 });
      const failed = await short.run(id, ['fail', 'x']);
      expect(failed).toMatchObject({ status: 'failure', execution_count: 3 });
      expect(
        (await short.log(failed.id as string)).filter((line) => line.startsWith('ValueError')),
      ).toHaveLength(1);
      expect(short.server.counters.executions.get(failed.id as string)).toBe(3);
      expect(await short.run(id, ['value', 1])).toMatchObject({ status: 'success', execution_count: 1 });
    });
  });

  test('kills what needs more memory than it asked for', async () => {
    await withServer({ memoryLimit: 100 }, async (small) => {
      const job = await small.run(await small.build(ACT), ['hog', 300]);
      expect(job).toMatchObject({ status: 'failure', exit_code: 137, error_reason: 'Out of memory' });
    });
  });

  test('packages come from a folder where one is given', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dl-jobs-site-'));
    try {
      mkdirSync(join(folder, 'acme_tools'));
      writeFileSync(join(folder, 'acme_tools/__init__.py'), 'answer = 42\n');
      await withServer({ sitePackages: folder }, async (with1) => {
        const job = await with1.run(
          await with1.build({
            '__dlentrypoint__.py': 'import acme_tools\nfrom pkg.mod import read as main\n',
            'pkg/__init__.py': '',
            'pkg/mod.py':
              "import acme_tools\nfrom importlib import resources\ndef read():\n    return [acme_tools.answer, (resources.files('pkg') / 'd.txt').read_text()]\n",
            'pkg/d.txt': 'data',
            'requirements.txt': 'acme-tools==1',
          }),
        );
        expect(String(await with1.result(job as never))).toBe('[42, "data"]');
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
