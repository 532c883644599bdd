/** Filters, sorting and page cursors of searches. */
import { ApiError } from './http.js';
import { microseconds } from './model.js';

type Value = string | number | boolean | null;

/** An attribute that can be asked for. */
export interface Field<T> {
  readonly type: 'string' | 'number' | 'date' | 'boolean' | 'list';
  readonly get: (item: T) => Value | readonly string[];
  readonly sort?: false;
  readonly filter?: false;
}

export type Fields<T> = Readonly<Record<string, Field<T>>>;
export type Predicate<T> = (item: T) => boolean;

const OPS = new Set(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'prefix']);

const refuse = (where: string, message: string): ApiError =>
  new ApiError(422, 'Validation error', { [where]: [message] });

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function operand(name: string, type: Field<never>['type'], val: unknown): Exclude<Value, null> {
  const wrong = (wanted: string): ApiError =>
    refuse('filter', `${name} is compared with ${wanted}, not with ${JSON.stringify(val)}`);
  switch (type) {
    case 'date': {
      const us = microseconds(val);
      if (us === null) throw wrong('a date');
      return us;
    }
    case 'number':
      if (typeof val !== 'number') throw wrong('a number');
      return val;
    case 'boolean':
      if (typeof val !== 'boolean') throw wrong('a boolean');
      return val;
    case 'string':
    case 'list':
      if (typeof val !== 'string') throw wrong('a string');
      return val;
  }
}

function comparison<T>(expression: Record<string, unknown>, fields: Fields<T>): Predicate<T> {
  const { name, op, val } = expression;
  if (typeof name !== 'string' || !Object.hasOwn(fields, name) || fields[name]?.filter === false) {
    throw refuse('filter', `${JSON.stringify(name) ?? 'nothing'} cannot be filtered by`);
  }
  if (typeof op !== 'string' || !OPS.has(op))
    throw refuse('filter', `no operator ${JSON.stringify(op) ?? 'nothing'}`);
  const extra = Object.keys(expression).find((key) => !['name', 'op', 'val'].includes(key));
  if (extra !== undefined) throw refuse('filter', `unknown key ${extra}`);
  const { type, get } = fields[name]!;
  const wanted = operand(name, type, val);
  if (type === 'list') {
    const of = get as (item: T) => readonly string[];
    switch (op) {
      case 'eq':
        return (item) => of(item).includes(wanted as string);
      case 'ne':
        return (item) => !of(item).includes(wanted as string);
      case 'prefix':
        return (item) => of(item).some((one) => one.startsWith(wanted as string));
      default:
        throw refuse('filter', `${name} knows eq, ne and prefix`);
    }
  }
  const of = get as (item: T) => Value;
  switch (op) {
    case 'eq':
      return (item) => of(item) === wanted;
    case 'ne':
      return (item) => of(item) !== wanted;
    case 'prefix':
      if (type !== 'string') throw refuse('filter', `${name} is no string`);
      return (item) => String(of(item) ?? '').startsWith(wanted as string);
  }
  // Null is in no order with anything.
  const orders: Record<string, (value: Exclude<Value, null>) => boolean> = {
    gt: (value) => value > wanted,
    gte: (value) => value >= wanted,
    lt: (value) => value < wanted,
    lte: (value) => value <= wanted,
  };
  const holds = orders[op]!;
  return (item) => {
    const value = of(item);
    return value !== null && holds(value);
  };
}

function expression<T>(given: unknown, fields: Fields<T>): Predicate<T> {
  if (!isObject(given)) throw refuse('filter', `not an expression: ${JSON.stringify(given)}`);
  for (const join of ['and', 'or'] as const) {
    if (!(join in given)) continue;
    const parts = given[join];
    if (!Array.isArray(parts) || parts.length === 0 || Object.keys(given).length > 1) {
      throw refuse('filter', `"${join}" needs a list of expressions, and stands alone`);
    }
    const all = parts.map((part) => expression(part, fields));
    const oneOf = join === 'or' ? equality(parts, fields) : null;
    if (oneOf !== null) return oneOf;
    return join === 'and' ? (item) => all.every((one) => one(item)) : (item) => all.some((one) => one(item));
  }
  return comparison(given, fields);
}

/** `x eq a or x eq b …`, which is what most lists ask: one look instead of many. The parts are known to be right. */
function equality<T>(parts: readonly unknown[], fields: Fields<T>): Predicate<T> | null {
  const all = parts as { name?: string; op?: string; val?: unknown }[];
  const name = all[0]?.name ?? '';
  if (!all.every((part) => part.name === name && part.op === 'eq')) return null;
  const { type, get } = fields[name]!;
  if (type === 'list') return null;
  const wanted = new Set(all.map((part) => operand(name, type, part.val)));
  return (item) => wanted.has((get as (item: T) => Exclude<Value, null>)(item));
}

/** @param list the JSON of `filter`: a list whose expressions must all hold */
export function predicate<T>(list: unknown, fields: Fields<T>): Predicate<T> {
  if (list === undefined || list === null) return () => true;
  if (!Array.isArray(list)) throw refuse('filter', 'Must be a list of expressions');
  const all = list.map((one) => expression(one, fields));
  if (all.length === 1) return all[0]!;
  return (item) => {
    for (const one of all) if (!one(item)) return false;
    return true;
  };
}

export interface SortKey<T> {
  readonly name: string;
  readonly get: (item: T) => Value;
  readonly down: boolean;
}

export function sortKeys<T>(words: readonly string[], fields: Fields<T>): SortKey<T>[] {
  return words.map((word) => {
    const down = word.startsWith('-');
    const name = down ? word.slice(1) : word;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined || field.sort === false)
      throw refuse('sort', `${JSON.stringify(name)} cannot be sorted by`);
    return { name, get: field.get as (item: T) => Value, down };
  });
}

/** Nothing comes last, whatever the direction. */
function order(a: Value, b: Value, down: boolean): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b === down ? 1 : -1;
}

export const valuesOf = <T>(item: T, keys: readonly SortKey<T>[]): Value[] =>
  keys.map((key) => key.get(item));

export function compareValues<T>(
  a: readonly Value[],
  b: readonly Value[],
  keys: readonly SortKey<T>[],
): number {
  for (let i = 0; i < keys.length; i++) {
    const by = order(a[i]!, b[i]!, keys[i]!.down);
    if (by !== 0) return by;
  }
  return 0;
}

export function compareItems<T>(a: T, b: T, keys: readonly SortKey<T>[]): number {
  for (const key of keys) {
    const by = order(key.get(a), key.get(b), key.down);
    if (by !== 0) return by;
  }
  return 0;
}

/** What a cursor says: nobody but the server reads it. */
export interface Cursor {
  readonly path: string;
  readonly filter: unknown;
  readonly sort: readonly string[];
  readonly include: readonly string[];
  readonly size: number;
  /** What `limit` leaves. */
  readonly left: number | null;
  readonly given: number;
  readonly after: readonly Value[] | null;
}

export const cursorText = (cursor: Cursor): string =>
  Buffer.from(JSON.stringify(cursor)).toString('base64url');

export function readCursor(text: string, path: string): Cursor {
  try {
    const cursor = JSON.parse(Buffer.from(text, 'base64url').toString()) as Cursor;
    if (cursor.path === path) return cursor;
  } catch {
    // Said below.
  }
  throw refuse('page_cursor', 'Not a cursor of this list');
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** One page of those that match, which `keys` order fully. */
export function page<T>(
  matching: T[],
  keys: readonly SortKey<T>[],
  query: Cursor,
  mode: 'keys' | 'offset',
): Page<T> {
  matching.sort((a, b) => compareItems(a, b, keys));
  let from = query.given;
  if (mode === 'keys') {
    const { after } = query;
    from = 0;
    if (after !== null) {
      let high = matching.length;
      while (from < high) {
        const middle = (from + high) >> 1;
        if (compareValues(valuesOf(matching[middle]!, keys), after, keys) > 0) high = middle;
        else from = middle + 1;
      }
    }
  }
  const size = Math.min(query.size, query.left ?? Infinity);
  const items = matching.slice(from, from + size);
  const left = query.left === null ? null : query.left - items.length;
  const more = from + items.length < matching.length && left !== 0;
  const last = items.at(-1);
  const next =
    more && last !== undefined
      ? cursorText({ ...query, left, given: query.given + items.length, after: valuesOf(last, keys) })
      : null;
  return { items, next };
}
