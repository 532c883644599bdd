/** `resume` and `retry`: further rounds of runs that exist. */
import { UsageError, DlJobsError } from '../base/errors.js';
import { loadSettings, type ResolvedSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import type { RunSummary } from '../outputs/summary.js';
import { viewRun, type RunOverview } from '../outputs/run-state.js';
import { storedSummary } from '../outputs/stored-summary.js';
import { findGroup, findRun, groupOf } from '../store/find-run.js';
import { readRun, type RunPaths } from '../store/run-folder.js';
import type { RetryChoice } from './choose-work.js';
import { consoleReporter } from './console-reporter.js';
import { prepareContinuation } from './continue-run.js';
import { executeRound } from './execute.js';
import { dlsRootOf } from './prepare.js';
import type { Reporter } from './reporter.js';

/** How a run is continued; all of it optional. */
export interface ResumeOptions {
  /** Settings that are other than before: `workers`, `task_concurrency`, `memory`, `timeout`, `retries` … */
  readonly settings?: Partial<Settings>;
  /** `new` takes the code as it is now. @default `run`: the code of the round before */
  readonly code?: 'new' | 'run';
  /** Finish what was recorded of an argument list that cannot be continued. @default false */
  readonly seal?: boolean;
  /** Pass over damaged records, and run their tasks again. @default false */
  readonly skipDamaged?: boolean;
  /** @default results and task output go to stdout, the rest to stderr */
  readonly reporter?: Reporter;
  /** Aborting it interrupts the run. */
  readonly signal?: AbortSignal;
  /** Aborting it ends the run now: what runs is killed. */
  readonly killSignal?: AbortSignal;
  /** Aborting it leaves running what runs on a platform. */
  readonly leaveSignal?: AbortSignal;
  /** Where the user stands. @default the working directory */
  readonly cwd?: string;
  /** Where variables are read. @default `process.env` */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Settings of the project. @default those of `cwd` and the environment */
  readonly base?: ResolvedSettings;
  /** Told of the runs that are worked on, before the first of them starts. */
  readonly onCommitted?: (runs: readonly RunPaths[]) => void;
}

/** {@link ResumeOptions}, and which tasks to run again. */
export interface RetryOptions extends Omit<ResumeOptions, 'seal'>, RetryChoice {}

/**
 * Goes on with a run, or with the runs of an invocation, in their order. `wanted` is an id, its beginning, or a group;
 * null: the latest invocation. Resolves to the summaries of these runs; one that has nothing left is passed over
 * with a notice.
 *
 * Throws RUN_NOT_FOUND, RUN_AMBIGUOUS, RUN_LOCKED, JOURNAL_DAMAGED, ARGS_CHANGED, ARGS_UNFINISHED, ENV_MISSING.
 */
export async function resumeRuns(wanted: string | null, options: ResumeOptions = {}): Promise<RunSummary[]> {
  const context = await contextOf(options);
  return await continueRuns(runsToResume(context.dlsRoot, wanted, context.cwd), null, context);
}

/**
 * Runs the failed tasks of one run again; a task that succeeds now replaces its error. `wanted`: as in
 * {@link resumeRuns}, but of one run; null: the latest.
 *
 * Throws what {@link resumeRuns} does, TASK_NOT_FOUND, and USAGE for a task that is ok without `again`.
 */
export async function retryRun(wanted: string | null, options: RetryOptions = {}): Promise<RunSummary[]> {
  const context = await contextOf(options);
  const { failureTypes, tasks, again } = options;
  if (again === true && tasks === undefined) {
    throw new UsageError('USAGE', '--again: expected --tasks with it, got none', {
      hint: 'Name the tasks to run again: `--tasks 3,7-20 --again`.',
    });
  }
  const choice: RetryChoice = {
    ...(failureTypes !== undefined && { failureTypes }),
    ...(tasks !== undefined && { tasks }),
    ...(again !== undefined && { again }),
  };
  return await continueRuns([findRun(context.dlsRoot, wanted, context.cwd)], choice, context);
}

interface Context extends ResumeOptions {
  readonly base: ResolvedSettings;
  readonly dlsRoot: string;
  readonly cwd: string;
  readonly reporter: Reporter;
}

async function contextOf(options: ResumeOptions): Promise<Context> {
  const cwd = options.cwd ?? process.cwd();
  const base = options.base ?? (await loadSettings({ cwd, env: options.env ?? process.env }));
  return { ...options, cwd, base, dlsRoot: dlsRootOf(base), reporter: options.reporter ?? consoleReporter() };
}

function runsToResume(dlsRoot: string, wanted: string | null, cwd: string): RunPaths[] {
  if (wanted === null) return groupOf(dlsRoot, readRun(findRun(dlsRoot, null, cwd)).group);
  try {
    return [findRun(dlsRoot, wanted, cwd)];
  } catch (error) {
    if (!(error instanceof DlJobsError) || error.code !== 'RUN_NOT_FOUND') throw error;
    const group = findGroup(dlsRoot, wanted);
    if (group.length === 0) throw error;
    return group;
  }
}

async function continueRuns(
  runs: readonly RunPaths[],
  retry: RetryChoice | null,
  context: Context,
): Promise<RunSummary[]> {
  const { reporter, base } = context;
  const never = new AbortController().signal;
  const signal = context.signal ?? never;
  const summaries: RunSummary[] = [];
  let told = false;
  for (const paths of runs) {
    if (signal.aborted || context.leaveSignal?.aborted === true) break;
    const run = readRun(paths);
    const prepared = await prepareContinuation(paths, {
      base,
      settings: context.settings ?? {},
      environment: context.env ?? process.env,
      reporter,
      retry,
      newCode: context.code === 'new',
      seal: context.seal === true,
      skipDamaged: context.skipDamaged === true,
      signal,
    });
    if (prepared === null) {
      const overview = viewRun(paths);
      reporter.notice(nothingToDo(overview, retry));
      // It has come to its end before; that counts for the exit code.
      if (retry === null) summaries.push(storedSummary(overview));
      continue;
    }
    const tell = (): void => {
      if (!told) context.onCommitted?.(runs);
      told = true;
    };
    if (prepared.platform.capabilities.local) tell();
    const tasks = prepared.work?.size ?? 0;
    for (const warning of prepared.warnings) reporter.warn(warning);
    reporter.notice(
      `${run.id}: ${prepared.adopted === true ? 'watching over' : retry === null ? 'going on with' : 'running again'} ${tasks} ${tasks === 1 ? 'task' : 'tasks'}` +
        (prepared.work?.open === true ? ' and those that are still to come' : '') +
        (prepared.round.code === run.code ? '' : `, with new code (${prepared.round.code})`),
    );
    const summary = await executeRound(prepared, {
      reporter,
      signal,
      killSignal: context.killSignal ?? never,
      ...(context.leaveSignal && { leaveSignal: context.leaveSignal }),
      onSubmitted: tell,
    }).finally(() => prepared.lock.release());
    reporter.finished?.(summary);
    summaries.push(summary);
    if (summary.status === 'canceled') break;
  }
  return summaries;
}

function nothingToDo({ run: { id }, state }: RunOverview, retry: RetryChoice | null): string {
  const { done, errors } = state.counts;
  if (retry !== null)
    return `${id}: nothing to run again: no task of it failed${errors > 0 ? ' in that way' : ''}`;
  const hint = errors > 0 ? `; \`dl_jobs retry ${id}\` runs the ${errors} that failed again` : '';
  return `${id}: nothing is left to run: all ${done} tasks have an outcome${hint}`;
}
