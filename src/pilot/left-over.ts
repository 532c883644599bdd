/** What is left of a chunk whose worker is gone. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunPaths } from '../store/run-folder.js';
import { readShard } from '../store/journal-reader.js';
import { endsInOrder, unansweredIn } from '../store/unanswered.js';

export interface LeftOver {
  /** Tasks without a final outcome, ascending. */
  readonly tasks: readonly number[];
  /** Attempts at them that were charged. */
  readonly charged: ReadonlyMap<number, number>;
  /** Begun and not answered by a worker that vanished: each runs alone. */
  readonly suspects: ReadonlySet<number>;
  /** How often their worker vanished while it had nothing else. */
  readonly vanished: ReadonlyMap<number, number>;
}

/**
 * @param tasks - those of the chunk, ascending
 * @param writers - who held the chunk before
 */
export function leftOver(paths: RunPaths, tasks: readonly number[], writers: ReadonlySet<string>): LeftOver {
  const left = new Set(tasks);
  const charged = new Map<number, number>();
  const suspects = new Set<number>();
  const vanished = new Map<number, number>();
  for (const writer of writers) {
    const shard = join(paths.journal, `${writer}.ndjson`);
    // It died before it wrote anything.
    if (!existsSync(shard)) continue;
    let ended = false;
    // What is damaged counts as not there: its tasks run again, and the controller says what it found.
    const open = unansweredIn(readShard(shard, { onDamage: () => true }), {
      onEnd: ({ task, final, attempt }) => {
        if (final) left.delete(task);
        else charged.set(task, Math.max(attempt, charged.get(task) ?? 0));
      },
      onEvent: (event) => {
        if (endsInOrder(event)) ended = true;
      },
    });
    if (ended) continue;
    for (const task of open) suspects.add(task);
    const [only] = open;
    if (open.size === 1 && only !== undefined) vanished.set(only, (vanished.get(only) ?? 0) + 1);
  }
  return { tasks: tasks.filter((task) => left.has(task)), charged, suspects, vanished };
}
