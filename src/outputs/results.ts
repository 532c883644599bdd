/** Reads values back from a run folder. */
import { ArgsReader } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';
import { fromLatin1 } from './output-file.js';
import { surveyRun } from './survey.js';
import { orderedWinners, winningChunks } from './winning-ends.js';

/** How results are read back. */
export interface ResultsOptions {
  /** In the order of the argument list instead of that of arrival; reads the records several times. @default false */
  readonly ordered?: boolean;
  /** Read each task's arguments too. @default false */
  readonly withArgs?: boolean;
}

/** What one ok task gave. */
export interface TaskResultRow<R = unknown> {
  /** 0-based index in the argument list. */
  readonly task: number;
  /** With `withArgs`: the element, or `{args, kwargs}` of a single-task job. */
  readonly args?: unknown;
  /** As JSON holds it. */
  readonly value: R;
}

/** The ok tasks of a run, one row each; values of failed tasks are not among them. */
export async function* readResults<R>(
  paths: RunPaths,
  options: ResultsOptions = {},
): AsyncGenerator<TaskResultRow<R>> {
  const args = options.withArgs === true ? new ArgsReader(paths) : null;
  try {
    for (const { task, json } of resultTexts(paths, options.ordered === true)) {
      yield {
        task,
        ...(args !== null && { args: JSON.parse(args.line(task)) as unknown }),
        value: JSON.parse(fromLatin1(json)) as R,
      };
    }
  } finally {
    args?.close();
  }
}

/** The value of each ok task, as latin1 bytes of its JSON. */
export function* resultTexts(paths: RunPaths, ordered: boolean): Generator<{ task: number; json: string }> {
  const survey = surveyRun(paths);
  if (ordered) {
    for (const { end, text } of orderedWinners(paths, survey)) {
      if (end.failure === null) yield { task: end.task, json: text.slice(end.valueFrom, end.valueTo) };
    }
    return;
  }
  for (const chunk of winningChunks(paths, survey)) {
    const found: { task: number; json: string }[] = [];
    chunk((end, text) => {
      if (end.failure === null) found.push({ task: end.task, json: text.slice(end.valueFrom, end.valueTo) });
    });
    yield* found;
  }
}
