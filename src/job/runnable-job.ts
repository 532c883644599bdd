import type { DLJobOptions } from './options.js';
import type { RunSummary } from '../outputs/summary.js';

/** What running a job needs of it, and leaves in it: a `DLJob` as the runner sees it. */
export interface RunnableJob {
  readonly options: DLJobOptions;
  readonly name: string;
  /** Time the job was made. */
  readonly startTimestamp: string;
  resultsPath: string | null;
  errorsPath: string | null;
  logFile: string | null;
  summary: RunSummary | null;
}
