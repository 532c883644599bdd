/** Reads errors back from a run folder. */
import type { RunFile } from '../contract/spec.js';
import type { RunPaths } from '../store/run-folder.js';
import { writerOf } from './journal-tail.js';
import { fromLatin1 } from './output-file.js';
import { RecordLines } from './record-lines.js';
import { surveyRun } from './survey.js';
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

/** What the errors file of the run holds; as many rows for a task as it has lines there. */
export function* readErrors(paths: RunPaths, run: RunFile): Generator<TaskErrorRow> {
  const survey = surveyRun(paths);
  const readers = new Map<number, RecordLines>();
  const readerOf = (shard: number): RecordLines => {
    let reader = readers.get(shard);
    if (reader === undefined) {
      // Shards come one after the other: of the one before no more is asked.
      for (const old of readers.values()) old.close();
      readers.clear();
      reader = new RecordLines(paths, run, writerOf(survey.shards[shard] as string), 'errors');
      readers.set(shard, reader);
    }
    return reader;
  };
  try {
    for (const chunk of winningChunks(paths, survey)) {
      const found: [task: number, line: string][] = [];
      chunk((end, text, bytes, shard) => {
        if (end.failure === null) return;
        for (const line of readerOf(shard).of(end, text, bytes)) found.push([end.task, line]);
      });
      for (const [task, line] of found) {
        yield { ...(JSON.parse(fromLatin1(line)) as TaskErrorRow), task };
      }
    }
  } finally {
    for (const reader of readers.values()) reader.close();
  }
}
