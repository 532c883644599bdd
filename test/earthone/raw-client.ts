/** As little of a client as tests of the server itself need: one request, one answer. */
import { strToU8, zipSync } from 'fflate';
import type { EarthOneServer } from '../support/earthone-server.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- read as JSON is
  readonly body: any;
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export async function send(method: string, url: string, { headers, body }: Sent = {}): Promise<Answer> {
  const init: RequestInit = { method, headers: { ...headers } };
  if (body !== undefined) init.body = body;
  const response = await fetch(url, init);
  const bytes = Buffer.from(await response.arrayBuffer());
  let parsed: unknown = bytes.toString();
  try {
    parsed = JSON.parse(bytes.toString());
  } catch {
    // Not all bodies are JSON.
  }
  return { status: response.status, headers: response.headers, bytes, body: parsed };
}

export const encoded = (filter: unknown): string => encodeURIComponent(JSON.stringify(filter));

export const eq = (name: string, val: unknown): object => ({ name, op: 'eq', val });

export class RawClient {
  readonly server: EarthOneServer;
  token: string;

  constructor(server: EarthOneServer) {
    this.server = server;
    this.token = server.issueToken();
  }

  /** @param at a path of the compute API, or a whole URL */
  async call(method: string, at: string, body?: unknown): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' };
    const url = at.startsWith('http') ? at : this.server.urls.compute + at;
    return send(method, url, { headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  }

  /** A function of these files, built. The entry point is `main.py` unless it is given. */
  async build(
    source: string | Readonly<Record<string, string>>,
    fields: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    await this.call('POST', '/credentials', {
      client_id: this.server.clientId,
      client_secret: this.server.clientSecret,
    });
    const made = await this.call('POST', '/functions', {
      name: 'f',
      image: 'python3.11:latest',
      cpus: 1,
      memory: 1024,
      maximum_concurrency: 10,
      ...fields,
    });
    const id = made.body.function.id as string;
    const files = typeof source === 'string' ? { '__dlentrypoint__.py': source } : source;
    const zip = zipSync(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])),
    );
    await this.upload(made.body.bundle_upload_url as string, zip);
    await this.call('POST', `/functions/${id}/bundle`);
    await this.until(`/functions/${id}`, (fn) => fn.status !== 'building');
    return id;
  }

  upload(url: string, bundle: Uint8Array): Promise<Answer> {
    return send('PUT', url, { headers: { 'content-type': 'application/octet-stream' }, body: bundle });
  }

  /** Looks until it holds. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- read as JSON is
  async until(path: string, holds: (body: any) => boolean): Promise<any> {
    for (;;) {
      const { body } = await this.call('GET', path);
      if (holds(body)) return body;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** One job → it, once it ended. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- read as JSON is
  async run(functionId: string, args: readonly unknown[] = [], more: object = {}): Promise<any> {
    const { body } = await this.call('POST', '/jobs', {
      function_id: functionId,
      args,
      kwargs: {},
      tags: [],
      ...more,
    });
    return this.ended(body.id as string);
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- read as JSON is
  ended(jobId: string): Promise<any> {
    return this.until(`/jobs/${jobId}`, ({ status }) =>
      ['success', 'failure', 'timeout', 'canceled'].includes(status as string),
    );
  }

  /** Null: nothing is stored. */
  async result(job: { id: string; function_id: string }): Promise<Buffer | null> {
    const blob = `compute/${encodeURIComponent(this.server.namespace)}/${job.function_id}/${job.id}`;
    const found = await this.call('GET', `${this.server.urls.catalog}/storage/download/${blob}`);
    if (found.status === 404) return null;
    return (await send('GET', found.body.data.attributes.resumable_url as string)).bytes;
  }

  async log(jobId: string): Promise<string[]> {
    const { bytes } = await this.call('GET', `/jobs/${jobId}/log`);
    return bytes
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { log: string }).log);
  }
}
