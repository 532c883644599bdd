/** Reads what workers outside the controller record, and gives it to the collector. */
import { basename } from 'node:path';
import { DlJobsError } from '../base/errors.js';
import type { Collector } from '../outputs/collector.js';
import { JournalTail, writerOf } from '../outputs/journal-tail.js';
import type { Survey } from '../outputs/survey.js';
import { TaskLogs } from '../outputs/task-logs.js';
import { readHeartbeats } from '../store/heartbeat.js';
import type { RunPaths } from '../store/run-folder.js';

/** Shards are looked at this often, */
const LOOK_MS = 200;
/** and this much more rarely for each that there is: on a network file system each look is a question. */
const LOOK_MS_PER_SHARD = 10;
/** When all workers have ended, what they wrote must come into sight within so long: network file systems look away. */
const SIGHT_MS = 90_000;

export interface FollowOptions {
  readonly paths: RunPaths;
  readonly round: number;
  readonly collector: Collector;
  /** Path of the controller's own shard. */
  readonly own: string;
  /** What was read when the round began; null: nothing. */
  readonly survey: Survey | null;
  /** Told after something was collected. */
  readonly onNews: () => void;
  readonly onError: (error: unknown) => void;
}

export class ShardFollower {
  readonly #options: FollowOptions;
  readonly #tail: JournalTail;
  readonly #logs = new Map<string, TaskLogs>();
  #damagedSince: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;

  constructor(options: FollowOptions) {
    const { survey, own, paths } = options;
    this.#options = options;
    const from = new Map(survey?.shards.map((shard, i) => [shard, survey.lengths[i] as number]) ?? []);
    this.#tail = new JournalTail(paths, { from, without: own });
    this.#plan();
  }

  /** How much was read of each shard, by file name. */
  get lengths(): Record<string, number> {
    return Object.fromEntries([...this.#tail.lengths].map(([shard, length]) => [basename(shard), length]));
  }

  /** Those that wrote something since the round began. */
  get writers(): ReadonlySet<string> {
    return new Set([...this.#logs.keys()].map(writerOf));
  }

  /** Collects what there is now. */
  look(): void {
    try {
      this.#look();
      this.#damagedSince = null;
    } catch (error) {
      if (!(error instanceof DlJobsError) || error.code !== 'JOURNAL_DAMAGED') throw error;
      // On a network file system what was written later can come into sight earlier.
      this.#damagedSince ??= performance.now();
      if (performance.now() - this.#damagedSince > SIGHT_MS) throw error;
    }
  }

  #look(): void {
    const { collector, paths, onNews } = this.#options;
    let any = false;
    for (const { shard, lines } of this.#tail.news()) {
      let logs = this.#logs.get(shard);
      if (logs === undefined) this.#logs.set(shard, (logs = new TaskLogs(paths.logs, writerOf(shard))));
      collector.from(logs);
      collector.consume([{ lines, digest: undefined }]);
      any = true;
    }
    if (any) onNews();
  }

  /** Once the workers have ended: collects all that they say they wrote. */
  async finish(): Promise<void> {
    this.#stop();
    const { paths, round } = this.#options;
    const begin = performance.now();
    for (;;) {
      this.look();
      const { lengths } = this;
      const isThere = readHeartbeats(paths, round).every(
        ({ writer, journal, state }) => state !== 'ended' || (lengths[`${writer}.ndjson`] ?? 0) >= journal,
      );
      if (isThere || performance.now() - begin > SIGHT_MS) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** {@link writers} is known afterwards, too. */
  close(): void {
    this.#stop();
    for (const logs of this.#logs.values()) logs.close();
  }

  #stop(): void {
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #plan(): void {
    if (this.#ended) return;
    this.#timer = setTimeout(
      () => {
        try {
          this.look();
        } catch (error) {
          this.#options.onError(error);
        }
        this.#plan();
      },
      LOOK_MS + LOOK_MS_PER_SHARD * this.#tail.lengths.size,
    );
  }
}
