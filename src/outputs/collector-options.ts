/** What a collector works with. */
import type { EventRecord } from '../contract/record.js';
import type { JobSpec } from '../contract/spec.js';
import type { ArgsReader } from '../store/args-store.js';
import type { OutputFile } from './output-file.js';
import type { TaskLogs } from './task-logs.js';
import type { TaskStates } from './task-states.js';

/** What wants to hear of outcomes as they come. */
export interface CollectorListener {
  /** A result line, as latin1 bytes without newline. */
  onResult?(line: string): void;
  /** An error line, likewise. */
  onError?(line: string, task: number): void;
  /** A task ended that wrote output. */
  onTaskLog?(task: number, host: number, from: number, to: number): void;
}

/** The files to write; null: not wanted. */
export interface CollectorFiles {
  readonly results: OutputFile | null;
  readonly errors: OutputFile | null;
  readonly log: OutputFile | null;
}

export interface CollectorOptions {
  readonly spec: JobSpec;
  readonly files: CollectorFiles;
  readonly args: ArgsReader;
  /** Output of the tasks whose records come. */
  readonly logs: TaskLogs;
  readonly listener: CollectorListener;
  /** Lines of the log file for an event of the journal. */
  readonly describe: (event: EventRecord) => readonly string[];
  /** The outcomes there are. @default none */
  readonly states?: TaskStates;
}
