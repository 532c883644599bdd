/** A round that goes on, on its platform, while no controller looks after it. */
import { statSync } from 'node:fs';
import type { HostStatus } from '../contract/platform.js';
import { hasChunks } from '../store/chunks.js';
import { GONE_MS, hostsOf, readGone, readHeartbeats } from '../store/heartbeat.js';
import { isHandedOver } from '../store/handed-over.js';
import { readRounds, type RoundFile } from '../store/rounds.js';
import { shardFiles, type RunPaths } from '../store/run-folder.js';
import { stopOfRound } from '../store/stop-file.js';

/**
 * The last round of a run if somebody elsewhere may be at it: it has been cut into chunks for workers, or handed over to
 * a service, and nobody told them to stop. Whether it has ended, its records say. Null: there is none.
 */
export function roundElsewhere(paths: RunPaths): RoundFile | null {
  const last = readRounds(paths).at(-1);
  if (last === undefined || last.platform === 'local') return null;
  const isThere = hasChunks(paths, last.round) || isHandedOver(paths, last.round);
  return isThere && stopOfRound(paths, last.round) === null ? last : null;
}

/** What is known of a run by its records. */
interface Recorded {
  readonly round: number;
  readonly total: number | null;
  readonly counts: { readonly done: number };
  readonly roundStarted: number | null;
  readonly workedMs: number;
}

/**
 * What is to be seen of such a round: `finished` once every task has an outcome, `running` while workers give signs of
 * life, `queued` when none does.
 */
export function lookElsewhere(
  paths: RunPaths,
  { round, total, counts, roundStarted, workedMs }: Recorded,
): {
  readonly status: 'finished' | 'running' | 'queued';
  readonly hosts: readonly HostStatus[];
  readonly workedMs: number;
} {
  const workedUntil = (at: number): number =>
    Math.max(workedMs, roundStarted === null ? 0 : at - roundStarted);
  if (total !== null && counts.done >= total)
    return { status: 'finished', hosts: [], workedMs: workedUntil(lastRecordAt(paths)) };
  const gone = readGone(paths, round);
  const now = Date.now();
  const alive = readHeartbeats(paths, round).filter(
    // Clocks of machines may differ by some seconds, not by minutes: this is a look, nothing is decided by it.
    (beat) => beat.state !== 'ended' && !gone.has(beat.writer) && now - beat.at < GONE_MS,
  );
  return {
    status: alive.length > 0 ? 'running' : 'queued',
    hosts: hostsOf(alive),
    workedMs: workedUntil(now),
  };
}

/**
 * When the last record was written, epoch milliseconds by the clock of the file system: the work of a round whose tasks
 * all have an outcome ended then, however much later somebody looks. 0: there is none.
 *
 * @param own - path of a shard that does not count
 */
export function lastRecordAt(paths: RunPaths, own = ''): number {
  return Math.max(
    0,
    ...shardFiles(paths)
      .filter((path) => path !== own)
      .map((path) => Math.floor(statSync(path).mtimeMs)),
  );
}
