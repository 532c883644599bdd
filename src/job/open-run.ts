/** A run as scripts see it, whoever started it and whether or not it goes on. */
import { resolve } from 'node:path';
import { loadSettings } from '../config/load.js';
import type { JobSpec } from '../contract/spec.js';
import { untilFree } from '../outputs/controller-watch.js';
import { checkTask } from '../outputs/known-task.js';
import { fromLatin1 } from '../outputs/output-file.js';
import { readResults, type ResultsOptions, type TaskResultRow } from '../outputs/results.js';
import { readErrors, type TaskErrorRow } from '../outputs/run-errors.js';
import { viewRun, type RunState } from '../outputs/run-state.js';
import { taskOutput } from '../outputs/task-output.js';
import { findRun } from '../store/find-run.js';
import { lockState } from '../store/lock.js';
import { makeRequest, takeRequests } from '../store/requests.js';
import { readRun } from '../store/run-folder.js';
import { dlsRootOf } from './prepare.js';

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
  /** What a task wrote to stdout and stderr, of all its attempts; what it has written so far if it runs. */
  logs(task: number): Promise<string>;
  /**
   * Ends the run and waits until its controller has let go of it; at once when nothing runs. Tasks that were running
   * get no outcome, so the run can be resumed.
   */
  cancel(): Promise<void>;
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
      if (lockState(paths).state === 'free') return;
      makeRequest(paths, 'cancel');
      await untilFree(paths);
      // One that nobody read any more would end the run when it is resumed.
      takeRequests(paths);
    },
  };
}
