/**
 * The collector: turns journal lines into the user's results, errors and log file, and keeps the counts.
 * It only reads records; the same lines give the same outputs, whoever wrote them and whenever they come.
 */
import type { FailureType, TaskErrorInfo } from '../contract/record.js';
import { eventLines, parseEvent } from '../contract/record-events.js';
import { scanEnds, splitList, type ScannedEnd } from '../contract/record-scan.js';
import type { Digest } from '../contract/platform.js';
import type { JournalEntry } from '../store/journal-writer.js';
import type { CollectorFiles, CollectorListener, CollectorOptions } from './collector-options.js';
import {
  errorMessage,
  isErrorValue,
  returnedErrorLine,
  thrownErrorLine,
  type FailedTask,
} from './error-line.js';
import { fromLatin1, toLatin1, type OutputFile } from './output-file.js';
import { Tally, type Counts } from './tally.js';
import type { TaskLogs } from './task-logs.js';
import { textLines } from './text-lines.js';
import { ERROR, OK, TaskStates } from './task-states.js';

/** How much of a task's output an error line carries. */
const LOG_TAIL_BYTES = 4_096;
/** Longer results stand in the log file cut short: they are in the results file. */
const LOGGED_VALUE = 500;
/** From this many bytes on, a value is copied as bytes instead of as text. */
const LONG_VALUE = 1_024;
/** Digests of at most this many tasks are read for the time of each: tasks that take some time travel in small numbers. */
const FEW = 4;

export class Collector {
  readonly states: TaskStates;
  readonly files: CollectorFiles;
  readonly #options: CollectorOptions;
  readonly #suppress: readonly string[];
  readonly #ownTally = new Tally();
  /** Takes what must not be counted twice. */
  readonly #noTally = new Tally();
  #tally = this.#ownTally;
  #logs: TaskLogs;
  /** Which files what comes now is written to; the others have it already. */
  #results: OutputFile | null;
  #errors: OutputFile | null;
  #log: OutputFile | null;
  #listener: CollectorListener;

  /** True once a task got a second final record: which one wins is for a rebuild to say. */
  contested = false;
  /** Tasks that had an outcome run again: what they gave before counts no more, for now. */
  reopened = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.states = options.states ?? new TaskStates();
    this.files = options.files;
    this.#results = options.files.results;
    this.#errors = options.files.errors;
    this.#log = options.files.log;
    this.#logs = options.logs;
    this.#listener = options.listener;
    this.#suppress = options.spec.suppress.map(toLatin1);
  }

  get tally(): Tally {
    return this.#ownTally;
  }

  get counts(): Counts {
    return this.#ownTally.counts;
  }

  /** Journal entries, in the order they were written. */
  consume(entries: readonly JournalEntry[]): void {
    for (const { lines, digest } of entries) {
      if (digest !== undefined && this.#usesDigests && this.#settles(digest)) this.#digest(digest, lines);
      else this.read(lines, (end) => this.#isFirst(end));
    }
  }

  /** What comes from here on is from the writer whose tasks' output this is. */
  from(logs: TaskLogs): void {
    this.#logs = logs;
  }

  /** What was recorded before: records whose outputs are partly there. `silent`: nobody is told of them. */
  replaying(logs: TaskLogs, has: { results: boolean; errors: boolean; log: boolean }): void {
    this.#logs = logs;
    this.#results = has.results ? null : this.files.results;
    this.#errors = has.errors ? null : this.files.errors;
    this.#log = has.log ? null : this.files.log;
    this.#listener = {};
  }

  /** From here on all that comes is new. */
  live(): void {
    this.#logs = this.#options.logs;
    this.#results = this.files.results;
    this.#errors = this.files.errors;
    this.#log = this.files.log;
    this.#listener = this.#options.listener;
  }

  /** Whole lines. `counts` says of each final record whether it is the one that counts for its task. */
  read(lines: Buffer, counts: (end: ScannedEnd) => boolean): void {
    const text = lines.toString('latin1');
    const onEnd = (end: ScannedEnd): void => {
      if (end.final && counts(end)) this.#end(text, end, lines);
    };
    let from = 0;
    for (const [begin, end] of eventLines(text)) {
      if (begin > from) scanEnds(text, onEnd, from, begin);
      for (const line of this.#options.describe(parseEvent(text, begin, end))) this.note(line);
      from = end + 1;
    }
    if (from < text.length) scanEnds(text, onEnd, from);
  }

  /** Takes one record that counts. `text` is `bytes` as latin1. */
  count(text: string, end: ScannedEnd, bytes: Buffer): void {
    this.#end(text, end, bytes);
  }

  /** Writes the lines of one record that was counted before. `text` is `bytes` as latin1. */
  rewrite(text: string, end: ScannedEnd, bytes: Buffer): void {
    this.#tally = this.#noTally;
    this.#end(text, end, bytes);
    this.#tally = this.#ownTally;
  }

  #isFirst(end: ScannedEnd): boolean {
    if (this.states.settle(end.task, end.failure === null ? OK : ERROR)) return true;
    this.contested = true;
    return false;
  }

  /** Each result that is shown on its own is read on its own. */
  get #usesDigests(): boolean {
    return this.#listener.onResult === undefined;
  }

  /** False: a task has an outcome already, which needs a closer look. */
  #settles({ tasks }: Digest): boolean {
    const [only] = tasks;
    return tasks.length === 1 && only !== undefined && this.states.settleRange(only[0], only[1]);
  }

  #digest({ tasks, results, resultCount, log, durations }: Digest, lines: Buffer): void {
    const [, count] = tasks[0] as readonly [number, number];
    this.#tally.counts.done += count;
    this.#tally.counts.ok += count;
    this.#tally.counts.results += resultCount;
    for (let i = 0; i < durations.length; i += 2) {
      this.#tally.durations.addTo(durations[i] as number, durations[i + 1] as number);
    }
    if (count <= FEW) {
      scanEnds(lines.toString('latin1'), ({ task, duration, rss }) =>
        this.#tally.measured(task, duration, rss),
      );
    }
    this.#results?.writeBytes(results);
    this.#log?.writeBytes(log);
  }

  /** Writes what waits. */
  flush(): void {
    for (const file of this.#all()) file.flush();
  }

  /** Forces what is written to disk. */
  async sync(): Promise<void> {
    await Promise.all(this.#all().map((file) => file.sync()));
  }

  close(): void {
    for (const file of this.#all()) file.close();
  }

  /** Lets go of the files without writing what waits: the disk is full, or the run is another's. */
  abandon(): void {
    for (const file of this.#all()) file.abandon();
  }

  #all(): OutputFile[] {
    return Object.values(this.files).filter((file) => file !== null) as OutputFile[];
  }

  /** A line of ours in the log file. */
  note(text: string): void {
    this.#log?.write(toLatin1(`${text}\n`));
  }

  /** `text` is `bytes` as latin1. */
  #end(text: string, end: ScannedEnd, bytes: Buffer): void {
    this.#tally.counts.done++;
    this.#tally.durations.add(end.duration);
    this.#tally.measured(end.task, end.duration, end.rss);
    if (end.log !== null) this.#copyLog(end.task, end.log);
    if (end.failure === null) {
      this.#tally.counts.ok++;
      this.#ok(text, end, bytes);
    } else {
      this.#tally.counts.errors++;
      this.#tally.counts.failures[end.failure] = (this.#tally.counts.failures[end.failure] ?? 0) + 1;
      this.#failed(text, end, end.failure);
    }
  }

  #ok(text: string, { task, valueFrom, valueTo }: ScannedEnd, bytes: Buffer): void {
    if (text.charCodeAt(valueFrom) === 91 && !this.#options.spec.groupedResults) {
      for (const item of splitList(text, valueFrom)) this.#result(item, task);
    } else if (valueTo - valueFrom > LONG_VALUE && this.#usesDigests) {
      this.#tally.counts.results++;
      this.#results?.writeLine(bytes.subarray(valueFrom, valueTo));
      this.#logResult(text.slice(valueFrom, valueTo), task);
    } else {
      this.#result(text.slice(valueFrom, valueTo), task);
    }
  }

  #result(json: string, task: number): void {
    if (json === 'null') return;
    this.#tally.counts.results++;
    this.#results?.write(`${json}\n`);
    this.#listener.onResult?.(json);
    this.#logResult(json, task);
  }

  #logResult(json: string, task: number): void {
    if (this.#log === null) return;
    if (json.length <= LOGGED_VALUE) {
      this.#log.write(`[${task}] RESULT ${json}\n`);
      return;
    }
    let cut = LOGGED_VALUE;
    // Not within a character: the bytes of one, but for its first, begin with the bits 10.
    while ((json.charCodeAt(cut) & 0xc0) === 0x80) cut--;
    this.#log.write(`[${task}] RESULT ${json.slice(0, cut)}... (${json.length} bytes)\n`);
  }

  #failed(text: string, end: ScannedEnd, failure: FailureType): void {
    const json = text.slice(end.valueFrom, end.valueTo);
    const { spec } = this.#options;
    if (failure !== 'returned') {
      const error = JSON.parse(fromLatin1(json)) as TaskErrorInfo;
      this.#tally.failed(end.task, failure, error.type, error.message);
      this.#error(() => thrownErrorLine(error, this.#failedTask(end, failure), spec), end.task);
      return;
    }
    if (json.startsWith('[') && !spec.groupedResults) {
      let first: unknown;
      for (const item of splitList(json, 0)) {
        const value: unknown = item === 'null' ? null : JSON.parse(fromLatin1(item));
        if (!isErrorValue(value)) this.#result(item, end.task);
        else {
          first ??= value;
          this.#error(() => returnedErrorLine(value, this.#failedTask(end, failure), spec), end.task);
        }
      }
      this.#tally.failed(end.task, failure, null, errorMessage(first));
      return;
    }
    const value: unknown = JSON.parse(fromLatin1(json));
    this.#tally.failed(end.task, failure, null, errorMessage(value));
    this.#error(() => returnedErrorLine(value, this.#failedTask(end, failure), spec), end.task);
  }

  #failedTask(end: ScannedEnd, failure: FailureType): FailedTask {
    return {
      task: end.task,
      failure,
      args: this.#options.args.line(end.task),
      log: end.log === null ? '' : fromLatin1(this.#logs.tail(...end.log, LOG_TAIL_BYTES)),
    };
  }

  #error(line: () => string, task: number): void {
    if (this.#errors === null && this.#log === null && this.#listener.onError === undefined) return;
    const bytes = toLatin1(line());
    this.#errors?.write(`${bytes}\n`);
    this.#log?.write(`[${task}] ERROR ${bytes}\n`);
    this.#listener.onError?.(bytes, task);
  }

  #copyLog(task: number, [host, from, to]: readonly [number, number, number]): void {
    this.#listener.onTaskLog?.(task, host, from, to);
    if (this.#log === null) return;
    const pieces = this.#logs.read(host, from, to);
    for (const line of textLines(pieces, (text) => this.isShown(text)))
      this.#log.write(`[${task}] ${line}\n`);
  }

  /** False: `suppress` hides this line (latin1 text) of a task's output. */
  isShown(line: string): boolean {
    return !this.#suppress.some((text) => line.includes(text));
  }
}
