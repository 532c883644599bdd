/** `dl_jobs doctor` on EarthOne: credentials, the service, and whether what a job asks for is sold there. */
import { DlJobsError } from '../../base/errors.js';
import { failed, ok, warning, type Check, type CheckupContext } from '../../contract/check.js';
import { EarthOneClient } from './api/client.js';
import { clientOptions } from './connection.js';
import { earthOneRequest } from './request.js';

export async function* checkEarthOne({ spec, signal }: CheckupContext): AsyncIterable<Check> {
  try {
    const { image, cpus, memory, notices } = earthOneRequest({ ...spec, language: 'python' });
    yield ok('request', `${image}, ${cpus} cpus, ${memory} MB a task`);
    for (const [at, notice] of notices.entries())
      yield warning(`request ${at + 1}`, notice, 'Say it in the words of EarthOne: see docs/earthone.md.');
  } catch (error) {
    yield told('request', error);
  }
  let client: EarthOneClient;
  try {
    client = new EarthOneClient(clientOptions(spec, process.env));
    yield ok('credentials', `from ${await client.credentials.source()}`);
  } catch (error) {
    yield told('credentials', error);
    return;
  }
  try {
    const started = performance.now();
    const functions = await client.functions.count([], { signal });
    const ms = Math.round(performance.now() - started);
    yield ok('service', `answers in ${ms} ms; you have ${functions} functions there`);
  } catch (error) {
    yield told('service', error);
  }
}

function told(name: string, error: unknown): Check {
  if (!(error instanceof DlJobsError)) throw error;
  return failed(name, error.message, error.hint ?? 'See docs/earthone.md.');
}
