/**
 * Wrappers of task functions: `asJson(attempt(expandArgs(f)))` is the usual order.
 * The Python guest has the same three (`python/dl_jobs/decorators.py`); `test/cases/decorators.json` holds both to it.
 */
import { isThenable } from './thenable.js';
import { truthy } from './helpers.js';
import { isPlainObject } from './plain-object.js';
import { toJson } from './value-json.js';

/** Set to true on a function whose single argument is spread into its parameters. Shared between copies of the package. */
export const EXPANDING: unique symbol = Symbol.for('dl-jobs.expandArgs');
declare const INNER: unique symbol;

/** Any function. */
export type AnyFunction = (...args: never[]) => unknown;

type PlainElement<P extends readonly unknown[]> = Exclude<P[0], readonly unknown[] | undefined>;
type Keywords<P extends readonly unknown[]> = Extract<Exclude<P[number], readonly unknown[]>, object>;

/** A function made by {@link expandArgs} from `F`: it takes a list, an object, or a list and an object. */
export interface Expanding<F extends AnyFunction> {
  /** The list and the object of keywords of a single-task job. */
  (args: Readonly<Partial<Parameters<F>>>, kwargs: Partial<Keywords<Parameters<F>>>): ReturnType<F>;
  /** One element of an argument list: a list is spread, anything else is the single argument. */
  (element: Readonly<Parameters<F>> | PlainElement<Parameters<F>>): ReturnType<F>;
  readonly [EXPANDING]: true;
  /** Types only: there is no such property. */
  readonly [INNER]?: F;
}

/** What an element of the argument list of a job over `F` may be. */
export type TaskElement<F> =
  F extends Expanding<infer G>
    ? Readonly<Parameters<G>> | PlainElement<Parameters<G>>
    : F extends AnyFunction
      ? Parameters<F>[0]
      : unknown;

/** The `args` of a single-task job of `F`: its parameters, or the first of them. */
export type TaskArgs<F> =
  F extends Expanding<infer G>
    ? Readonly<Partial<Parameters<G>>>
    : F extends AnyFunction
      ? Readonly<Partial<Parameters<F>>>
      : readonly unknown[];

/** The `kwargs` of a single-task job of `F`: what its object parameters take. */
export type TaskKwargs<F> =
  F extends Expanding<infer G>
    ? Partial<Keywords<Parameters<G>>>
    : F extends AnyFunction
      ? Partial<Keywords<Parameters<F>>>
      : Readonly<Record<string, unknown>>;

/** What `F` returns. */
export type TaskResult<F> =
  F extends Expanding<infer G> ? ReturnType<G> : F extends AnyFunction ? ReturnType<F> : unknown;

/** What {@link attempt} returns in place of an error that was thrown. */
export interface AttemptError {
  /** The message of the error; never empty. */
  ERROR: string;
  ARGS: unknown[];
  KWARGS: Record<string, unknown>;
}

/** `F` with another result; an expanding function stays one. */
export type WithResult<F, R> =
  F extends Expanding<infer G>
    ? Expanding<(...args: Parameters<G>) => R>
    : F extends AnyFunction
      ? (...args: Parameters<F>) => R
      : never;

/** The result of {@link attempt} of a function that returns `R`. */
export type Attempted<R> = [R] extends [never]
  ? AttemptError
  : R extends PromiseLike<infer T>
    ? Promise<T | AttemptError>
    : R | AttemptError;

/** The result of {@link asJson} of a function that returns `R`. */
export type Jsoned<R> = [R] extends [never]
  ? never
  : R extends PromiseLike<unknown>
    ? Promise<string>
    : string;

/** A function made by {@link asJson}: text, unless `return_as_dict` asks for the value itself. */
export type AsJson<F> = ((
  ...args: [...unknown[], { readonly return_as_dict: true; readonly [key: string]: unknown }]
) => TaskResult<F>) &
  WithResult<F, Jsoned<TaskResult<F>>>;

/** True when `f`, or what it wraps, was made by {@link expandArgs}. */
export function isExpanding(f: unknown): f is Expanding<AnyFunction> {
  return typeof f === 'function' && (f as unknown as Record<symbol, unknown>)[EXPANDING] === true;
}

/**
 * A function of one argument made from `f`: a list is spread into the parameters, an object is passed as the single
 * keyword object, and anything else as it is. Called with a list and an object it calls
 * `f(...list, object)`, without the object when that is empty. Other calls reach `f` unchanged.
 *
 * ```ts
 * export const segment = expandArgs((x: number, y: number, options: { zoom?: number } = {}) => ...);
 * new DLJob({ moduleName: 'tiles', methodName: 'segment', argsList: [[1, 2], [3, 4, { zoom: 5 }]] });
 * ```
 */
export function expandArgs<F extends AnyFunction>(f: F): Expanding<F> {
  const wrapper = function (this: unknown, ...given: unknown[]): unknown {
    return Reflect.apply(f, this, spread(given));
  };
  Object.defineProperty(wrapper, EXPANDING, { value: true });
  return dress(wrapper, f) as unknown as Expanding<F>;
}

/**
 * A function that returns `{ ERROR, ARGS, KWARGS }` where `f` throws or rejects; such a value makes the task an
 * error result. A function that returns no promise stays one.
 *
 * `ARGS` and `KWARGS` are the arguments of the call: the element in `ARGS`, or the list and the object of
 * a single-task job. An object after other arguments counts as the keywords.
 */
export function attempt<F extends AnyFunction>(f: F): WithResult<F, Attempted<TaskResult<F>>> {
  const wrapper = function (this: unknown, ...given: unknown[]): unknown {
    const failed = (error: unknown): AttemptError => ({
      ERROR: messageOf(error),
      ...callOf(given, isExpanding(f)),
    });
    try {
      const result = Reflect.apply(f, this, given) as unknown;
      return isThenable(result) ? Promise.resolve(result).catch(failed) : result;
    } catch (error) {
      return failed(error);
    }
  };
  return dress(wrapper, f) as unknown as WithResult<F, Attempted<TaskResult<F>>>;
}

/**
 * A function that returns what `f` returns as JSON text: a string passes as it is, `null` and `undefined`
 * become `'{}'`. An entry `return_as_dict` of the first or the last object among the arguments is taken out of
 * (a copy of) it; where it is true the value is returned as it is.
 *
 * @throws (the function it returns) DataError VALUE_INVALID when JSON cannot hold the result.
 */
export function asJson<F extends AnyFunction>(f: F): AsJson<F> {
  const wrapper = function (this: unknown, ...given: unknown[]): unknown {
    const { args, asDict } = takeAsDict(given);
    const result = Reflect.apply(f, this, args) as unknown;
    if (asDict) return result;
    return isThenable(result) ? Promise.resolve(result).then(textOf) : textOf(result);
  };
  return dress(wrapper, f) as unknown as AsJson<F>;
}

/** The wrapper with the name and the mark of what it wraps. */
function dress(
  wrapper: (...args: unknown[]) => unknown,
  inner: AnyFunction,
): (...args: unknown[]) => unknown {
  Object.defineProperty(wrapper, 'name', { value: inner.name, configurable: true });
  if (isExpanding(inner) && !isExpanding(wrapper)) Object.defineProperty(wrapper, EXPANDING, { value: true });
  return wrapper;
}

/** The list and the object of the two-argument form, or undefined. */
function listAndObject(given: readonly unknown[]): [unknown[], Record<string, unknown>] | undefined {
  const [list, object] = given;
  if (given.length !== 2 || !isPlainObject(object)) return undefined;
  if (list === undefined || list === null) return [[], object];
  return Array.isArray(list) ? [list, object] : undefined;
}

function spread(given: unknown[]): unknown[] {
  if (given.length === 1 && Array.isArray(given[0])) return given[0];
  const pair = listAndObject(given);
  if (pair === undefined) return given;
  const [list, object] = pair;
  return Object.keys(object).length === 0 ? list : [...list, object];
}

function callOf(given: unknown[], expanding: boolean): Pick<AttemptError, 'ARGS' | 'KWARGS'> {
  const pair = expanding ? listAndObject(given) : undefined;
  if (pair !== undefined) return { ARGS: pair[0], KWARGS: pair[1] };
  const last = given.at(-1);
  if (given.length > 1 && isPlainObject(last)) return { ARGS: given.slice(0, -1), KWARGS: last };
  return { ARGS: given, KWARGS: {} };
}

function takeAsDict(given: unknown[]): { args: unknown[]; asDict: boolean } {
  for (const index of [given.findIndex(isPlainObject), given.findLastIndex(isPlainObject)]) {
    const object = given[index];
    if (!isPlainObject(object) || !Object.hasOwn(object, 'return_as_dict')) continue;
    const { return_as_dict: wish, ...rest } = object;
    // Keywords that hold nothing else would not have been passed at all.
    const args =
      index > 0 && index === given.length - 1 && Object.keys(rest).length === 0
        ? given.slice(0, index)
        : given.with(index, rest);
    return { args, asDict: typeof wish === 'string' ? truthy(wish) : Boolean(wish) };
  }
  return { args: given, asDict: false };
}

function textOf(result: unknown): string {
  if (typeof result === 'string') return result;
  return result === null || result === undefined ? '{}' : toJson(result);
}

/** Never empty, because an empty `ERROR` would make a failed task a good one. */
function messageOf(error: unknown): string {
  try {
    if (error instanceof Error) return String(error.message) || error.name || 'Error';
    const message: unknown =
      typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : undefined;
    if (typeof message === 'string' && message !== '') return message;
    return String(error) || 'Error';
  } catch {
    return 'Error';
  }
}
