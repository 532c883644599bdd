/** What a task returned or threw, as the part of its `end` record that says how it ended. */
import type { FailureType, TaskErrorInfo } from '../contract/record.js';
import { InvalidValueError, toJson } from '../base/value-json.js';

/** `s` and `ft` of the record, and the text of its last key. */
export interface Outcome {
  readonly failure: FailureType | null;
  /** `value` or `error`. */
  readonly key: 'value' | 'error';
  readonly json: string;
  /** The task will be tried again. */
  readonly again?: boolean;
}

const OK_NULL: Outcome = { failure: null, key: 'value', json: 'null' };

/** The outcome of a task that returned `value`: see design "Results" in docs/tasks.md. */
export function outcomeOfValue(value: unknown, grouped: boolean): Outcome {
  if (value === undefined || value === null) return OK_NULL;
  try {
    if (!grouped && Array.isArray(value)) return outcomeOfList(value);
    const item = itemOf(value);
    if (!grouped && item.parsed !== undefined && Array.isArray(item.parsed))
      return outcomeOfList(item.parsed);
    return { failure: item.isError ? 'returned' : null, key: 'value', json: item.json };
  } catch (error) {
    return invalidOutcome(error);
  }
}

/** With `grouped_results` false each element stands for itself: one error element makes the task an error. */
function outcomeOfList(list: readonly unknown[]): Outcome {
  let failed = false;
  const parts: string[] = new Array<string>(list.length);
  for (let i = 0; i < list.length; i++) {
    let item: Item;
    try {
      item = itemOf(list[i]);
    } catch (error) {
      throw error instanceof InvalidValueError ? atElement(error, i) : error;
    }
    failed ||= item.isError;
    parts[i] = item.json;
  }
  return { failure: failed ? 'returned' : null, key: 'value', json: `[${parts.join(',')}]` };
}

function atElement(error: InvalidValueError, index: number): Error {
  error.message = error.message.replace(/^result/, `result[${index}]`);
  return error;
}

interface Item {
  readonly json: string;
  readonly isError: boolean;
  /** Set when the item was text of a JSON list. */
  readonly parsed?: unknown;
}

function itemOf(value: unknown): Item {
  if (typeof value === 'string') return itemOfText(value);
  return { json: toJson(value), isError: isErrorObject(value) };
}

function itemOfText(text: string): Item {
  if (text.startsWith('ERROR')) return { json: JSON.stringify(text), isError: true };
  const first = text.trimStart().charCodeAt(0);
  if (first === 123 || first === 91) {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return { json: JSON.stringify(text), isError: false };
    }
    // The user's own text is kept where it stands in one line: numbers beyond 2^53 survive.
    const line = text.trim();
    const json = /[\n\r\u2028\u2029]/.test(line) ? JSON.stringify(parsed) : line;
    return { json, isError: isErrorObject(parsed), parsed };
  }
  return { json: JSON.stringify(text), isError: false };
}

function isErrorObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if (value instanceof Map) return Boolean(value.get('ERROR'));
  return Boolean((value as { ERROR?: unknown }).ERROR);
}

function invalidOutcome(error: unknown): Outcome {
  const info: TaskErrorInfo =
    error instanceof InvalidValueError
      ? { type: error.name, message: error.message }
      : // A getter or toJSON of the user's threw.
        { type: 'InvalidResult', message: `result: cannot be written as JSON: ${String(error)}` };
  return { failure: 'invalid', key: 'error', json: JSON.stringify(info) };
}

/** The outcome of a task that threw `error`; `cleanStack` maps a stack to the user's own files. */
export function outcomeOfError(error: unknown, cleanStack: (stack: string) => string): Outcome {
  // asJson met what JSON cannot hold; by name, since user code may have a copy of the class of its own.
  const invalid = error instanceof Error && error.name === 'InvalidResult';
  return {
    failure: invalid ? 'invalid' : 'exception',
    key: 'error',
    json: JSON.stringify(errorInfo(error, cleanStack)),
  };
}

/** Type, message and stack of anything that can be thrown. Never throws itself. */
export function errorInfo(error: unknown, cleanStack: (stack: string) => string): TaskErrorInfo {
  try {
    if (error instanceof Error) {
      const name = error.constructor.name || error.name;
      return {
        type: name === 'Error' && error.name ? error.name : name,
        message: String(error.message),
        stack: cleanStack(stackOf(error, 0)),
      };
    }
    return {
      type: typeof error,
      message: typeof error === 'string' ? error : (safeJson(error) ?? String(error)),
    };
  } catch {
    return { type: 'Error', message: 'an error that cannot be shown: reading it threw' };
  }
}

function safeJson(value: unknown): string | undefined {
  try {
    return toJson(value);
  } catch {
    return undefined;
  }
}

function stackOf(error: Error, depth: number): string {
  const own = typeof error.stack === 'string' ? error.stack : `${error.name}: ${error.message}`;
  if (error.cause === undefined || depth >= 5) return own;
  const cause =
    error.cause instanceof Error ? stackOf(error.cause, depth + 1) : (safeJson(error.cause) ?? '');
  return `${own}\nCaused by: ${cause}`;
}
