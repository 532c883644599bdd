/** What a run's outcomes add up to. */
import { Histogram } from '../base/histogram.js';
import { FAILURE_TYPES, type FailureType } from '../contract/record.js';

export interface Counts {
  /** Tasks with a final outcome. */
  done: number;
  ok: number;
  errors: number;
  /** Lines in the results file. */
  results: number;
  readonly failures: Record<FailureType, number>;
}

/** Errors that are alike: the same failure type, class and message but for the numbers in it. */
export interface ErrorGroup {
  readonly failure: FailureType;
  /** Class of what was thrown, or a name of ours; null for an error that was returned. */
  readonly type: string | null;
  /** Of the first of them. */
  readonly message: string;
  /** The first of them. */
  readonly task: number;
  count: number;
}

export interface SlowTask {
  readonly task: number;
  readonly ms: number;
}

/** Plain data of a tally, as it stands in `state.json`. */
export interface TallyData {
  readonly counts: Counts;
  /** [bucket, count, …] of `base/histogram.ts`; milliseconds. */
  readonly durations: readonly number[];
  /** Likewise; peak memory of the host while it ran the task, MiB. */
  readonly memory: readonly number[];
  readonly slowest: readonly SlowTask[];
  /** The most frequent first. */
  readonly groups: readonly ErrorGroup[];
  /** Errors of further groups. */
  readonly ungrouped: number;
}

const MAX_SLOWEST = 10;
const MAX_GROUPS = 500;
const MAX_MESSAGE = 500;

export class Tally {
  readonly counts: Counts = {
    done: 0,
    ok: 0,
    errors: 0,
    results: 0,
    failures: Object.fromEntries(FAILURE_TYPES.map((type) => [type, 0])) as Record<FailureType, number>,
  };
  readonly durations = new Histogram();
  readonly memory = new Histogram();
  readonly #slowest: SlowTask[] = [];
  readonly #groups = new Map<string, ErrorGroup>();
  #ungrouped = 0;

  /** Time and, where measured, memory (KiB) of a task; counting it is the caller's. */
  measured(task: number, ms: number, rssKib: number): void {
    if (rssKib > 0) this.memory.add(rssKib / 1024);
    const slowest = this.#slowest;
    if (slowest.length === MAX_SLOWEST && ms <= (slowest.at(-1) as SlowTask).ms) return;
    let at = slowest.length;
    while (at > 0 && (slowest[at - 1] as SlowTask).ms < ms) at--;
    slowest.splice(at, 0, { task, ms });
    if (slowest.length > MAX_SLOWEST) slowest.pop();
  }

  failed(task: number, failure: FailureType, type: string | null, message: string): void {
    const shown = message.slice(0, MAX_MESSAGE);
    const key = `${failure}\0${type ?? ''}\0${shown.replace(/0x[0-9a-f]+|\d+/gi, '#')}`;
    const group = this.#groups.get(key);
    if (group !== undefined) group.count++;
    else if (this.#groups.size < MAX_GROUPS)
      this.#groups.set(key, { failure, type, message: shown, task, count: 1 });
    else this.#ungrouped++;
  }

  toData(): TallyData {
    return {
      counts: this.counts,
      durations: this.durations.toList(),
      memory: this.memory.toList(),
      slowest: this.#slowest,
      groups: [...this.#groups.values()].sort((a, b) => b.count - a.count || a.task - b.task),
      ungrouped: this.#ungrouped,
    };
  }
}
