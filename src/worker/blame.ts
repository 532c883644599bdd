/**
 * Who is to blame when a host dies: the task that the host itself named as the one it runs, or else only a task that
 * was alone in it. Where neither is known, the unanswered tasks of what the host was in run again one at a time.
 * What it had not begun goes back as it was.
 */
import type { TaskBatch } from '../contract/platform.js';
import { restOf, splitBatch, type Outstanding, type Place } from './outstanding.js';

export interface Verdict {
  /** Tasks that are charged with the death. */
  readonly guilty: readonly Place[];
  /** Each runs again, alone in its host. */
  readonly suspects: readonly TaskBatch[];
  /** Tasks that the host had not begun, or that another one took down with it. */
  readonly innocent: readonly TaskBatch[];
}

/**
 * @param outstanding - the batches that were not answered in full, in the order they were sent
 * @param sequential - the host ran one task at a time, and so began a batch only once the one before was answered
 * @param named - the unanswered task that a sequential host said it ran
 */
export function blame(
  outstanding: readonly Outstanding[],
  sequential: boolean,
  named: Place | undefined,
): Verdict {
  if (named !== undefined) return only([named], outstanding);
  const [first, ...others] = outstanding;
  if (first === undefined) return { guilty: [], suspects: [], innocent: [] };
  if (others.length === 0 && first.batch.count === 1)
    return { guilty: [{ out: first, position: 0 }], suspects: [], innocent: [] };
  const suspected = sequential ? [first] : outstanding;
  return {
    guilty: [],
    suspects: suspected.flatMap(splitBatch).map(alone),
    innocent: sequential ? others.flatMap(splitBatch) : [],
  };
}

/** These tasks are guilty, and nobody else. */
export function only(guilty: readonly Place[], outstanding: readonly Outstanding[]): Verdict {
  const innocent = outstanding.flatMap((out) => {
    const places = guilty.filter((place) => place.out === out).map((place) => place.position);
    const rest = restOf(out, new Set(places));
    return rest === null ? [] : [rest];
  });
  return { guilty, suspects: [], innocent };
}

/** One task is suspected, and nobody else. */
export function suspect(place: Place, outstanding: readonly Outstanding[]): Verdict {
  const { out, position } = place;
  const others = out.answered.flatMap((answered, i) => (answered || i === position ? [] : [i]));
  const itself = restOf(out, new Set(others));
  const { innocent } = only([place], outstanding);
  return { guilty: [], suspects: itself === null ? [] : [alone(itself)], innocent };
}

function alone(batch: TaskBatch): TaskBatch {
  return { ...batch, alone: true };
}
