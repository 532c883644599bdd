/** Requests in a form that is the same each time: to be kept, and to be compared between clients. */
import { unzipSync } from 'fflate';
import type { EarthOneServer } from '../earthone-server.js';
import type { Recorded } from './server.js';
import { CLIENT_SECRET, NAMESPACE } from './world.js';

export interface NormalizedRequest {
  readonly service: string;
  readonly method: string;
  readonly path: string;
  /** Key → values; filters as JSON, cursors and signatures by name. */
  readonly query: Readonly<Record<string, readonly unknown[]>>;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, the names in a zip archive, or null. */
  readonly body: unknown;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const DATE = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?/g;

/** Ids by the order in which they first come. */
export class Names {
  readonly #ids = new Map<string, string>();

  /** Names what there is, in order of creation: a client may send ids in any order. */
  learn(server: Pick<EarthOneServer, 'functions' | 'jobs'>): void {
    for (const { id } of [...server.functions(), ...server.jobs()]) this.text(id);
  }

  text(text: string): string {
    return text
      .replace(UUID, (id) => {
        const key = id.toLowerCase();
        let name = this.#ids.get(key);
        if (name === undefined) this.#ids.set(key, (name = `<id ${this.#ids.size + 1}>`));
        return name;
      })
      .replace(DATE, '<date>')
      .replaceAll(NAMESPACE, '<namespace>')
      .replaceAll(encodeURIComponent(NAMESPACE), encodeURIComponent('<namespace>'))
      .replaceAll(CLIENT_SECRET, '<secret>')
      .replace(/python3\.\d+:/g, 'python3.N:');
  }

  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((one) => this.value(one));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, one]) => [key, this.value(one)]),
    );
  }
}

/** Lists of ids come in any order: they are a set to the clients. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]): [string, unknown] => {
    const inside = sorted(one);
    if (key !== 'or' || !Array.isArray(inside)) return [key, inside];
    return [
      key,
      inside
        .map((part) => JSON.stringify(part))
        .sort()
        .map((part): unknown => JSON.parse(part)),
    ];
  });
  return Object.fromEntries(entries);
}

function body({ body, headers }: Recorded, names: Names): unknown {
  if (body.length === 0) return null;
  if (body.toString('latin1', 0, 2) === 'PK') return { zip: Object.keys(unzipSync(body)).sort() };
  const type = headers['content-type'] ?? '';
  return /json/.test(type) ? sorted(names.value(JSON.parse(body.toString()))) : `<${body.length} bytes>`;
}

function query({ query: given }: Recorded, names: Names): Record<string, unknown[]> {
  const all: Record<string, unknown[]> = {};
  for (const key of [...new Set(given.keys())].sort()) {
    all[key] = given.getAll(key).map((word) => {
      if (key === 'filter') return sorted(names.value(JSON.parse(word)));
      if (key === 'page_cursor' || key.startsWith('X-')) return `<${key}>`;
      return names.text(word);
    });
  }
  return all;
}

function headers({ headers: given, method, body }: Recorded): Record<string, string> {
  const all: Record<string, string> = {};
  for (const name of ['accept', 'content-type'] as const) {
    const value = given[name];
    if (value !== undefined) all[name] = value;
  }
  if (given.authorization !== undefined)
    all['authorization'] = given.authorization.replace(/ .*/, ' <token>');
  if (method !== 'GET' && body.length === 0) all['content-length'] = given['content-length'] ?? '';
  return all;
}

/**
 * @param names shared by calls whose ids mean the same
 * @returns one for requests of the same kind in a row: how often a client looks is a matter of time
 */
export function normalized(requests: readonly Recorded[], names = new Names()): NormalizedRequest[] {
  const all: NormalizedRequest[] = [];
  let last = '';
  for (const request of requests) {
    const one: NormalizedRequest = {
      service: request.service,
      method: request.method,
      path: names.text(decodeURIComponent(request.path)),
      query: query(request, names),
      headers: headers(request),
      body: body(request, names),
    };
    const text = JSON.stringify(one);
    if (text !== last) all.push(one);
    last = text;
  }
  return all;
}
