/** What the tasks of a run wrote, task by task, as they ended; also while the run goes on. */
import { scanEnds, type ScannedEnd } from '../contract/record-scan.js';
import type { RunFile } from '../contract/spec.js';
import type { RunPaths } from '../store/run-folder.js';
import { ControllerWatch, nextLook } from './controller-watch.js';
import { JournalTail } from './journal-tail.js';
import { LogFiles, type LogPiece } from './log-files.js';
import { toLatin1 } from './output-file.js';
import { surveyRun } from './survey.js';
import { ERROR, NONE, type TaskStates } from './task-states.js';
import { textLines } from './text-lines.js';

export interface RunLogsOptions {
  /** Only tasks whose outcome is an error. */
  readonly onlyErrors: boolean;
  /** Go on until nobody controls the run. */
  readonly follow: boolean;
}

/** Output of an attempt. */
interface Logged {
  readonly task: number;
  readonly shard: string;
  readonly log: readonly [host: number, from: number, to: number];
}

/** Output is passed on in pieces of about this size. */
const PIECE = 65_536;

/** `logs[N]` and the lines that `suppress` leaves, for each attempt that wrote something. Throws JOURNAL_DAMAGED. */
export async function* runLogs(
  paths: RunPaths,
  { spec }: RunFile,
  { onlyErrors, follow }: RunLogsOptions,
): AsyncGenerator<LogPiece> {
  const tail = new JournalTail(paths);
  const watch = new ControllerWatch(paths);
  const files = new LogFiles(paths);
  const hidden = spec.suppress.map(toLatin1);
  const isShown = (line: string): boolean => !hidden.some((text) => line.includes(text));
  const failed = onlyErrors ? new OnlyFailed(surveyRun(paths).states) : null;
  let isLive = false;
  try {
    for (;;) {
      // Asked before the journal is read: what was written until then is in it.
      const goesOn = follow && watch.isThere();
      for (const { shard, lines } of tail.news()) {
        const due: Logged[] = [];
        scanEnds(lines.toString('latin1'), (end) => {
          const wrote = logged(end, shard);
          due.push(...(failed === null ? wrote : failed.take(end, wrote, isLive)));
        });
        for (const one of due) yield* output(files, one, isShown);
      }
      if (!goesOn) return;
      isLive = true;
      await nextLook();
    }
  } finally {
    files.close();
  }
}

function logged({ task, log }: ScannedEnd, shard: string): Logged[] {
  return log === null ? [] : [{ task, shard, log }];
}

function* output(
  files: LogFiles,
  { task, shard, log }: Logged,
  isShown: (line: string) => boolean,
): Generator<LogPiece> {
  const [host, from, to] = log;
  let read = 0;
  const counted = function* (): Generator<string> {
    for (const piece of files.read(shard, log)) {
      read += piece.length;
      yield piece;
    }
  };
  let text = `logs[${task}]\n`;
  for (const line of textLines(counted(), isShown)) {
    text += `${line}\n`;
    if (text.length < PIECE) continue;
    yield { output: text };
    text = '';
  }
  if (text !== '') yield { output: text };
  yield* files.noteCut(shard, host, to - from - read);
}

/** Picks what tasks wrote whose outcome is an error, once that is known. */
class OnlyFailed {
  readonly #states: TaskStates;
  /** What tasks wrote that are to be tried again. */
  readonly #waiting = new Map<number, Logged[]>();

  /** @param states - the outcomes of what was recorded so far */
  constructor(states: TaskStates) {
    this.#states = states;
  }

  /**
   * @param wrote - what the attempt of the record wrote
   * @param isLive - the record came after the states were taken
   */
  take({ task, final, failure }: ScannedEnd, wrote: readonly Logged[], isLive: boolean): readonly Logged[] {
    const state = isLive ? NONE : this.#states.get(task);
    if (state !== NONE) return state === ERROR ? wrote : [];
    const all = [...(this.#waiting.get(task) ?? []), ...wrote];
    if (final) this.#waiting.delete(task);
    else if (all.length > 0) this.#waiting.set(task, all);
    return final && failure !== null ? all : [];
  }
}
