/** What one task wrote, attempt after attempt; also while it runs. */
import { scanTasks } from '../contract/task-scan.js';
import type { RunFile } from '../contract/spec.js';
import { readRounds, readWork } from '../store/rounds.js';
import type { RunPaths } from '../store/run-folder.js';
import { ControllerWatch, nextLook } from './controller-watch.js';
import { findTask, taskEnd, type TaskEnd, type TaskRecords } from './find-task.js';
import { InFlight, type LogPlace } from './in-flight.js';
import { JournalTail } from './journal-tail.js';
import { LogFiles, type LogPiece } from './log-files.js';
import { specOfRound } from '../store/rounds.js';

/**
 * The output as it is, attempts one after another. With `follow` also what is written from now on, until the task has
 * an outcome or nobody controls the run. Where secrets are masked, which is done in the file a moment after they were
 * written, nothing is shown of an attempt before its end is recorded.
 */
export async function* taskOutput(
  paths: RunPaths,
  run: RunFile,
  task: number,
  follow: boolean,
): AsyncGenerator<LogPiece> {
  const watch = new ControllerWatch(paths);
  const isControlled = watch.isThere();
  const records = findTask(paths, task);
  const files = new LogFiles(paths);
  try {
    const several = records.ends.length + (records.unfinished === null ? 0 : 1) > 1;
    for (const end of records.ends) {
      if (several) yield { note: header(end.round, end.attempt, end.failure ?? 'ok') };
      yield* wholeOutput(files, end);
    }
    if (follow && isControlled && mayGoOn(paths, records)) {
      yield* live(paths, run, records, files, watch);
    } else if (records.unfinished !== null) {
      yield* unfinishedOutput(paths, run, records, files, isControlled);
    } else if (records.ends.length === 0) {
      yield { note: `task ${task} has not run` };
    } else if (records.ends.every(({ log }) => log === null)) {
      yield { note: `task ${task} wrote nothing` };
    }
  } finally {
    files.close();
  }
}

function header(round: number, attempt: number, how: string): string {
  return `-- round ${round}, attempt ${attempt}: ${how}`;
}

/** True when a further attempt runs, or is due in the present round. */
function mayGoOn(paths: RunPaths, { task, ends, outcome, unfinished }: TaskRecords): boolean {
  if (outcome === null || unfinished !== null) return true;
  const round = readRounds(paths).at(-1);
  if (round === undefined || ends.some((end) => end.final && end.round >= round.round)) return false;
  return readWork(paths, round)?.has(task) ?? true;
}

function* wholeOutput(files: LogFiles, { shard, log }: TaskEnd): Generator<LogPiece> {
  if (log === null) return;
  yield* range(files, shard, log);
}

function* range(
  files: LogFiles,
  shard: string,
  log: readonly [host: number, from: number, to: number],
): Generator<LogPiece> {
  let missing = log[2] - log[1];
  for (const output of files.read(shard, log)) {
    missing -= output.length;
    yield { output };
  }
  yield* files.noteCut(shard, log[0], missing);
}

/** Why nothing is shown of an attempt that has not ended. */
function hidden(task: number, path: string, isControlled: boolean): LogPiece {
  const why = 'what it wrote may hold secrets that are not masked';
  return {
    note: isControlled
      ? `task ${task} is running: ${why} yet; it is shown once the task has ended`
      : `task ${task} did not end: ${why}; it is in ${path}`,
  };
}

/** What an attempt wrote that runs now, or was running when its worker died. */
function* unfinishedOutput(
  paths: RunPaths,
  run: RunFile,
  { task, ends }: TaskRecords,
  files: LogFiles,
  isControlled: boolean,
): Generator<LogPiece> {
  const inFlight = new InFlight(task, concurrencyOf(paths, run));
  for (const { shard, lines } of new JournalTail(paths).news()) read(inFlight, shard, lines);
  const place = inFlight.running();
  if (place !== null && ends.length > 0) {
    yield { note: header(place.round, place.attempt, isControlled ? 'running' : 'did not end') };
  }
  if (place !== null && isMasked(run)) {
    yield hidden(task, files.path(place.shard, place.host), isControlled);
    return;
  }
  let wrote = 0;
  if (place !== null) {
    const to = files.size(place.shard, place.host);
    for (const output of files.read(place.shard, [place.host, place.from, to])) {
      wrote += output.length;
      yield { output };
    }
  }
  if (place === null) yield { note: `task ${task} ${isControlled ? 'is about to run' : 'has not run'}` };
  else if (!isControlled)
    yield { note: `task ${task} did not end${wrote === 0 ? ', and wrote nothing' : ''}` };
  else if (wrote > 0) yield { note: `task ${task} is running: \`--follow\` goes on with it` };
  else yield { note: `task ${task} is running, and has written nothing yet` };
}

function read(inFlight: InFlight, shard: string, lines: Buffer): void {
  scanTasks(
    lines.toString('latin1'),
    (start) => inFlight.started(shard, start),
    (end) => inFlight.ended(shard, end),
  );
}

function concurrencyOf(paths: RunPaths, { spec }: RunFile): number {
  return specOfRound(spec, readRounds(paths).at(-1)).taskConcurrency;
}

function isMasked({ spec }: RunFile): boolean {
  return spec.redact.length > 0 || spec.env.length > 0;
}

/** From the moment on when the task begins to run, until its last attempt has ended. */
async function* live(
  paths: RunPaths,
  run: RunFile,
  { task, ends: known }: TaskRecords,
  files: LogFiles,
  watch: ControllerWatch,
): AsyncGenerator<LogPiece> {
  const key = ({ shard, round, attempt }: Omit<LogPlace, 'from' | 'host'>): string =>
    `${shard} ${round} ${attempt}`;
  const printed = new Set(known.map(key));
  const tail = new JournalTail(paths);
  const inFlight = new InFlight(task, concurrencyOf(paths, run));
  const growing = new GrowingLog(files);
  const isHidden = isMasked(run);
  let wrote = known.some(({ log }) => log !== null);
  for (;;) {
    // Asked before the journal is read: what was written until then is in it.
    const goesOn = watch.isThere();
    const ended: TaskEnd[] = [];
    for (const { shard, lines } of tail.news()) {
      const text = lines.toString('latin1');
      scanTasks(
        text,
        (start) => inFlight.started(shard, start),
        (end) => {
          inFlight.ended(shard, end);
          if (end.task === task) ended.push(taskEnd(text, end, shard));
        },
      );
    }
    for (const end of ended) {
      if (printed.has(key(end))) continue;
      printed.add(key(end));
      wrote ||= end.log !== null;
      yield* growing.finish(end);
      if (end.final && !wrote) yield { note: `task ${task} wrote nothing` };
      if (end.final) return;
      yield { note: header(end.round, end.attempt, end.failure ?? 'ok') };
    }
    const place = inFlight.running();
    if (place !== null) {
      if (growing.moveTo(place)) {
        if (printed.size > 0) yield { note: header(place.round, place.attempt, 'running') };
        if (isHidden) yield hidden(task, files.path(place.shard, place.host), true);
      }
      if (!isHidden) {
        for (const piece of growing.news(!goesOn)) {
          wrote = true;
          yield piece;
        }
      }
    }
    if (!goesOn) {
      yield { note: `the run ended before task ${task} ${place === null ? 'ran' : 'did'}` };
      return;
    }
    await nextLook();
  }
}

/** The log of a host while a task writes to it. */
class GrowingLog {
  readonly #files: LogFiles;
  #place: LogPlace | null = null;
  /** Bytes up to here were passed on. */
  #at = 0;
  /** How long the file was at the last look. */
  #seen = 0;

  constructor(files: LogFiles) {
    this.#files = files;
  }

  /** True when it is another attempt than before. */
  moveTo(place: LogPlace): boolean {
    const { shard, host, round, attempt } = this.#place ?? {};
    if (shard === place.shard && host === place.host && round === place.round && attempt === place.attempt)
      return false;
    this.#place = place;
    this.#at = place.from;
    this.#seen = place.from;
    return true;
  }

  /**
   * What was there at the look before: a task whose record is on its way has ended, and what stands behind its output
   * is that of the next one.
   *
   * @param all - nothing more will be written
   */
  *news(all: boolean): Generator<LogPiece> {
    if (this.#place === null) return;
    const { shard, host } = this.#place;
    const size = this.#files.size(shard, host);
    const to = all ? size : this.#seen;
    this.#seen = size;
    for (const output of this.#files.read(shard, [host, this.#at, to])) {
      yield { output };
      this.#at += output.length;
    }
  }

  /** The rest of what the attempt wrote, now that it is known. */
  *finish({ shard, log, round, attempt }: TaskEnd): Generator<LogPiece> {
    const place = this.#place;
    this.#place = null;
    if (log === null) return;
    const [host, from, to] = log;
    const isHere = place?.shard === shard && place.host === host;
    const at = isHere && place.round === round && place.attempt === attempt ? Math.max(from, this.#at) : from;
    if (at <= to) yield* range(this.#files, shard, [host, at, to]);
    else yield { note: `the last ${at - to} bytes are not of this task` };
  }
}
