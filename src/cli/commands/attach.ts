/** `dl_jobs attach [RUN]`: the live view of a run that another process controls. */
import { ResultsTail } from '../../outputs/results-tail.js';
import { nextSteps } from '../../outputs/run-report.js';
import { isLive, viewRun, type RunOverview, type RunState } from '../../outputs/run-state.js';
import { storedSummary } from '../../outputs/stored-summary.js';
import type { Io } from '../io.js';
import { onInterrupt, type Interrupt } from '../interrupts.js';
import { LiveRun } from '../live-run.js';
import { TerminalReporter } from '../terminal-reporter.js';
import type { ParsedCommand } from '../tokenize.js';
import { exitCodeOf } from './reporting.js';
import { namedRun } from './run-word.js';

const LOOK_MS = 500;
/** Results are passed on in pieces of about this size. */
const PIECE = 1_048_576;

/**
 * Shows a run until it has ended.
 *
 * @returns the exit code that `run` gives: 0 ok, 1 some task failed, 130 interrupted; 0 when it was left running.
 */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const first = viewRun(await namedRun(parsed, io));
  const reporter = new TerminalReporter(io);
  let last = first;
  if (isLive(first.state.status)) {
    const interrupt = onInterrupt(io);
    try {
      last = await watch(first, reporter, interrupt, io);
    } finally {
      interrupt.release();
    }
    if (isLive(last.state.status)) {
      io.stderr.write(`left running; \`dl_jobs attach ${first.id}\` watches it again\n`);
      return 0;
    }
  }
  const summary = storedSummary(last);
  tellFirstError(last.state, reporter);
  reporter.finished(summary);
  // How to go on with it is part of the summary.
  const steps = nextSteps(last.id, last.state, false).filter((step) => !step.startsWith('dl_jobs resume'));
  for (const step of steps) io.stderr.write(`  next       ${step}\n`);
  return exitCodeOf(summary);
}

/** Resolves when the run has ended, or Ctrl-C was pressed, to what is then known of it. */
async function watch(
  first: RunOverview,
  reporter: TerminalReporter,
  interrupt: Interrupt,
  io: Io,
): Promise<RunOverview> {
  const { id, paths, run } = first;
  const view = new LiveRun(first);
  const tail = run.spec.noisy ? new ResultsTail(paths, run) : null;
  const passOn = async (): Promise<void> => {
    while (tail?.read((line) => reporter.result(line), PIECE) === true) await io.stdout.flush();
  };
  io.stderr.write(`watching ${id}; Ctrl-C leaves it running\n`);
  let said = '';
  let isShown = false;
  try {
    for (;;) {
      const overview = viewRun(paths);
      const { state } = overview;
      view.update(state);
      if (!isShown && state.round > 0 && state.status !== 'preparing') {
        reporter.started(view);
        isShown = true;
      }
      await passOn();
      if (!isLive(state.status) || interrupt.came) return overview;
      const notice = noticeOf(overview);
      if (notice !== said && notice !== '') reporter.warn(notice);
      said = notice;
      await interrupt.orAfter(LOOK_MS);
    }
  } finally {
    reporter.ended();
    tail?.close();
  }
}

/** Why nothing is to be seen of the run; empty: there is. */
function noticeOf({ id, state, controller }: RunOverview): string {
  if (state.status === 'queued') return `${id} is queued: it waits for the jobs before it`;
  if (state.status !== 'stalled' || controller === null) return '';
  return `process ${controller.pid} on ${controller.host} controls ${id} and gives no sign; \`dl_jobs cancel ${id}\` ends it`;
}

/** The summary shows one error: of those that are most frequent. */
function tellFirstError({ groups }: RunState, reporter: TerminalReporter): void {
  const [group] = groups;
  if (group === undefined) return;
  const line = JSON.stringify({ ERROR: group.message, TYPE: group.type });
  reporter.error(Buffer.from(line).toString('latin1'), group.task);
}
