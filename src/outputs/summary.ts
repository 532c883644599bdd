import type { FailureType } from '../contract/record.js';
import type { JobSpec } from '../contract/spec.js';
import type { ResultsOptions, TaskResultRow } from '../outputs/results.js';

/**
 * How a round ended. `finished`: every task of the run has an outcome. `interrupted`: by a signal. `stopped`: by a rule
 * of the job (`max_failures`, `fail_fast`), or because only a part was asked for (`sample`, `retry`). `canceled`: by
 * `cancel`. What is left can be run later with `resume`. `running`: it goes on, on its platform, and is not watched any
 * more.
 */
export type EndStatus = 'finished' | 'interrupted' | 'stopped' | 'canceled' | 'running';

/** What {@link DLJob.run} resolves to. A task that failed is counted, never thrown. */
export interface RunSummary<R = unknown> {
  /** Of the run: the name of its folder. */
  readonly id: string;
  /** Of the job. */
  readonly name: string;
  /** The job as plain data, with the settings in force. */
  readonly spec: JobSpec;
  /** How it ended; see {@link EndStatus}. */
  readonly status: EndStatus;
  /** Why it was stopped; null when it was not. */
  readonly reason: string | null;
  /** Which go at the run's work this was, from 1. */
  readonly round: number;
  /** Hash of the code that the tasks ran, and whether it was taken anew for this round. */
  readonly code: { readonly hash: string; readonly isNew: boolean };
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
