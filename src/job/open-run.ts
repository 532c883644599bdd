/** A run as scripts see it, whoever started it and whether or not it goes on. */
import { resolve } from 'node:path';
import { loadSettings } from '../config/load.js';
import type { JobSpec } from '../contract/spec.js';
import { checkTask } from '../outputs/known-task.js';
import { fromLatin1 } from '../outputs/output-file.js';
import { readResults, type ResultsOptions, type TaskResultRow } from '../outputs/results.js';
import { readErrors, type TaskErrorRow } from '../outputs/run-errors.js';
import { viewRun, type RunState } from '../outputs/run-state.js';
import { storedSummary } from '../outputs/stored-summary.js';
import type { RunSummary } from '../outputs/summary.js';
import { taskOutput } from '../outputs/task-output.js';
import { findRun } from '../store/find-run.js';
import { readRun } from '../store/run-folder.js';
import { cancelRun } from './cancel-run.js';
import { dlsRootOf } from './prepare.js';
import { resumeRuns, retryRun, type ResumeOptions, type RetryOptions } from './resume.js';

/** What {@link openRun} gives. Each call reads the run folder as it is at that moment. */
export interface OpenRun<R = unknown> {
  /** Name of the run's folder. */
  readonly id: string;
  /** The run's folder, absolute. */
  readonly dir: string;
  /** The job as plain data, as the run was started. */
  readonly spec: JobSpec;
  /** Counts, times, failures, what the workers are doing. */
  status(): Promise<RunState>;
  /** The ok tasks with their values; while the run goes on, those that there are now. */
  results(options?: ResultsOptions): AsyncIterableIterator<TaskResultRow<R>>;
  /** The lines of the errors file as objects. */
  errors(): AsyncIterableIterator<TaskErrorRow>;
  /**
   * What a task wrote to stdout and stderr, of all its attempts; what it has written so far if it runs, unless the job
   * has secrets that are masked when it ends.
   */
  logs(task: number): Promise<string>;
  /**
   * Ends the run and waits until its controller has let go of it; at once when nothing runs. Tasks that were running
   * get no outcome, so the run can be resumed.
   */
  cancel(): Promise<void>;
  /** Runs what is left, in this process. Resolves to the run's summary, also when nothing was left. */
  resume(options?: Omit<ResumeOptions, 'cwd' | 'base'>): Promise<RunSummary<R>>;
  /** Runs again what failed, in this process. Resolves to the run's summary, also when nothing was to run again. */
  retry(options?: Omit<RetryOptions, 'cwd' | 'base'>): Promise<RunSummary<R>>;
}

/** Options of {@link openRun}. */
export interface OpenRunOptions {
  /** Where to look for the project. @default the working directory */
  readonly cwd?: string;
}

/**
 * Opens a run of this project, running or not:
 *
 * ```ts
 * const run = await openRun();
 * console.log((await run.status()).status);
 * for await (const { task, value } of run.results({ ordered: true })) console.log(task, value);
 * ```
 *
 * @param id - of the run, the beginning of its id, or the path of its folder; null: the latest
 * @throws UsageError `RUN_NOT_FOUND` or `RUN_AMBIGUOUS`
 */
export async function openRun<R = unknown>(
  id: string | null = null,
  options: OpenRunOptions = {},
): Promise<OpenRun<R>> {
  const cwd = resolve(options.cwd ?? '.');
  const settings = await loadSettings({ cwd, env: process.env });
  const paths = findRun(dlsRootOf(settings), id, cwd);
  const run = readRun(paths);
  return {
    id: run.id,
    dir: paths.dir,
    spec: run.spec,
    status: async () => Promise.resolve(viewRun(paths).state),
    results: (how) => readResults<R>(paths, how),
    errors: async function* () {
      yield* readErrors(paths, run);
    },
    logs: async (task) => {
      checkTask(paths, task);
      let text = '';
      for await (const piece of taskOutput(paths, run, task, false)) {
        if ('output' in piece) text += piece.output;
      }
      return fromLatin1(text);
    },
    cancel: async () => {
      await cancelRun(paths);
    },
    resume: async (how = {}) => {
      const [summary] = await resumeRuns(paths.dir, { ...how, cwd, base: settings });
      return (summary ?? storedSummary(viewRun(paths))) as RunSummary<R>;
    },
    retry: async (how = {}) => {
      const [summary] = await retryRun(paths.dir, { ...how, cwd, base: settings });
      return (summary ?? storedSummary(viewRun(paths))) as RunSummary<R>;
    },
  };
}
