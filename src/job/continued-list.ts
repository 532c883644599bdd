/** Goes on with an argument list whose production was cut off. */
import { JobError } from '../base/errors.js';
import type { RunFile } from '../contract/spec.js';
import type { ArgsWriter } from '../store/args-store.js';
import { ArgsReader } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';
import { argumentLine, listThrew, type ArgumentList } from './argument-list.js';
import type { ListedArguments } from './task-source.js';

const OFFER = 'Finish what was recorded of it with `dl_jobs resume --seal`.';

/** Why the list cannot be produced again. */
export function unfinished(run: RunFile, recorded: number, why: string): JobError {
  return new JobError(
    'ARGS_UNFINISHED',
    `${run.id}: the argument list ended after ${recorded} elements without saying that it was complete, and cannot be produced again: ${why}`,
    { hint: OFFER },
  );
}

/**
 * Takes from `list` the elements that are on disk already, and compares them: the list goes on from there.
 *
 * Throws ARGS_CHANGED at the first that differs.
 */
export async function skipRecorded(
  list: ArgumentList,
  paths: RunPaths,
  writer: ArgsWriter,
): Promise<ListedArguments> {
  if (list.kind === 'count') throw changed(0, 'a count', 'a list');
  const args = new ArgsReader(paths);
  try {
    for (let index = 0; index < writer.count; index++) {
      let next: IteratorResult<unknown>;
      try {
        const step = list.elements.next();
        next = step instanceof Promise ? await step : step;
      } catch (error) {
        throw listThrew(error, index);
      }
      const was = args.line(index);
      if (next.done === true) throw changed(index, 'its end', was);
      const line = argumentLine(list.kind === 'async' ? await next.value : next.value, index);
      if (line !== was) throw changed(index, line, was);
      // Others get their turn: the lock has to be held meanwhile.
      if (index % 1024 === 1023) await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    args.close();
  }
  return list;
}

function changed(index: number, got: string, was: string): JobError {
  const cut = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text);
  return new JobError(
    'ARGS_CHANGED',
    `argsList[${index}]: expected the element that was recorded, ${cut(was)}, got ${cut(got)}`,
    { hint: `The job function does not give the same list again. ${OFFER}` },
  );
}
