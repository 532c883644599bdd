/** What the user sees of runs; the command line and scripts bring their own way of showing it. */
import type { QueueStatus, WorkerStatus } from '../contract/platform.js';
import type { Counts } from '../outputs/tally.js';
import type { RunSummary } from '../outputs/summary.js';
import type { JobSpec } from '../contract/spec.js';

/** A look at a run, at any time. */
export interface RunView {
  readonly id: string;
  readonly dir: string;
  readonly spec: JobSpec;
  /** Tasks of the run; null while the argument list has not ended and says no length. */
  total(): number | null;
  readonly counts: Readonly<Counts>;
  /** Tasks that were done when this round began. */
  readonly doneBefore: number;
  workers(): WorkerStatus;
  /** What the platform's scheduler says; null: nothing yet, or there is none. */
  queue?(): QueueStatus | null;
  /** Epoch milliseconds. */
  readonly started: number;
}

/** Lines are bytes as latin1 text, without their newline, unless said otherwise. */
export interface Reporter {
  /** Plain text: something to know. */
  notice(text: string): void;
  /** Plain text: something is not as it was asked for. */
  warn(text: string): void;
  started?(view: RunView): void;
  result?(line: string): void;
  error?(line: string, task: number): void;
  /** Output of the only task of a run, as it is written: bytes. */
  liveOutput?(bytes: Buffer): void;
  /** After the run, for each task that wrote output; the lines that `suppress` leaves. */
  taskLog?(task: number, lines: Iterable<string>): void;
  /** No more lines come; `finished` follows. */
  ended?(): void;
  finished?(summary: RunSummary): void;
}
