/** What the writer of a shard was doing when it stopped writing: tasks it had begun and not answered. */
import { eventLines, parseEvent } from '../contract/record-events.js';
import type { EventRecord } from '../contract/record.js';
import type { ScannedEnd } from '../contract/record-scan.js';
import { scanTasks } from '../contract/task-scan.js';
import type { ShardChunk } from './journal-reader.js';

export interface Reading {
  readonly onEnd?: (end: ScannedEnd) => void;
  readonly onEvent?: (event: EventRecord) => void;
}

/** Reads a shard to its end. What became of the tasks in other shards does not matter here. */
export function unansweredIn(
  chunks: Iterable<ShardChunk>,
  { onEnd, onEvent }: Reading = {},
): ReadonlySet<number> {
  const open = new Set<number>();
  for (const { lines } of chunks) {
    const text = lines.toString('latin1');
    if (onEvent !== undefined) {
      for (const [from, to] of eventLines(text)) onEvent(parseEvent(text, from, to));
    }
    scanTasks(
      text,
      ({ p }) => {
        for (const [first, count] of p) for (let task = first; task < first + count; task++) open.add(task);
      },
      (end) => {
        open.delete(end.task);
        onEnd?.(end);
      },
    );
  }
  return open;
}

/** Name of the event that a worker outside the controller ends its shard with. */
export const WORKER_ENDED = 'worker-ended';

/**
 * True: the writer did not vanish with its tasks, but ended in order. One whose time was up did not: a task that needs
 * more time than a worker has would go on being begun for ever.
 */
export function endsInOrder({ e, why }: EventRecord): boolean {
  return e === 'round-ended' || (e === WORKER_ENDED && why !== 'deadline');
}

/** So often a task may take its worker with it. */
export const LOST_AFTER = 3;
