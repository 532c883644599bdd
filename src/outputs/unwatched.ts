/** A round that goes on, on its platform, while no controller looks after it. */
import { hasChunks } from '../store/chunks.js';
import { GONE_MS, hostsOf, readGone, readHeartbeats } from '../store/heartbeat.js';
import { readRounds, type RoundFile } from '../store/rounds.js';
import type { RunPaths } from '../store/run-folder.js';
import { stopOfRound } from '../store/stop-file.js';
import type { RunState } from './run-state.js';

/**
 * The last round of a run if workers elsewhere may be at it: it has been cut into chunks for them, and nobody told them
 * to stop. Whether it has ended, its records say. Null: there is none.
 */
export function roundElsewhere(paths: RunPaths): RoundFile | null {
  const last = readRounds(paths).at(-1);
  if (last === undefined || last.platform === 'local') return null;
  return hasChunks(paths, last.round) && stopOfRound(paths, last.round) === null ? last : null;
}

/**
 * What is to be seen of such a round: `finished` once every task has an outcome, `running` while workers give signs of
 * life, `queued` when none does.
 */
export function stateElsewhere(paths: RunPaths, state: RunState): RunState {
  if (state.total !== null && state.counts.done >= state.total) return { ...state, status: 'finished' };
  const gone = readGone(paths, state.round);
  const now = Date.now();
  const alive = readHeartbeats(paths, state.round).filter(
    // Clocks of machines may differ by some seconds, not by minutes: this is a look, nothing is decided by it.
    (beat) => beat.state !== 'ended' && !gone.has(beat.writer) && now - beat.at < GONE_MS,
  );
  return {
    ...state,
    status: alive.length > 0 ? 'running' : 'queued',
    hosts: hostsOf(alive),
  };
}
