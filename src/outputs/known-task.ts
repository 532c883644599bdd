import { UsageError } from '../base/errors.js';
import { readSealed } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';

/** Throws TASK_NOT_FOUND for a task beyond the argument list. Of a list that has not ended any task may still come. */
export function checkTask(paths: RunPaths, task: number): void {
  const count = readSealed(paths)?.count ?? Infinity;
  if (task >= count) throw taskNotFound(paths, task, count);
}

/** The error for a task beyond the `count` that there are. */
export function taskNotFound(paths: RunPaths, task: number, count: number): UsageError {
  const expected =
    count === 0 ? 'but the run has no tasks' : count === 1 ? 'the only one is 0' : `from 0 to ${count - 1}`;
  return new UsageError('TASK_NOT_FOUND', `expected the index of a task, ${expected}, got ${task}`, {
    hint: `Tasks are numbered from 0 in the order of the argument list of ${paths.dir}.`,
  });
}
