import type { Reporter } from '../../job/reporter.js';
import type { RunSummary } from '../../job/summary.js';
import { watchInterrupts } from '../interrupts.js';
import type { Io } from '../io.js';
import { TerminalReporter } from '../terminal-reporter.js';

export interface Reporting {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly killSignal: AbortSignal;
}

/** Runs jobs with progress and Ctrl-C, and returns the exit code: 0, 1 some task failed, 130 interrupted; the worst counts. */
export async function withReporting(
  io: Io,
  work: (reporting: Reporting) => Promise<RunSummary[]>,
): Promise<number> {
  const interrupts = watchInterrupts(io);
  const reporter = new TerminalReporter(io);
  try {
    const { signal, killSignal } = interrupts;
    const summaries = await work({ reporter, signal, killSignal });
    if (signal.aborted || summaries.some((summary) => summary.status === 'interrupted')) return 130;
    return summaries.some((summary) => summary.failed) ? 1 : 0;
  } finally {
    interrupts.release();
  }
}
