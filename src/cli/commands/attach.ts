/** `dl_jobs attach [RUN]`: the live view of a run that another process controls. */
import { loadSettings } from '../../config/load.js';
import { adoptRun } from '../../job/adopt.js';
import { givenVariables } from '../../job/continue-run.js';
import { executeRound } from '../../job/execute.js';
import { ResultsTail } from '../../outputs/results-tail.js';
import { nextSteps } from '../../outputs/run-report.js';
import { isLive, viewRun, type RunOverview, type RunState } from '../../outputs/run-state.js';
import { roundElsewhere } from '../../outputs/unwatched.js';
import { lockState } from '../../store/lock.js';
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
  if (first.isUnwatched === true) return await watchOver(first, io);
  const reporter = new TerminalReporter(io);
  let last = first;
  if (isLive(first.state.status)) {
    const interrupt = onInterrupt(io);
    try {
      last = await watch(first, reporter, interrupt, io);
    } finally {
      interrupt.release();
    }
    if (isDeserted(last) && !interrupt.came) return await watchOver(last, io);
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

/** True: workers elsewhere can be gone on with, and their controller is dead or, on another machine, gives no sign. */
function isDeserted({ paths, state, isUnwatched }: RunOverview): boolean {
  if (isUnwatched === true) return true;
  return state.status === 'stalled' && lockState(paths).state === 'unknown' && roundElsewhere(paths) !== null;
}

/** Takes the place of the controller that is gone: outputs are written, and workers replaced, while this goes on. */
async function watchOver({ id, paths }: RunOverview, io: Io): Promise<number> {
  const variables = givenVariables(await loadSettings(io), io.env);
  const reporter = new TerminalReporter(io);
  const never = new AbortController().signal;
  const prepared = await adoptRun(paths, {
    variables,
    install: { notice: (text) => reporter.notice(text), signal: never },
  });
  if (prepared === null) return exitCodeOf(storedSummary(viewRun(paths)));
  for (const warning of prepared.warnings) reporter.warn(warning);
  const leave = new AbortController();
  const undo = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) =>
    io.onSignal(name, () => leave.abort()),
  );
  io.stderr.write(`watching over ${id}; Ctrl-C leaves it running\n`);
  try {
    const summary = await executeRound(prepared, {
      reporter,
      signal: never,
      killSignal: never,
      leaveSignal: leave.signal,
    });
    if (summary.status === 'running') {
      io.stderr.write(`left running; \`dl_jobs attach ${id}\` watches over it again\n`);
      return 0;
    }
    reporter.finished(summary);
    return exitCodeOf(summary);
  } finally {
    for (const undoOne of undo) undoOne();
  }
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
      if (!isLive(state.status) || interrupt.came || isDeserted(overview)) return overview;
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
