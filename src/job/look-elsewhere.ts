/** Asks the platform about a round that goes on there while no controller looks after it. */
import type { RunOverview } from '../outputs/run-state.js';
import { isLive } from '../outputs/run-state.js';
import { loadPlatform } from '../platforms/registry.js';
import { readRounds } from '../store/rounds.js';
import type { RunPaths } from '../store/run-folder.js';

/** The same, with what the platform's scheduler says. `stalled`: there is work left, and nobody to do it. */
export async function lookFurther(overview: RunOverview): Promise<RunOverview> {
  const { paths, state, isUnwatched } = overview;
  if (isUnwatched !== true || !isLive(state.status)) return overview;
  const name = readRounds(paths).at(-1)?.platform ?? 'local';
  const platform = await loadPlatform(name);
  const queue = (await platform.look?.(paths.dir, state.round)) ?? null;
  if (queue === null) return overview;
  const isDeserted = queue.silentMs === 0 && queue.pending + queue.running === 0;
  if (platform.capabilities.keepsOutcomes === true) {
    const reason = isDeserted
      ? `all its jobs have ended on ${name}: \`dl_jobs attach\` fetches the rest`
      : null;
    return {
      ...overview,
      state: {
        ...state,
        queue,
        reason,
        status: queue.pending > 0 && queue.running === 0 ? 'queued' : 'running',
      },
    };
  }
  if (!isDeserted) return { ...overview, state: { ...state, queue } };
  const reason = `its workers have ended, and ${name} has no further ones`;
  return { ...overview, state: { ...state, queue, status: 'stalled', reason, hosts: [] } };
}

/** Deletes what the platforms of a run keep of it; what that was, in words. */
export async function forgetRun(paths: RunPaths): Promise<string[]> {
  const removed: string[] = [];
  for (const name of new Set(readRounds(paths).map(({ platform }) => platform))) {
    removed.push(...((await (await loadPlatform(name)).forget?.(paths.dir)) ?? []));
  }
  return removed;
}
