/**
 * The collector: turns journal lines into the user's results, errors and log file, and keeps the counts.
 * It only reads records; the same lines give the same outputs, whoever wrote them and whenever they come.
 */
import { FAILURE_TYPES, type FailureType, type TaskErrorInfo } from '../contract/record.js';
import { scanEnds, splitList, type ScannedEnd } from '../contract/record-scan.js';
import type { JobSpec, OutputPaths } from '../contract/spec.js';
import { Histogram } from '../base/histogram.js';
import type { Digest } from '../contract/platform.js';
import type { JournalEntry } from '../store/journal-writer.js';
import type { ArgsReader } from '../store/args-store.js';
import { returnedErrorLine, thrownErrorLine, type FailedTask } from './error-line.js';

import { OutputFile, fromLatin1, toLatin1 } from './output-file.js';
import type { TaskLogs } from './task-logs.js';
import { textLines } from './text-lines.js';
import { TaskStates } from './task-states.js';

export interface Counts {
  /** Tasks with a final outcome. */
  done: number;
  ok: number;
  errors: number;
  /** Lines in the results file. */
  results: number;
  readonly failures: Record<FailureType, number>;
}

/** What wants to hear of outcomes as they come. */
export interface CollectorListener {
  /** A result line, as latin1 bytes without newline. */
  onResult?(line: string): void;
  /** An error line, likewise. */
  onError?(line: string, task: number): void;
  /** A task ended that wrote output. */
  onTaskLog?(task: number, host: number, from: number, to: number): void;
}

export interface CollectorOptions {
  readonly spec: JobSpec;
  readonly outputs: OutputPaths;
  readonly args: ArgsReader;
  readonly logs: TaskLogs;
  readonly listener: CollectorListener;
}

/** How much of a task's output an error line carries. */
const LOG_TAIL_BYTES = 4_096;
/** Longer results stand in the log file cut short: they are in the results file. */
const LOGGED_VALUE = 500;
/** From this many bytes on, a value is copied as bytes instead of as text. */
const LONG_VALUE = 1_024;

export class Collector {
  readonly counts: Counts = {
    done: 0,
    ok: 0,
    errors: 0,
    results: 0,
    failures: Object.fromEntries(FAILURE_TYPES.map((type) => [type, 0])) as Record<FailureType, number>,
  };
  readonly durations = new Histogram();
  readonly results: OutputFile | null;
  readonly errors: OutputFile | null;
  readonly log: OutputFile | null;
  readonly #options: CollectorOptions;
  readonly #states = new TaskStates();
  readonly #suppress: readonly string[];

  constructor(options: CollectorOptions) {
    const { outputs, spec } = options;
    this.#options = options;
    this.results = outputs.results === null ? null : new OutputFile(outputs.results, outputs.fixedNames);
    this.errors = outputs.errors === null ? null : new OutputFile(outputs.errors, outputs.fixedNames);
    this.log = outputs.log === null ? null : new OutputFile(outputs.log, false);
    this.#suppress = spec.suppress.map(toLatin1);
  }

  /** Journal entries, in the order they were written. */
  consume(entries: readonly JournalEntry[]): void {
    for (const { lines, digest } of entries) {
      if (digest !== undefined && this.#usesDigests && this.#settles(digest)) this.#digest(digest);
      else this.#read(lines);
    }
  }

  #read(lines: Buffer): void {
    const text = lines.toString('latin1');
    scanEnds(text, (end) => this.#end(text, end, lines));
  }

  /** Each result that is shown on its own is read on its own. */
  get #usesDigests(): boolean {
    return this.#options.listener.onResult === undefined;
  }

  /** False: a task has an outcome already, which needs a closer look. */
  #settles({ tasks }: Digest): boolean {
    const [only] = tasks;
    return tasks.length === 1 && only !== undefined && this.#states.settleRange(only[0], only[1]);
  }

  #digest({ tasks, results, resultCount, log, durations }: Digest): void {
    const [, count] = tasks[0] as readonly [number, number];
    this.counts.done += count;
    this.counts.ok += count;
    this.counts.results += resultCount;
    for (let i = 0; i < durations.length; i += 2) {
      this.durations.addTo(durations[i] as number, durations[i + 1] as number);
    }
    this.results?.writeBytes(results);
    this.log?.writeBytes(log);
  }

  /** Writes what waits. */
  flush(): void {
    this.results?.flush();
    this.errors?.flush();
    this.log?.flush();
  }

  close(): void {
    this.results?.close();
    this.errors?.close();
    this.log?.close();
  }

  /** A line of ours in the log file. */
  note(text: string): void {
    this.log?.write(toLatin1(`${text}\n`));
  }

  /** `text` is `bytes` as latin1. */
  #end(text: string, end: ScannedEnd, bytes: Buffer): void {
    if (!end.final || !this.#states.settle(end.task, end.failure === null)) return;
    this.counts.done++;
    this.durations.add(end.duration);
    if (end.log !== null) this.#copyLog(end.task, end.log);
    if (end.failure === null) {
      this.counts.ok++;
      this.#ok(text, end, bytes);
    } else {
      this.counts.errors++;
      this.counts.failures[end.failure] = (this.counts.failures[end.failure] ?? 0) + 1;
      this.#failed(text, end, end.failure);
    }
  }

  #ok(text: string, { task, valueFrom, valueTo }: ScannedEnd, bytes: Buffer): void {
    if (text.charCodeAt(valueFrom) === 91 && !this.#options.spec.groupedResults) {
      for (const item of splitList(text, valueFrom)) this.#result(item, task);
    } else if (valueTo - valueFrom > LONG_VALUE && this.#usesDigests) {
      this.counts.results++;
      this.results?.writeLine(bytes.subarray(valueFrom, valueTo));
      this.#logResult(text.slice(valueFrom, valueTo), task);
    } else {
      this.#result(text.slice(valueFrom, valueTo), task);
    }
  }

  #result(json: string, task: number): void {
    if (json === 'null') return;
    this.counts.results++;
    this.results?.write(`${json}\n`);
    this.#options.listener.onResult?.(json);
    this.#logResult(json, task);
  }

  #logResult(json: string, task: number): void {
    if (this.log === null) return;
    if (json.length <= LOGGED_VALUE) {
      this.log.write(`[${task}] RESULT ${json}\n`);
      return;
    }
    let cut = LOGGED_VALUE;
    // Not within a character: the bytes of one, but for its first, begin with the bits 10.
    while ((json.charCodeAt(cut) & 0xc0) === 0x80) cut--;
    this.log.write(`[${task}] RESULT ${json.slice(0, cut)}... (${json.length} bytes)\n`);
  }

  #failed(text: string, end: ScannedEnd, failure: FailureType): void {
    const failed: FailedTask = {
      task: end.task,
      failure,
      args: this.#options.args.line(end.task),
      log: end.log === null ? '' : fromLatin1(this.#options.logs.tail(...end.log, LOG_TAIL_BYTES)),
    };
    const { spec } = this.#options;
    const json = text.slice(end.valueFrom, end.valueTo);
    if (failure !== 'returned') {
      this.#error(thrownErrorLine(JSON.parse(fromLatin1(json)) as TaskErrorInfo, failed, spec), end.task);
      return;
    }
    if (json.startsWith('[') && !spec.groupedResults) {
      for (const item of splitList(json, 0)) {
        const value: unknown = item === 'null' ? null : JSON.parse(fromLatin1(item));
        if (isErrorValue(value)) this.#error(returnedErrorLine(value, failed, spec), end.task);
        else this.#result(item, end.task);
      }
      return;
    }
    this.#error(returnedErrorLine(JSON.parse(fromLatin1(json)), failed, spec), end.task);
  }

  #error(line: string, task: number): void {
    const bytes = toLatin1(line);
    this.errors?.write(`${bytes}\n`);
    this.log?.write(`[${task}] ERROR ${bytes}\n`);
    this.#options.listener.onError?.(bytes, task);
  }

  #copyLog(task: number, [host, from, to]: readonly [number, number, number]): void {
    this.#options.listener.onTaskLog?.(task, host, from, to);
    if (this.log === null) return;
    const pieces = this.#options.logs.read(host, from, to);
    for (const line of textLines(pieces, (text) => this.isShown(text))) this.log.write(`[${task}] ${line}\n`);
  }

  /** False: `suppress` hides this line (latin1 text) of a task's output. */
  isShown(line: string): boolean {
    return !this.#suppress.some((text) => line.includes(text));
  }
}

function isErrorValue(value: unknown): boolean {
  if (typeof value === 'string') return value.startsWith('ERROR');
  return typeof value === 'object' && value !== null && Boolean((value as { ERROR?: unknown }).ERROR);
}
