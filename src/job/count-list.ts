/** How long an argument list is, found out by going through it once. */
import { argumentLine, listThrew } from './argument-list.js';
import type { FirstArguments } from './first-source.js';

/** A list may have no end, and need minutes for each element. */
const MOST_ELEMENTS = 1_000_000;
const MOST_MS = 10_000;
/** Elements of a list that gives them at once are taken in such steps: between them signals are heard. */
const STEP = 1_024;

export interface ListLength {
  readonly tasks: number;
  /** Of the arguments as they travel; null: a count needs none, or not all were seen. */
  readonly bytes: number | null;
  /** Null: it has ended. Else why it was followed no further: it has that many tasks, or more. */
  readonly unfinished: string | null;
}

/**
 * Goes through `list`, which cannot be used for anything else afterwards.
 *
 * Throws ARGS_INVALID for an element that JSON cannot hold, and what the list throws.
 *
 * @param limit - only so many elements count; null: all
 */
export async function countList(
  list: FirstArguments,
  limit: number | null,
  signal: AbortSignal,
): Promise<ListLength> {
  if (list.kind === 'single') return { tasks: 1, bytes: Buffer.byteLength(list.line) + 1, unfinished: null };
  if (list.kind === 'count')
    return { tasks: Math.min(list.count, limit ?? Infinity), bytes: null, unfinished: null };
  const { elements } = list;
  /** What it says of itself. */
  const length = list.kind === 'sync' && list.length !== null ? Math.min(list.length, limit ?? Infinity) : 0;
  const most = Math.min(limit ?? Infinity, MOST_ELEMENTS);
  const deadline = performance.now() + MOST_MS;
  let tasks = 0;
  let bytes = 0;
  const end = (unfinished: string | null): ListLength => {
    if (unfinished !== null || tasks === limit) letGo(elements);
    return { tasks: Math.max(tasks, length), bytes: unfinished === null ? bytes : null, unfinished };
  };
  while (tasks < most) {
    if (signal.aborted) return end('it was interrupted');
    if (performance.now() >= deadline) return end(`it took longer than ${MOST_MS / 1_000} seconds`);
    let next: IteratorResult<unknown> | null;
    try {
      next = list.kind === 'sync' ? list.elements.next() : await withinTime(list.elements, deadline, signal);
    } catch (error) {
      throw listThrew(error, tasks);
    }
    if (next === null) continue;
    if (next.done === true) return end(null);
    bytes += Buffer.byteLength(argumentLine(next.value, tasks)) + 1;
    tasks++;
    if (tasks % STEP === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return end(tasks === limit ? null : `only ${MOST_ELEMENTS.toLocaleString('en')} elements are counted`);
}

/** Null: it was not there before `deadline`. */
async function withinTime(
  elements: AsyncIterator<unknown>,
  deadline: number,
  signal: AbortSignal,
): Promise<IteratorResult<unknown> | null> {
  let stop = (): void => undefined;
  const late = new Promise<null>((resolve) => {
    const timer = setTimeout(() => resolve(null), deadline - performance.now());
    const wake = (): void => resolve(null);
    signal.addEventListener('abort', wake);
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
    };
  });
  try {
    return await Promise.race([elements.next(), late]);
  } finally {
    stop();
  }
}

/** A generator gets to run its `finally`. An async one may be waiting for something, and is not waited for. */
function letGo(elements: Iterator<unknown> | AsyncIterator<unknown>): void {
  try {
    void Promise.resolve(elements.return?.()).catch(() => undefined);
  } catch {
    // It threw while it ended; nobody needs it any more.
  }
}
