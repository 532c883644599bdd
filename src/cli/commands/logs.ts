/** `dl_jobs logs [RUN]`: what the tasks of a run wrote. */
import { checkTask } from '../../outputs/known-task.js';
import { runLogs } from '../../outputs/run-logs.js';
import { taskOutput } from '../../outputs/task-output.js';
import { readRun } from '../../store/run-folder.js';
import { UsageError } from '../../base/errors.js';
import type { Io } from '../io.js';
import { print } from '../print.js';
import type { ParsedCommand } from '../tokenize.js';
import { namedRun } from './run-word.js';

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const { task, errors = false, follow = false } = parsed.options;
  if (task !== undefined && errors) {
    throw new UsageError('USAGE', 'expected --task or --errors, got both', {
      hint: '--errors picks tasks, --task names one.',
    });
  }
  const paths = await namedRun(parsed, io);
  const run = readRun(paths);
  if (task !== undefined) checkTask(paths, task);
  const pieces =
    task === undefined
      ? runLogs(paths, run, { onlyErrors: errors, follow })
      : taskOutput(paths, run, task, follow);
  for await (const piece of pieces) {
    if ('note' in piece) io.stderr.write(`${piece.note}\n`);
    else if (!(await print(io, piece.output))) break;
  }
  return 0;
}
