/** What is left of a chunk whose worker is gone. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Gone } from '../store/heartbeat.js';
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
  /** Those whose worker had nothing else when the platform ended it for its memory: what the platform says. */
  readonly outOfMemory: ReadonlyMap<number, string>;
  /** What the platform says of the workers that vanished with them. */
  readonly how: ReadonlyMap<number, string>;
}

/** How Slurm and the like call it that a job needed more memory than it has. */
const OUT_OF_MEMORY = 'OUT_OF_MEMORY';

/**
 * @param tasks - those of the chunk, ascending
 * @param writers - who held the chunk before
 */
export function leftOver(
  paths: RunPaths,
  tasks: readonly number[],
  writers: ReadonlySet<string>,
  gone: ReadonlyMap<string, Gone>,
): LeftOver {
  const left = new Set(tasks);
  const charged = new Map<number, number>();
  const suspects = new Set<number>();
  const vanished = new Map<number, number>();
  const outOfMemory = new Map<number, string>();
  const how = new Map<number, string>();
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
    if (open.size !== 1 || only === undefined) continue;
    vanished.set(only, (vanished.get(only) ?? 0) + 1);
    const end = gone.get(writer);
    if (end === undefined) continue;
    how.set(only, end.message);
    if (end.state === OUT_OF_MEMORY) outOfMemory.set(only, end.message);
  }
  return { tasks: tasks.filter((task) => left.has(task)), charged, suspects, vanished, outOfMemory, how };
}
