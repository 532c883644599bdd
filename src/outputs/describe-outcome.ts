/** How an attempt ended, in words. */
import type { TaskErrorInfo } from '../contract/record.js';
import { isErrorValue } from './error-line.js';
import { errorMessage } from './error-line.js';
import type { TaskEnd } from './find-task.js';
import { fromLatin1 } from './output-file.js';

/** Longer messages are cut. */
const LONGEST = 2_000;

/** `exception: RangeError: too small`, then the stack if there is one. */
export function describeFailure({ failure, json }: Pick<TaskEnd, 'failure' | 'json'>): string {
  if (failure === null) return 'ok';
  const value = JSON.parse(fromLatin1(json)) as unknown;
  if (failure === 'returned') return `${failure}: ${cut(errorMessage(firstError(value)))}`;
  const { type, message, stack } = value as TaskErrorInfo;
  const what = `${type}: ${message}`;
  // Mostly the stack begins with the error itself.
  return `${failure}: ${stack === undefined ? cut(what) : stack.includes(message) ? stack : `${cut(what)}\n${stack}`}`;
}

/** What made a list an error result: its first element that is one. */
function firstError(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.find(isErrorValue) ?? value;
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
