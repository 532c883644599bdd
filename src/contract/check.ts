/** One thing that `dl_jobs doctor` looked at. */
import type { JobSpec } from './spec.js';

export interface Check {
  /** What was looked at, in a word or two; unique. */
  readonly name: string;
  /** `warning`: it works, but may surprise. `failed`: it must be mended before jobs can run. */
  readonly state: 'ok' | 'warning' | 'failed';
  /** What was found, in one line. */
  readonly text: string;
  /** What to do about it, a full sentence. */
  readonly hint?: string;
}

/** What a platform is told to look at itself with. */
export interface CheckupContext {
  /** A job that does nothing, with the settings of the project. */
  readonly spec: JobSpec;
  /** Folder of the records of runs, absolute; it is there, and can be written. Null: it cannot. */
  readonly dlsRoot: string | null;
  readonly projectRoot: string;
  /** Whether something may be started on the platform, to see whether it works there. */
  readonly probe: boolean;
  /** What was started is given up when it still waits after this long. */
  readonly waitMs: number;
  /** Aborted: nothing more is looked at, and what was started is ended. */
  readonly signal: AbortSignal;
}

export function ok(name: string, text: string): Check {
  return { name, state: 'ok', text };
}

export function warning(name: string, text: string, hint: string): Check {
  return { name, state: 'warning', text, hint };
}

export function failed(name: string, text: string, hint: string): Check {
  return { name, state: 'failed', text, hint };
}
