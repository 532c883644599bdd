/** Conditions on functions and jobs, and their JSON. */
import { DataError } from '../../../base/errors.js';
import { isPlainObject } from '../../../base/plain-object.js';
import { jsonText } from './json.js';
import type { Filter } from './types.js';

type Comparison = Extract<Filter, { readonly op: string }>['op'];

const comparison =
  (op: Comparison) =>
  (name: string, val: unknown): Filter => ({ name, op, val });

/** Builds filters: `where.and(where.eq('status', 'failure'), where.in('tags', ['a', 'b']))`. */
export const where = {
  eq: comparison('eq'),
  ne: comparison('ne'),
  gt: comparison('gt'),
  gte: comparison('gte'),
  lt: comparison('lt'),
  lte: comparison('lte'),
  prefix: (name: string, val: string): Filter => ({ name, op: 'prefix', val }),

  /** Any of the values; at least one. */
  in(name: string, values: Iterable<unknown>): Filter {
    return where.or(...Array.from(values, (val) => where.eq(name, val)));
  },

  /** At least one filter; a single one stands for itself. */
  and(...filters: readonly Filter[]): Filter {
    return filters.length === 1 ? filters[0]! : { and: some(filters, 'and') };
  },

  or(...filters: readonly Filter[]): Filter {
    return filters.length === 1 ? filters[0]! : { or: some(filters, 'or') };
  },

  /** Between the limits that are given; `gt` and `lt` leave the limit itself out. */
  range(
    name: string,
    limits: { readonly gt?: unknown; readonly gte?: unknown; readonly lt?: unknown; readonly lte?: unknown },
  ): Filter {
    const ops = ['gt', 'gte', 'lt', 'lte'] as const;
    const set = ops.filter((op) => limits[op] !== undefined);
    return where.and(...set.map((op) => where[op](name, limits[op])));
  },
} as const;

/** Without any, `or` would match nothing and `and` everything, or whatever a server makes of them. */
function some(filters: readonly Filter[], op: string): readonly Filter[] {
  if (filters.length > 0) return filters;
  throw new DataError('VALUE_INVALID', `${op}: expected one condition or more, got none`, {
    hint: 'Leave the filter out, or skip the request, where there is nothing to look for.',
  });
}

/** The list that is sent: what is joined by `and` stands in it one by one. Keys are sorted, dates are text. */
export function filterList(filters: readonly Filter[]): readonly unknown[] {
  return filters.flatMap(flat).map(sorted);
}

/** The same as it stands in an address. */
export function filterText(filters: readonly Filter[]): string {
  return jsonText(filterList(filters));
}

/** A range stays together, as the official client sends it. */
function flat(filter: Filter): readonly Filter[] {
  if (!('and' in filter)) return [filter];
  const parts = some(filter.and, 'and');
  const [first] = parts;
  const isRange =
    parts.length === 2 &&
    first !== undefined &&
    parts.every(
      (part) => 'op' in part && /^[gl]te?$/.test(part.op) && 'name' in first && part.name === first.name,
    );
  return isRange ? [filter] : parts.flatMap(flat);
}

function sorted(value: unknown): unknown {
  if (value instanceof Date) return dateText(value);
  if (Array.isArray(value)) return value.map(sorted);
  if (!isPlainObject(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

/** `2026-01-01T00:00:00+00:00`, with a fraction where there is one. */
export function dateText(date: Date): string {
  if (Number.isNaN(date.getTime()))
    throw new DataError('VALUE_INVALID', 'expected a date, got one that is invalid', {
      hint: 'Check what it was made of.',
    });
  const [seconds = '', rest = ''] = date.toISOString().split('.');
  const ms = rest.slice(0, 3);
  return `${seconds}${ms === '000' ? '' : `.${ms}000`}+00:00`;
}
