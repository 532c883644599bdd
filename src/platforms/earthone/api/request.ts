/** Parts of requests that functions and jobs have in common. */
import { DataError, describeValue } from '../../../base/errors.js';
import { AnswerError, NotFoundError } from './errors.js';
import { filterText } from './filters.js';
import { shownOf, type Call, type Session } from './session.js';
import type { Filter, Query, RequestOptions } from './types.js';
import { Part, readPage } from './wire.js';

/** An id as a part of a path. */
export function idPart(id: string, what: string): string {
  // These would lead to another path, and delete something else.
  if (typeof id !== 'string' || id === '' || id === '.' || id === '..') {
    throw new DataError('VALUE_INVALID', `expected the id of a ${what}, got ${describeValue(id)}`, {
      hint: `Take it from what the API gave for the ${what}.`,
    });
  }
  return encoded(id);
}

/** All but letters, digits and `_.-~`, as the official client has it. */
function encoded(text: string): string {
  // Half a surrogate pair cannot be encoded; a buffer has something else in its place.
  return encodeURIComponent(Buffer.from(text).toString()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function includeOf(include: readonly string[] | undefined): [string, string][] {
  return (include ?? []).map((name) => ['include', name]);
}

/** The answer as a part that can be read. */
export async function ask(session: Session, call: Call): Promise<Part> {
  return new Part(await session.json(call), shownOf(call));
}

/** A list page by page. */
export async function* pagesOf<T>(
  session: Session,
  path: string,
  query: Query,
  of: (part: Part) => T,
  { signal }: RequestOptions,
): AsyncGenerator<T[], void, undefined> {
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  let params: (readonly [string, string])[] = listQuery(query);
  let before: string | null = null;
  while (left > 0) {
    const call = { method: 'GET', path, query: params, signal } as const;
    const { items, cursor } = readPage(await ask(session, call), of);
    const page = items.length > left ? items.slice(0, left) : items;
    left -= page.length;
    if (page.length > 0) yield page;
    if (cursor === null) return;
    if (cursor === before)
      throw new AnswerError(`${shownOf(call)}: the page after this one is this one again`);
    before = cursor;
    // All else is in the cursor.
    params = [['page_cursor', cursor]];
  }
}

export async function countOf(
  session: Session,
  path: string,
  filter: readonly Filter[] | undefined,
  { signal }: RequestOptions,
): Promise<number> {
  const query: (readonly [string, string])[] = [...filterQuery(filter), ['limit', '0']];
  const answer = await ask(session, { method: 'GET', path, query, signal });
  return answer.at('meta').at('total').number();
}

function filterQuery(filter: readonly Filter[] | undefined): [string, string][] {
  return filter === undefined || filter.length === 0 ? [] : [['filter', filterText(filter)]];
}

function listQuery({ filter, sort, limit, pageSize, include }: Query): [string, string][] {
  return [
    ...filterQuery(filter),
    ...(limit === undefined ? [] : [['limit', count(limit, 'limit')] as [string, string]]),
    ...(pageSize === undefined ? [] : [['page_size', count(pageSize, 'pageSize')] as [string, string]]),
    ...(sort ?? []).map((name): [string, string] => ['sort', name]),
    ...includeOf(include),
  ];
}

function count(value: number, name: string): string {
  if (Number.isSafeInteger(value) && value >= 0) return String(value);
  throw new DataError('VALUE_INVALID', `${name}: expected a whole number of 0 or more, got ${value}`, {
    hint: `Leave ${name} out where there is no limit.`,
  });
}

/** Deletes. Gone already is as good as gone, where an earlier try can have done it. */
export async function remove(
  session: Session,
  path: string,
  query: readonly (readonly [string, string])[],
  { signal }: RequestOptions,
): Promise<void> {
  let tried = 0;
  try {
    await session.bytes({ method: 'DELETE', path, query, signal, onTry: (n) => (tried = n) });
  } catch (error) {
    if (tried === 1 || !(error instanceof NotFoundError)) throw error;
  }
}
