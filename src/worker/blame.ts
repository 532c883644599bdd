/**
 * Who is to blame when a host dies: only a task that was alone in it. The other unanswered tasks of what the host
 * was in run again one at a time, and what it had not begun goes back as it was.
 */
import type { TaskBatch } from '../contract/platform.js';
import { splitBatch, type Outstanding } from './outstanding.js';

export interface Verdict {
  /** The task that is charged with the death; null: nobody is. */
  readonly guilty: Outstanding | null;
  /** Each runs again, alone in its host. */
  readonly suspects: readonly TaskBatch[];
  /** Tasks that the host had not begun. */
  readonly innocent: readonly TaskBatch[];
}

/**
 * @param outstanding - the batches that were not answered in full, in the order they were sent
 * @param sequential - the host ran one task at a time, and so began a batch only once the one before was answered
 */
export function blame(outstanding: readonly Outstanding[], sequential: boolean): Verdict {
  const [first, ...others] = outstanding;
  if (first === undefined) return { guilty: null, suspects: [], innocent: [] };
  if (others.length === 0 && first.batch.count === 1) return { guilty: first, suspects: [], innocent: [] };
  const suspected = sequential ? [first] : outstanding;
  return {
    guilty: null,
    suspects: suspected.flatMap(splitBatch).map((batch) => ({ ...batch, alone: true })),
    innocent: sequential ? others.flatMap(splitBatch) : [],
  };
}
