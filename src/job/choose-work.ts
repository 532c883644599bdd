/** Which tasks a further round of a run works on. */
import { UsageError } from '../base/errors.js';
import type { FailureType } from '../contract/record.js';
import type { RunFile } from '../contract/spec.js';
import type { Survey } from '../outputs/survey.js';
import { ERROR, NONE, OK } from '../outputs/task-states.js';
import { winningChunks } from '../outputs/winning-ends.js';
import { readWork } from '../store/rounds.js';
import type { RunPaths } from '../store/run-folder.js';
import { WorkList } from '../store/work-list.js';

/** What `retry` is asked for. */
export interface RetryChoice {
  /** Only tasks that failed so. @default all that failed */
  readonly failureTypes?: readonly FailureType[];
  /** Only these tasks: ranges of indexes, both ends included. */
  readonly tasks?: readonly (readonly [from: number, to: number])[];
  /** Run tasks of `tasks` that are ok, too. @default false */
  readonly again?: boolean;
}

/** Tasks without a final outcome, and those that a retry had begun with and did not get to. */
export function unfinishedWork(paths: RunPaths, survey: Survey, count: number, open: boolean): WorkList {
  const work = new WorkList(count, open);
  for (let task = 0; task < count; task++) if (survey.states.get(task) === NONE) work.add(task);
  const last = survey.rounds.at(-1);
  const before = last === undefined ? null : readWork(paths, last);
  if (before === null) return work;
  for (let task = before.next(0); task >= 0; task = before.next(task + 1)) {
    if (survey.lastRound.get(task) === NONE) work.add(task);
  }
  return work;
}

/** Throws TASK_NOT_FOUND, and USAGE for tasks that are ok and not to be run again. */
export function retryWork(
  paths: RunPaths,
  run: RunFile,
  survey: Survey,
  count: number,
  choice: RetryChoice,
): WorkList {
  const { failureTypes, tasks, again = false } = choice;
  const work = new WorkList(count, false);
  if (tasks === undefined) {
    for (let task = 0; task < count; task++) if (survey.states.get(task) === ERROR) work.add(task);
  }
  for (const [from, to] of tasks ?? []) {
    if (to >= count) {
      throw new UsageError('TASK_NOT_FOUND', `--tasks: expected indexes from 0 to ${count - 1}, got ${to}`, {
        hint: `${run.id} has ${count} tasks.`,
      });
    }
    for (let task = from; task <= to; task++) {
      if (survey.states.get(task) === OK && !again) {
        throw new UsageError('USAGE', `--tasks: expected tasks that are not ok, got ${task}, which is`, {
          hint: 'Leave it out, or add --again: what it returns then takes the place of its result.',
        });
      }
      work.add(task);
    }
  }
  if (failureTypes !== undefined) keepFailures(paths, survey, work, new Set(failureTypes));
  return work;
}

function keepFailures(
  paths: RunPaths,
  survey: Survey,
  work: WorkList,
  types: ReadonlySet<FailureType>,
): void {
  for (const chunk of winningChunks(paths, survey)) {
    chunk(({ task, failure }) => {
      if (failure !== null && task < work.of && !types.has(failure)) work.remove(task);
    });
  }
  for (let task = work.next(0); task >= 0; task = work.next(task + 1)) {
    if (survey.states.get(task) !== ERROR) work.remove(task);
  }
}
