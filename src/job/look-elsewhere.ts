/** Asks the platform about a round that goes on there while no controller looks after it. */
import type { RunOverview } from '../outputs/run-state.js';
import { isLive } from '../outputs/run-state.js';
import { loadPlatform } from '../platforms/registry.js';
import { readRounds } from '../store/rounds.js';

/** The same, with what the platform's scheduler says. `stalled`: there is work left, and nobody to do it. */
export async function lookFurther(overview: RunOverview): Promise<RunOverview> {
  const { paths, state, isUnwatched } = overview;
  if (isUnwatched !== true || !isLive(state.status)) return overview;
  const name = readRounds(paths).at(-1)?.platform ?? 'local';
  const queue = (await (await loadPlatform(name)).look?.(paths.dir, state.round)) ?? null;
  if (queue === null) return overview;
  const isDeserted = queue.silentMs === 0 && queue.pending + queue.running === 0;
  if (!isDeserted) return { ...overview, state: { ...state, queue } };
  const reason = `its workers have ended, and ${name} has no further ones`;
  return { ...overview, state: { ...state, queue, status: 'stalled', reason, hosts: [] } };
}
