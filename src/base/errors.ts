/**
 * Every mistake a user can make has a class, a stable code and a next step.
 * Codes are listed once here; `docs/errors.md` is checked against this table, and a code is never reused.
 */

/** Stable code of an error, with the exit code a command ends with when it is thrown. */
export const ERROR_CODES = {
  USAGE: 2,
  UNKNOWN_OPTION: 2,
  CONFIG_INVALID: 2,
  CONFIG_EXISTS: 2,
  FILE_EXISTS: 2,
  JOB_FUNCTION_NOT_FOUND: 2,
  JOB_INVALID: 2,
  MODULE_NOT_FOUND: 2,
  MODULE_AMBIGUOUS: 2,
  MODULE_LOAD_FAILED: 2,
  TASK_FUNCTION_NOT_FOUND: 2,
  ARGS_INVALID: 2,
  NDJSON_MALFORMED: 2,
  PLATFORM_UNKNOWN: 2,
  VALUE_INVALID: 2,
  HOST_START_FAILED: 3,
  PYTHON_NOT_FOUND: 3,
  WORKERS_FAILED: 3,
  SLURM_MISSING: 3,
  SLURM_REJECTED: 2,
  SLURM_UNREACHABLE: 3,
  EARTHONE_UNSUPPORTED: 2,
  BUNDLE_INVALID: 2,
  CONTAINER_UNAVAILABLE: 3,
  IMAGE_UNAVAILABLE: 3,
  CONTAINER_FAILED: 3,
  STORE_FAILED: 3,
  JOURNAL_DAMAGED: 3,
  RUN_NOT_FOUND: 2,
  RUN_AMBIGUOUS: 2,
  RUN_STATE: 2,
  RUN_VERSION: 3,
  RUN_LOCKED: 3,
  ARGS_CHANGED: 2,
  ARGS_UNFINISHED: 2,
  ENV_MISSING: 2,
  TASK_NOT_FOUND: 2,
  ENV_BUILD_FAILED: 3,
  EARTHONE_BUILD_FAILED: 3,
  EARTHONE_JOBS_GONE: 3,
  EARTHONE_CREDENTIALS: 2,
  EARTHONE_REJECTED: 2,
  EARTHONE_UNREACHABLE: 3,
  EARTHONE_ANSWER: 3,
} as const satisfies Record<string, 2 | 3>;

/** One of the codes of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** What an error says: what is wrong, what was expected and got, what to do next. */
export interface ErrorDetails {
  /** What to do next, a full sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const BRAND = Symbol.for('dl-jobs.error');

/**
 * An error that a user caused or can mend. The command line prints `message` and `hint` without a stack;
 * anything else that is thrown is a bug and is printed with its stack.
 */
export class DlJobsError extends Error {
  /** Stable, documented in `docs/errors.md`. */
  readonly code: ErrorCode;
  /** What to do next, as a sentence. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    Object.defineProperty(this, BRAND, { value: true });
    this.code = code;
    this.hint = details.hint;
  }

  /** Also true of an error that another copy of this package in the process threw. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== DlJobsError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return value instanceof Error && BRAND in value;
  }

  /** The exit code a command ends with: 2 for usage and configuration, 3 for the infrastructure. */
  get exitCode(): 2 | 3 {
    return ERROR_CODES[this.code];
  }
}

/** The command line, or the arguments of a function, cannot be understood. */
export class UsageError extends DlJobsError {}
/** The configuration file, an environment variable or a setting is wrong. */
export class ConfigError extends DlJobsError {}
/** A job definition is wrong, or a task function or module cannot be found or loaded. */
export class JobError extends DlJobsError {}
/** A data file or a value in it is malformed. */
export class DataError extends DlJobsError {}
/** Something we stand on failed: the disk, an interpreter, a scheduler, a lock. */
export class InfrastructureError extends DlJobsError {}

/** `value` as an error message shows it: JSON where that is possible, cut to 80 characters, with its type. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? Object.prototype.toString.call(value);
  } catch {
    text = typeof value === 'bigint' ? String(value) : Object.prototype.toString.call(value);
  }
  if (text.length > 80) text = `${text.slice(0, 77)}...`;
  return `${text} (${Array.isArray(value) ? 'array' : typeof value})`;
}
