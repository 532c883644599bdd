/** A round that goes on, on its platform, while no controller looks after it. */
import type { HostStatus } from '../contract/platform.js';
import { hasChunks } from '../store/chunks.js';
import { GONE_MS, hostsOf, readGone, readHeartbeats } from '../store/heartbeat.js';
import { readRounds, type RoundFile } from '../store/rounds.js';
import type { RunPaths } from '../store/run-folder.js';
import { stopOfRound } from '../store/stop-file.js';

/**
 * The last round of a run if workers elsewhere may be at it: it has been cut into chunks for them, and nobody told them
 * to stop. Whether it has ended, its records say. Null: there is none.
 */
export function roundElsewhere(paths: RunPaths): RoundFile | null {
  const last = readRounds(paths).at(-1);
  if (last === undefined || last.platform === 'local') return null;
  return hasChunks(paths, last.round) && stopOfRound(paths, last.round) === null ? last : null;
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
  if (total !== null && counts.done >= total) return { status: 'finished', hosts: [], workedMs };
  const gone = readGone(paths, round);
  const now = Date.now();
  const alive = readHeartbeats(paths, round).filter(
    // Clocks of machines may differ by some seconds, not by minutes: this is a look, nothing is decided by it.
    (beat) => beat.state !== 'ended' && !gone.has(beat.writer) && now - beat.at < GONE_MS,
  );
  return {
    status: alive.length > 0 ? 'running' : 'queued',
    hosts: hostsOf(alive),
    workedMs: Math.max(workedMs, roundStarted === null ? 0 : now - roundStarted),
  };
}
