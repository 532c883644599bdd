import type { HostStatus } from '../contract/platform.js';
import { taskAt } from './outstanding.js';
import { isStopped, residentKiB } from './proc.js';
import { monotonicMs } from './progress-file.js';
import type { Slot } from './slot.js';
import { placeOf } from './watch.js';

/** What the host of a slot does now; null: there is none. */
export function hostStatus(slot: Slot): HostStatus | null {
  const { host, outstanding, index } = slot;
  const pid = host?.pid;
  if (host === null || pid === undefined) return null;
  const [first] = outstanding;
  const progress = host.progress();
  const named = placeOf(slot, progress);
  const place = named ?? (first && { out: first, position: first.answered.indexOf(false) });
  const state = slot.ready ? (place === undefined ? 'idle' : 'running') : 'loading';
  return {
    host: index,
    pid,
    ...(host.isContained && { contained: true as const }),
    task: place === undefined ? null : taskAt(place.out.batch.tasks, place.position),
    tasks: outstanding.reduce((sum, out) => sum + out.left, 0),
    since:
      named !== undefined && progress !== null
        ? Math.round(Date.now() - (monotonicMs() - progress.startMs))
        : (first?.sentAt ?? null),
    rss: residentKiB(pid),
    state: isStopped(pid) ? 'stopped' : state,
  };
}
