/** The line that a failed task gets in the errors file. */
import type { FailureType, TaskErrorInfo } from '../contract/record.js';
import type { JobSpec } from '../contract/spec.js';

export interface FailedTask {
  readonly task: number;
  readonly failure: FailureType;
  /** JSON text of the task's line of arguments. */
  readonly args: string;
  /** Last lines of its output. */
  readonly log: string;
}

/** The user's keys, and ours where they are absent. */
export interface ErrorLine {
  readonly ERROR: unknown;
  readonly ARGS: unknown;
  readonly KWARGS: unknown;
  readonly TASK_ID: unknown;
  readonly FAILURE_TYPE: unknown;
  readonly TYPE: unknown;
  readonly STACK: unknown;
  readonly LOG: unknown;
}

/** An error result: what the function returned (an object with `ERROR`, or text that begins with it). */
export function returnedErrorLine(value: unknown, failed: FailedTask, spec: JobSpec): string {
  const own =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : { ERROR: value };
  return lineOf(own, failed, spec, null, null);
}

/** True for an error result: text that begins with ERROR, an object whose `ERROR` is truthy. */
export function isErrorValue(value: unknown): boolean {
  if (typeof value === 'string') return value.startsWith('ERROR');
  return typeof value === 'object' && value !== null && Boolean((value as { ERROR?: unknown }).ERROR);
}

/** What an error result says, as text. */
export function errorMessage(value: unknown): string {
  const own = typeof value === 'object' && value !== null ? (value as { ERROR?: unknown }).ERROR : value;
  return typeof own === 'string' ? own : JSON.stringify(own);
}

/** An error that was thrown, or that ended the process. */
export function thrownErrorLine(error: TaskErrorInfo, failed: FailedTask, spec: JobSpec): string {
  return lineOf({ ERROR: error.message }, failed, spec, error.type, error.stack ?? null);
}

function lineOf(
  own: Record<string, unknown>,
  failed: FailedTask,
  spec: JobSpec,
  type: string | null,
  stack: string | null,
): string {
  const { args, kwargs } = splitArguments(failed.args, spec.call);
  const ours: ErrorLine = {
    ERROR: null,
    ARGS: args,
    KWARGS: kwargs,
    TASK_ID: failed.task,
    FAILURE_TYPE: failed.failure,
    TYPE: type,
    STACK: stack,
    LOG: failed.log,
  };
  // Key by key, own properties only: `__proto__` may be one of the user's keys.
  const line = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of Object.entries(own)) line[key] = value;
  for (const [key, value] of Object.entries(ours)) if (!Object.hasOwn(line, key)) line[key] = value;
  return JSON.stringify(line);
}

/** `ARGS` and `KWARGS` as `attempt` would give them: a list is args, an object is kwargs, else one argument. */
function splitArguments(text: string, call: JobSpec['call']): { args: unknown; kwargs: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { args: [], kwargs: {} };
  }
  if (call === 'single') {
    const { args, kwargs } = value as { args: unknown; kwargs: unknown };
    return { args, kwargs };
  }
  if (Array.isArray(value)) return { args: value, kwargs: {} };
  if (typeof value === 'object' && value !== null) return { args: [], kwargs: value };
  return { args: [value], kwargs: {} };
}
