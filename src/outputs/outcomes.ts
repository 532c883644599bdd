/** What each task of a run came to, for a program that takes them all: its value, or its line of errors. */
import type { FailureType } from '../contract/record.js';
import type { RunFile } from '../contract/spec.js';
import type { RunPaths } from '../store/run-folder.js';
import { ErrorLines } from './run-errors.js';
import { surveyRun } from './survey.js';
import { winningChunks } from './winning-ends.js';

/** How one task ended. */
export interface OutcomeText {
  /** 0-based index in the argument list. */
  readonly task: number;
  /** Null: ok. */
  readonly failure: FailureType | null;
  /** JSON as latin1 text: what the function returned, also an error result; else the line of the errors file. */
  readonly json: string;
}

/** In the order of the records. */
export function* outcomeTexts(paths: RunPaths, run: RunFile): Generator<OutcomeText> {
  const survey = surveyRun(paths);
  const errors = new ErrorLines(paths, run, survey);
  try {
    for (const chunk of winningChunks(paths, survey)) {
      const found: OutcomeText[] = [];
      chunk((end, text, bytes, shard) => {
        const { task, failure } = end;
        const isValue = failure === null || failure === 'returned';
        const json = isValue
          ? text.slice(end.valueFrom, end.valueTo)
          : (errors.of(end, text, bytes, shard)[0] ?? 'null');
        found.push({ task, failure, json });
      });
      yield* found;
    }
  } finally {
    errors.close();
  }
}
