/** The catalog's side of results, and the presigned URLs of another origin that lead to them. */
import { gzipSync } from 'node:zlib';
import type { Handler } from './functions-api.js';
import { ApiError, json, type Reply, type Request } from './http.js';
import { date, type Fn } from './model.js';
import { digest, type World } from './world.js';

const JSON_API = { version: '1.0' };

export class Storage {
  readonly #world: World;
  readonly #origin: () => string;

  constructor(world: World, origin: () => string) {
    this.#world = world;
    this.#origin = origin;
  }

  readonly uploadUrl = (fn: Fn): string => this.#presigned('PUT', `/upload/${fn.id}`);

  #presigned(method: string, path: string): string {
    const expires = Math.floor(this.#world.now()) + this.#world.options.presignedLifetime;
    const signature = this.#world.sign(`${method} ${path} ${expires}`);
    return `${this.#origin()}${path}?X-Expires=${expires}&X-Signature=${signature}`;
  }

  /** `GET /storage/download/<blob>` → where the bytes are. */
  readonly download: Handler = (_request, id) => {
    const key = decodeURIComponent(id);
    if (this.#bytes(key) === null) return notFound(key);
    return jsonApi({
      data: {
        type: 'storage_download',
        id: key,
        attributes: { resumable_url: this.#presigned('GET', `/blobs/${encodeURIComponent(key)}`) },
      },
    });
  };

  /** `GET /storage/<blob>` → what is known of it. */
  readonly describe: Handler = (_request, id) => {
    const key = decodeURIComponent(id);
    const bytes = this.#bytes(key);
    if (bytes === null) return notFound(key);
    const [type = '', namespace = '', ...name] = key.split('/');
    const now = date(this.#world.clock.now(), 'z');
    return jsonApi({
      data: {
        type: 'storage',
        id: key,
        attributes: {
          name: name.join('/'),
          namespace,
          storage_type: type,
          storage_state: 'available',
          size_bytes: bytes.length,
          hash: digest(bytes.toString('latin1')).slice(0, 32),
          created: now,
          modified: now,
          owners: [`user:${namespace}`],
          readers: [],
          writers: [],
          tags: [],
          extra_properties: {},
        },
      },
    });
  };

  /** Logs are blobs too. */
  #bytes(key: string): Buffer | null {
    const [type, , functionId = '', jobId] = key.split('/');
    if (type !== 'logs') return this.#world.blob(key);
    if (jobId === undefined) {
      const log = this.#world.functions.get(functionId)?.buildLog;
      return log === undefined || log === null ? null : gzipSync(log);
    }
    const log = this.#world.jobs.get(jobId)?.log;
    if (log === undefined) return null;
    return Buffer.from(
      log.map((line) => `${JSON.stringify({ date: date(line.at, 'z'), log: line.text })}\n`).join(''),
    );
  }

  /** A request to the other origin. */
  reply({ method, path, query, headers, body }: Request): Reply {
    if (headers.authorization !== undefined) {
      return xml(400, 'InvalidArgument', 'Only one auth mechanism allowed: the URL is signed already');
    }
    const expires = query.get('X-Expires') ?? '';
    if (query.get('X-Signature') !== this.#world.sign(`${method} ${path} ${expires}`)) {
      return xml(403, 'SignatureDoesNotMatch', 'The signature does not match the request');
    }
    if (Number(expires) < this.#world.now()) return xml(403, 'AccessDenied', 'Request has expired');
    const [, kind, id = ''] = path.split('/');
    if (kind === 'upload') {
      if (headers['content-length'] === undefined) return xml(411, 'MissingContentLength', 'Length Required');
      if (headers['content-type'] !== 'application/octet-stream') {
        return xml(403, 'SignatureDoesNotMatch', 'Content-Type was signed as application/octet-stream');
      }
      const fn = this.#world.functions.get(id);
      if (fn === undefined) return xml(404, 'NoSuchKey', 'The key does not exist');
      if (fn.status === 'awaiting_bundle') fn.bundle = body;
      return { status: 200 };
    }
    const bytes = this.#bytes(decodeURIComponent(id));
    if (bytes === null) return xml(404, 'NoSuchKey', 'The key does not exist');
    return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: bytes };
  }
}

const jsonApi = (body: object, status = 200): Reply => ({
  ...json({ ...body, jsonapi: JSON_API }, status),
  headers: { 'content-type': 'application/vnd.api+json' },
});

const notFound = (key: string): Reply =>
  jsonApi({ errors: [{ status: '404', title: 'Object not found', detail: `Blob '${key}' not found` }] }, 404);

/** As the stores behind presigned URLs write it. */
export const xml = (status: number, code: string, message: string): Reply => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

export function authorize(world: World, { headers }: Request): void {
  const token = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
  const until = token === undefined ? undefined : world.tokens.get(token);
  if (until === undefined) throw new ApiError(401, 'Missing or unknown token');
  if (until < world.now()) throw new ApiError(401, 'The token has expired');
}
