/** Runs jobs, one after the other, as one invocation. */
import { rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { loadSettings, type ResolvedSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import type { JobOrigin } from '../contract/spec.js';
import { commitRun, type RunPaths } from '../store/run-folder.js';
import { preciseTimestamp } from '../store/run-id.js';
import { consoleReporter } from './console-reporter.js';
import { executeRound } from './execute.js';
import { prepareRun, type PrepareContext, type PreparedRun } from './prepare.js';
import type { Reporter } from './reporter.js';
import type { RunnableJob } from './runnable-job.js';
import type { RunSummary } from '../outputs/summary.js';

/** How a job is run; all of it optional. */
export interface RunContextOptions {
  /** Aborting it interrupts the run: what runs may end within a grace period; the summary says `interrupted`. */
  readonly signal?: AbortSignal;
  /** Settings that beat what the job says, as options of the command line do. */
  readonly settings?: Partial<Settings>;
  /** @default results and task output go to stdout, the rest to stderr */
  readonly reporter?: Reporter;
  /** Where the user stands. @default the working directory */
  readonly cwd?: string;
  /** Run on the configured platform whatever the job says. @default false */
  readonly onPlatform?: boolean;
}

/** What the command line and the `run` helper add. */
export interface InvocationOptions extends RunContextOptions {
  /** Settings to begin from. @default those of the project and the environment */
  readonly base?: ResolvedSettings;
  /** Where `DL_JOBS_*` variables are read. @default `process.env` */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Aborting it ends the run now: what runs is killed. */
  readonly killSignal?: AbortSignal;
  /** Aborting it leaves running what runs on a platform; what runs here is interrupted. */
  readonly leaveSignal?: AbortSignal;
  /** Whether `is_dev` forces `local`. @default only when `settings` has `is_dev` */
  readonly obeysDev?: boolean;
  /** Only the first tasks of each job. @default all */
  readonly limit?: number | null;
  /** Try this many tasks of each job first. @default all */
  readonly sample?: number | null;
  /** The job function that made the jobs. @default null */
  readonly origin?: JobOrigin | null;
  /** Told of the runs once they exist, before the first of them starts here, or after a platform has it. */
  readonly onCommitted?: (runs: readonly RunPaths[]) => void;
  /** Where the tasks' modules are. @default the project */
  readonly codeRoot?: string | null;
}

/**
 * Prepares all jobs, then runs them in order. Throws before anything runs when one of them is broken.
 * An interrupt ends the run it meets; those after it are not started.
 */
export async function runJobs(
  jobs: readonly RunnableJob[],
  options: InvocationOptions,
): Promise<RunSummary[]> {
  const reporter = options.reporter ?? consoleReporter();
  const contexts = await prepareContexts(jobs.length, { ...options, reporter });
  const prepared: PreparedRun[] = [];
  const never = new AbortController().signal;
  const signal = options.signal ?? never;
  try {
    for (const [groupIndex, job] of jobs.entries())
      prepared.push(await prepareRun(job, contexts[groupIndex] as PrepareContext));
  } catch (error) {
    // Without its run.json a folder is no run; nothing started, so nothing is worth keeping.
    for (const { first } of prepared) {
      first.lock.release();
      rmSync(first.paths.dir, { recursive: true, force: true });
    }
    throw error;
  }
  for (const { first } of prepared) commitRun(first.paths, first.run);
  const tell = (): void => options.onCommitted?.(prepared.map(({ first }) => first.paths));
  const isRemote = prepared[0]?.first.platform.capabilities.local === false;
  if (!isRemote) tell();
  const summaries: RunSummary[] = [];
  try {
    for (const { job, first } of prepared) {
      if ((signal.aborted || options.leaveSignal?.aborted === true) && summaries.length > 0) break;
      for (const warning of first.warnings) reporter.warn(warning);
      const summary = await executeRound(first, {
        reporter,
        signal,
        killSignal: options.killSignal ?? never,
        ...(options.leaveSignal && { leaveSignal: options.leaveSignal }),
        ...(isRemote && summaries.length === 0 && { onSubmitted: tell }),
      });
      job.resultsPath = summary.paths.results;
      job.errorsPath = summary.paths.errors;
      job.logFile = summary.paths.log;
      job.summary = summary;
      reporter.finished?.(summary);
      summaries.push(summary);
      // Who cancels one job of an invocation does not want to see the next one begin.
      if (summary.status === 'canceled') break;
    }
  } finally {
    for (const { first } of prepared) first.lock.release();
  }
  return summaries;
}

/** What the jobs of an invocation are prepared with, in their order. */
export async function prepareContexts(
  groupSize: number,
  options: InvocationOptions & { readonly reporter: Reporter },
): Promise<PrepareContext[]> {
  const cwd = options.cwd ?? process.cwd();
  const environment = options.env ?? process.env;
  const base = options.base ?? (await loadSettings({ cwd, env: environment }));
  const group = `${preciseTimestamp(new Date())}-${randomBytes(3).toString('hex')}`;
  const takenNames = new Set<string>();
  const { origin, reporter, signal = new AbortController().signal } = options;
  return Array.from({ length: groupSize }, (_, groupIndex) => ({
    base,
    commandLine: options.settings ?? {},
    cwd,
    obeysDev: options.obeysDev ?? options.settings?.is_dev !== undefined,
    onPlatform: options.onPlatform ?? false,
    limit: options.limit ?? null,
    sample: options.sample ?? null,
    group,
    groupIndex,
    groupSize,
    origin: origin === undefined || origin === null ? null : { ...origin, job: groupIndex },
    codeRoot: options.codeRoot ?? null,
    environment,
    takenNames,
    notice: (text) => reporter.notice(text),
    signal,
  }));
}

/** Runs a job that a script made. */
export async function runOneJob(job: RunnableJob, options: RunContextOptions): Promise<RunSummary> {
  const [summary] = await runJobs([job], options);
  return summary as RunSummary;
}
