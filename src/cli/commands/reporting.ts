import { YoungHeap } from '../../base/young-heap.js';
import type { ResolvedSettings } from '../../config/load.js';
import { withJobDefaults } from '../../job/ambient.js';
import { DLJob } from '../../job/dl-job.js';
import type { DLJobOptions } from '../../job/options.js';
import type { Reporter } from '../../job/reporter.js';
import { isAbort } from '../../job/or-aborted.js';
import { planJobs } from '../../job/dry-run.js';
import { runJobs, type InvocationOptions } from '../../job/run-jobs.js';
import type { RunSummary } from '../../outputs/summary.js';
import { watchInterrupts } from '../interrupts.js';
import type { RunPaths } from '../../store/run-folder.js';
import type { Io } from '../io.js';
import { settingsFromOptions } from '../options.js';
import { dryRun, isDryRun } from './dry-run.js';
import { TerminalReporter } from '../terminal-reporter.js';
import type { ParsedCommand } from '../tokenize.js';

export interface Reporting {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly killSignal: AbortSignal;
  readonly leaveSignal: AbortSignal;
  readonly onCommitted: (runs: readonly RunPaths[]) => void;
  readonly env: Io['env'];
}

/** 0, 1 some task failed, 130 interrupted or canceled. */
export function exitCodeOf({ status, failed }: RunSummary): number {
  if (status === 'interrupted' || status === 'canceled') return 130;
  return failed ? 1 : 0;
}

/** Runs jobs with progress and Ctrl-C, and returns the exit code: 0, 1 some task failed, 130 interrupted; the worst counts. */
export async function withReporting(
  io: Io,
  work: (reporting: Reporting) => Promise<RunSummary[]>,
  options: { readonly isProgram?: boolean } = {},
): Promise<number> {
  // This process is the controller now, and its own: a script's heap is the script's.
  const heap = new YoungHeap();
  const heapTimer = setInterval(() => heap.bound(), 50);
  const interrupts = watchInterrupts(io);
  const reporter = new TerminalReporter(io, options);
  try {
    const { signal, killSignal, leaveSignal } = interrupts;
    const summaries = await work({
      reporter,
      signal,
      killSignal,
      leaveSignal,
      env: io.env,
      onCommitted: (runs) => io.announce(runs.map(({ dir }) => dir)),
    });
    return signal.aborted ? 130 : Math.max(0, ...summaries.map(exitCodeOf));
  } catch (error) {
    // Before there was a run that could tell of it.
    if (isAbort(error, interrupts.signal)) return 130;
    throw error;
  } finally {
    interrupts.release();
    clearInterval(heapTimer);
    heap.release();
  }
}

/** Runs a job of a command's own, under its options. Returns the exit code, as {@link withReporting}. */
export async function runReported(
  jobOptions: DLJobOptions,
  base: ResolvedSettings,
  { options }: ParsedCommand,
  io: Io,
  extra: { readonly codeRoot?: string } = {},
): Promise<number> {
  const settings = settingsFromOptions(options);
  const obeysDev = true;
  // Made as in a job function: its name says where it runs.
  const job = withJobDefaults({ base, commandLine: settings, obeysDev }, () => new DLJob(jobOptions));
  const invocation: InvocationOptions = {
    ...extra,
    base,
    cwd: io.cwd,
    obeysDev,
    settings,
    limit: options.limit ?? null,
    sample: options.sample ?? null,
  };
  if (isDryRun(options)) {
    return await dryRun(io, options.json === true, (planning) =>
      planJobs([job], { ...planning, ...invocation }),
    );
  }
  return await withReporting(io, (reporting) => runJobs([job], { ...reporting, ...invocation }));
}
