/** `dl_jobs results [RUN]`: the results of a run, also while it is running. */
import { checkTask } from '../../outputs/known-task.js';
import { describeFailure } from '../../outputs/describe-outcome.js';
import { findTask } from '../../outputs/find-task.js';
import {
  resultsOfRun,
  resultsOfTask,
  type FormatOptions,
  type ResultFormat,
} from '../../outputs/result-formats.js';
import { readRun, type RunPaths } from '../../store/run-folder.js';
import type { Io } from '../io.js';
import { printAll } from '../print.js';
import type { ParsedCommand } from '../tokenize.js';
import { namedRun, typedRun } from './run-word.js';

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const { format, with_args: withArgs = false, ordered = false, task } = parsed.options;
  const options: FormatOptions = { format: (format ?? 'ndjson') as ResultFormat, withArgs, ordered };
  const paths = await namedRun(parsed, io);
  if (task !== undefined) return await printOne(paths, typedRun(parsed, paths), task, options, io);
  await printAll(io, resultsOfRun(paths, readRun(paths), options));
  return 0;
}

/** Of one task; 1 when it has no result. */
async function printOne(
  paths: RunPaths,
  name: string,
  task: number,
  options: FormatOptions,
  io: Io,
): Promise<number> {
  const run = readRun(paths);
  checkTask(paths, task);
  const { outcome, unfinished } = findTask(paths, task);
  if (outcome === null) {
    const when = unfinished === null ? 'has not run yet' : 'has not ended';
    io.stderr.write(`task ${task} ${when}: it has no result\n`);
    return 1;
  }
  await printAll(io, resultsOfTask(paths, run, options, task, outcome));
  if (outcome.failure === null) return 0;
  const { round, attempt } = outcome;
  io.stderr.write(
    [
      `task ${task} failed in round ${round}, attempt ${attempt}: ${describeFailure(outcome)}`,
      `  dl_jobs errors ${name}`,
      `  dl_jobs logs ${name} --task ${task}`,
      `  dl_jobs replay ${name} --task ${task}`,
      '',
    ].join('\n'),
  );
  return 1;
}
