/**
 * dl-jobs: write a function, run it once or over a million sets of arguments, on this machine or on a cluster.
 *
 * @packageDocumentation
 */
export { DLJob } from './job/dl-job.js';
export { run } from './job/run.js';
export { openRun } from './job/open-run.js';
export { range } from './job/range.js';
export { expandArgs, attempt, asJson, isExpanding } from './base/decorators.js';
export { updateList, copyUpdate, isStr, truthy, boolStr } from './base/helpers.js';
export * as ndjson from './base/ndjson.js';
export { Timer } from './base/timer.js';
export { parseSize, parseDuration } from './base/sizes.js';
export {
  DlJobsError,
  UsageError,
  ConfigError,
  JobError,
  DataError,
  InfrastructureError,
  ERROR_CODES,
} from './base/errors.js';
export { loadSettings } from './config/load.js';
export { IMAGES } from './config/images.js';

export type { DLJobOptions, ArgsList } from './job/options.js';
export type { RunOptions } from './job/run.js';
export type { RunContextOptions } from './job/run-jobs.js';
export type { ResumeOptions, RetryOptions } from './job/resume.js';
export type { RetryChoice } from './job/choose-work.js';
export type { OpenRun, OpenRunOptions } from './job/open-run.js';
export type { RunSummary, EndStatus } from './outputs/summary.js';
export type { RunStatus, RunState } from './outputs/run-state.js';
export type { TaskErrorRow } from './outputs/run-errors.js';
export type { ResultsOptions, TaskResultRow } from './outputs/results.js';
export type { Reporter, RunView } from './job/reporter.js';
export type { ErrorCode } from './base/errors.js';
export type {
  Expanding,
  TaskElement,
  TaskArgs,
  TaskKwargs,
  TaskResult,
  AttemptError,
} from './base/decorators.js';
export type { NdjsonLine, WriteOptions } from './base/ndjson.js';
export type { TimerOptions } from './base/timer.js';
export type { Settings, SettingKey } from './config/settings.js';
export type { ResolvedSettings } from './config/load.js';
export type { FailureType } from './contract/record.js';
export type { JobSpec } from './contract/spec.js';
