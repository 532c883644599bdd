import { formatElapsed } from '../base/timer.js';
import { plural } from '../job/summary-text.js';
import type { RunView } from '../job/reporter.js';

/** `segment 120/1000 (12%) · 118 ok · 2 errors · 45/s · 0:00:03 · ETA 0:00:20 · 2/2 workers busy` */
export function progressText(view: RunView, now: number): string {
  const { counts } = view;
  const total = view.total();
  const elapsed = Math.max(1, now - view.started);
  const done = counts.done - view.doneBefore;
  const perSecond = (done / elapsed) * 1000;
  const parts = [
    total === null ? `${counts.done} done` : `${counts.done}/${total}${percent(counts.done, total)}`,
    `${counts.ok} ok`,
    `${counts.errors} ${plural('error', counts.errors)}`,
    `${perSecond >= 10 ? Math.round(perSecond) : perSecond.toFixed(1)}/s`,
    formatElapsed(elapsed),
  ];
  if (total !== null && done > 0 && counts.done < total) {
    parts.push(`ETA ${formatElapsed(((total - counts.done) / perSecond) * 1000)}`);
  }
  const workers = view.workers();
  const queue = view.queue?.() ?? null;
  if (queue?.piece === undefined) parts.push(`${workers.busy}/${workers.hosts} workers busy`);
  else
    parts.push(
      `${queue.running} ${plural(queue.piece, queue.running)} ${queue.running === 1 ? 'runs' : 'run'}`,
    );
  if (queue !== null && queue.pending > 0) {
    const reasons = Object.keys(queue.reasons).filter((reason) => reason !== 'None');
    parts.push(`${queue.pending} waiting${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`);
  }
  if (queue !== null && queue.silentMs > 0) parts.push('the scheduler does not answer');
  return `${view.spec.methodName} ${parts.join(' · ')}`;
}

function percent(done: number, total: number): string {
  return total === 0 ? '' : ` (${Math.floor((100 * done) / total)}%)`;
}
