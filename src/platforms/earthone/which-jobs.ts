/** Filters for the jobs that a run asks about. */
import { where } from './api/filters.js';
import type { Filter } from './api/types.js';

/** Those of a function; with `tag`, of them those that have it. */
export function jobsOf(functionId: string, tag?: string): Filter[] {
  const ofFunction = where.eq('function_id', functionId);
  return tag === undefined ? [ofFunction] : [ofFunction, where.eq('tags', tag)];
}
