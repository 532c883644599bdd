import type { FailureType } from '../contract/record.js';
import type { JobSpec } from '../contract/spec.js';
import type { ResultsOptions, TaskResultRow } from '../outputs/results.js';

/** `finished`: every task has an outcome. `interrupted`: stopped by a signal; what was left can be run later. */
export type RunStatus = 'finished' | 'interrupted';

/** What {@link DLJob.run} resolves to. A task that failed is counted, never thrown. */
export interface RunSummary<R = unknown> {
  /** Of the run: the name of its folder. */
  readonly id: string;
  /** Of the job. */
  readonly name: string;
  /** The job as plain data, with the settings in force. */
  readonly spec: JobSpec;
  /** How the run ended; see {@link RunStatus}. */
  readonly status: RunStatus;
  /** Tasks, and lines of results. */
  readonly counts: {
    /** Tasks of the run; null when the argument list did not end. */
    readonly total: number | null;
    /** Tasks with an outcome, ok or not. */
    readonly done: number;
    /** Tasks that succeeded. */
    readonly ok: number;
    /** Tasks that failed. */
    readonly errors: number;
    /** Lines of results. */
    readonly results: number;
  };
  /** Failed tasks by failure type, those that occur. */
  readonly failures: Partial<Record<FailureType, number>>;
  /** Absolute. Null: not wanted, or there was nothing to write. */
  readonly paths: {
    readonly run: string;
    readonly results: string | null;
    readonly errors: string | null;
    readonly log: string | null;
  };
  /** Files of earlier runs that had the same fixed name: where they are now. */
  readonly moved: readonly string[];
  /** Of the whole run, milliseconds. */
  readonly durationMs: number;
  /** Of single tasks, milliseconds, within 5 %; null when none ended. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  /** True: something did not go as asked (a task failed, or the run was interrupted). */
  readonly failed: boolean;
  /** The ok tasks with their values, read from the run folder. */
  results(options?: ResultsOptions): AsyncIterableIterator<TaskResultRow<R>>;
}
