/** Where a task runs, worked out from the journal as it grows: what hosts were given, and have not answered. */
import type { StartRecord } from '../contract/record.js';
import type { ScannedEnd } from '../contract/record-scan.js';

/** A place in the log file of a host. */
export interface LogPlace {
  /** Path of the shard of the host's worker. */
  readonly shard: string;
  readonly host: number;
  readonly round: number;
  readonly attempt: number;
  /** Where the output of the task begins. */
  readonly from: number;
}

interface Given {
  readonly host: number;
  readonly round: number;
  readonly attempt: number;
}

interface Worker {
  /** Tasks that were not answered, in the order they were given to hosts. */
  readonly given: Map<number, Given>;
  /** Bytes of each host's log that belong to tasks which ended. */
  readonly logEnds: Map<number, number>;
}

export class InFlight {
  readonly #task: number;
  readonly #overlap: boolean;
  readonly #workers = new Map<string, Worker>();
  /** The last attempt at the task that ended. */
  #ended = { round: 0, attempt: 0 };

  /** @param concurrency - tasks at a time inside one host */
  constructor(task: number, concurrency: number) {
    this.#task = task;
    this.#overlap = concurrency > 1;
  }

  started(shard: string, { p, h: host, r: round, a: attempt }: StartRecord): void {
    const { given } = this.#worker(shard);
    for (const [first, count] of p) {
      for (let task = first; task < first + count; task++) {
        // Given once more: it stands behind what this host has.
        given.delete(task);
        given.set(task, { host, round, attempt });
      }
    }
  }

  ended(shard: string, { task, round, attempt, log }: ScannedEnd): void {
    const { given, logEnds } = this.#worker(shard);
    given.delete(task);
    if (log !== null) logEnds.set(log[0], Math.max(logEnds.get(log[0]) ?? 0, log[2]));
    if (task === this.#task && isLater({ round, attempt }, this.#ended)) this.#ended = { round, attempt };
  }

  /** Where the output goes of the task if it runs now, or ran when its worker died; null: it does not run. */
  running(): LogPlace | null {
    let place: LogPlace | null = null;
    for (const [shard, { given, logEnds }] of this.#workers) {
      const own = given.get(this.#task);
      // What a dead worker was doing may have been done by another since.
      if (own === undefined || !isLater(own, this.#ended) || (place !== null && !isLater(own, place)))
        continue;
      if (!this.#overlap && firstOf(given, own.host) !== this.#task) continue;
      place = { shard, ...own, from: logEnds.get(own.host) ?? 0 };
    }
    return place;
  }

  #worker(shard: string): Worker {
    let worker = this.#workers.get(shard);
    if (worker === undefined) this.#workers.set(shard, (worker = { given: new Map(), logEnds: new Map() }));
    return worker;
  }
}

function isLater(a: { round: number; attempt: number }, b: { round: number; attempt: number }): boolean {
  return a.round > b.round || (a.round === b.round && a.attempt > b.attempt);
}

/** The first of the tasks that a host has. */
function firstOf(given: ReadonlyMap<number, Given>, host: number): number | undefined {
  for (const [task, of] of given) if (of.host === host) return task;
  return undefined;
}
