/** Reads errors back from a run folder. */
import type { ScannedEnd } from '../contract/record-scan.js';
import type { RunFile } from '../contract/spec.js';
import type { RunPaths } from '../store/run-folder.js';
import { writerOf } from './journal-tail.js';
import { fromLatin1 } from './output-file.js';
import { RecordLines } from './record-lines.js';
import { surveyRun, type Survey } from './survey.js';
import { winningChunks } from './winning-ends.js';

/** A line of the errors file, and the task that it is of. */
export interface TaskErrorRow {
  /** 0-based index in the argument list. */
  readonly task: number;
  /** What went wrong: the message, or what the function returned. */
  readonly ERROR: unknown;
  /** Positional arguments of the task. */
  readonly ARGS: unknown;
  /** Keyword arguments of the task. */
  readonly KWARGS: unknown;
  /** Its index, unless an error result has a `TASK_ID` of its own. */
  readonly TASK_ID: unknown;
  /** One of the failure types. */
  readonly FAILURE_TYPE: unknown;
  /** Class of what was thrown; null for an error that was returned. */
  readonly TYPE: unknown;
  /** In the user's own files; null for an error that was returned. */
  readonly STACK: unknown;
  /** The last lines that the task wrote. */
  readonly LOG: unknown;
  /** Further keys of an error result. */
  readonly [key: string]: unknown;
}

/** The lines of the errors file that records give, shard by shard. */
export class ErrorLines {
  readonly #paths: RunPaths;
  readonly #run: RunFile;
  readonly #survey: Survey;
  #shard = -1;
  #reader: RecordLines | null = null;

  constructor(paths: RunPaths, run: RunFile, survey: Survey) {
    this.#paths = paths;
    this.#run = run;
    this.#survey = survey;
  }

  /** Of a failed task's record; latin1 text, without newlines. */
  of(end: ScannedEnd, text: string, bytes: Buffer, shard: number): readonly string[] {
    if (shard !== this.#shard || this.#reader === null) {
      // Shards come one after the other: of the one before no more is asked.
      this.close();
      const writer = writerOf(this.#survey.shards[shard] as string);
      this.#reader = new RecordLines(this.#paths, this.#run, writer, 'errors');
      this.#shard = shard;
    }
    return this.#reader.of(end, text, bytes);
  }

  close(): void {
    this.#reader?.close();
    this.#reader = null;
  }
}

/** What the errors file of the run holds; as many rows for a task as it has lines there. */
export function* readErrors(paths: RunPaths, run: RunFile): Generator<TaskErrorRow> {
  const survey = surveyRun(paths);
  const lines = new ErrorLines(paths, run, survey);
  try {
    for (const chunk of winningChunks(paths, survey)) {
      const found: [task: number, line: string][] = [];
      chunk((end, text, bytes, shard) => {
        if (end.failure === null) return;
        for (const line of lines.of(end, text, bytes, shard)) found.push([end.task, line]);
      });
      for (const [task, line] of found) {
        yield { ...(JSON.parse(fromLatin1(line)) as TaskErrorRow), task };
      }
    }
  } finally {
    lines.close();
  }
}
