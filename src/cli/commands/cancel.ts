/** `dl_jobs cancel [RUN]` */
import { DlJobsError } from '../../base/errors.js';
import { cancelable, cancelRun, type CancelOutcome } from '../../job/cancel-run.js';
import { plural } from '../../job/summary-text.js';
import { findGroup, findRun, groupOf } from '../../store/find-run.js';
import { readRun, type RunPaths } from '../../store/run-folder.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { dlsRoot, oneRun } from './run-word.js';

/** Ends a run, or the invocation that it belongs to. @returns the exit code: 0 once it has ended. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const word = oneRun(parsed);
  const root = await dlsRoot(io);
  const paths = chosen(root, word, io);
  const outcome = await cancelRun(paths, {
    onWait: ({ pid, host }) =>
      io.stderr.write(`waiting for process ${pid} on ${host} to end what it runs …\n`),
  });
  io.stderr.write(`${describe(outcome)}\n`);
  return 0;
}

/** Of an invocation, and without a word of the latest one, the run that runs now. */
function chosen(root: string, word: string | null, io: Io): RunPaths {
  let named: RunPaths;
  try {
    named = findRun(root, word, io.cwd);
  } catch (error) {
    const group = word !== null && isNotFound(error) ? findGroup(root, word) : [];
    const current = cancelable(group) ?? group.at(-1);
    if (current === undefined) throw error;
    return current;
  }
  if (word !== null) return named;
  return cancelable(groupOf(root, readRun(named).group)) ?? named;
}

function isNotFound(error: unknown): boolean {
  return error instanceof DlJobsError && error.code === 'RUN_NOT_FOUND';
}

function describe({ how, status, overview, controller, hosts }: CancelOutcome): string {
  const { id, run, state } = overview;
  const { done } = state.counts;
  const of = state.total === null ? '' : ` of ${state.total}`;
  const tasks = `${done}${of} ${plural('task', state.total ?? done)} ${done === 1 ? 'is' : 'are'} done`;
  const goOn = status === 'finished' ? '' : `\n  next  dl_jobs resume ${id}`;
  if (how === 'idle') return `${id} does not run: it is ${status}, ${tasks}; nothing was done`;
  if (how === 'queued') {
    return `${id} is queued: it ends as soon as its turn comes, and what follows it in its invocation does not run\n  \`dl_jobs cancel ${run.group}\` ends the job that runs now`;
  }
  const gone = hosts === 0 ? '' : `; its ${hosts} ${hosts === 1 ? 'process' : 'processes'} ended`;
  const rest = run.groupSize - run.groupIndex - 1;
  const others = rest > 0 ? `; the ${rest} ${plural('job', rest)} after it will not run` : '';
  if (how === 'ended') return `${id} is ${status}: ${tasks}${gone}${others}${goOn}`;
  return `${id} is ended: process ${controller?.pid ?? ''} gave no sign for 20 seconds and was killed; ${tasks}${gone}${others}${goOn}`;
}
