/** What a round knows of its pieces: array elements as Slurm has them, workers as they say themselves. */
import type { QueueStatus } from '../../contract/platform.js';
import type { Heartbeat } from '../../store/heartbeat.js';
import { SCRIPT_ENDS } from './batch-script.js';
import type { JobEnd, QueueAnswer, QueueRow } from './client.js';
import { explainEnd, explainReason } from './reasons.js';
import type { Submission } from './submissions.js';

/** States in which an element waits or works, or will do so again by itself. */
const LIVE: ReadonlySet<string> = new Set([
  'PENDING',
  'CONFIGURING',
  'RUNNING',
  'COMPLETING',
  'SUSPENDED',
  'STOPPED',
  'RESIZING',
  'SIGNALING',
  'STAGE_OUT',
  'REQUEUED',
  'REQUEUE_FED',
  'REQUEUE_HOLD',
  'SPECIAL_EXIT',
]);

/** An element that is not shown so long after its submission has ended: ended ones are forgotten after a while. */
const SHOWN_MS = 15_000;

export interface Piece {
  /** `J_T`. */
  readonly id: string;
  readonly isLive: boolean;
  readonly row: QueueRow | null;
  /** How it ended; null: it has not, or nobody knows. */
  readonly end: JobEnd | null;
}

export function isLive(state: string): boolean {
  return LIVE.has(state);
}

/** The elements of all submissions. `ends`: how those ended that the queue shows no more. */
export function piecesOf(
  submissions: readonly Submission[],
  answer: QueueAnswer,
  ends: ReadonlyMap<string, JobEnd> = new Map(),
): Piece[] {
  const rows = new Map(answer.rows.map((row) => [`${row.job}_${row.index}`, row]));
  return submissions.flatMap(({ job, elements, at }) => {
    if (job === null) return [];
    return Array.from({ length: elements }, (_, index): Piece => {
      const id = `${job}_${index}`;
      const row = rows.get(id) ?? null;
      const isNew = Date.now() - at < SHOWN_MS;
      const known = ends.get(id) ?? null;
      const lives = row === null ? known === null && (isNew || answer.silentMs > 0) : isLive(row.state);
      return { id, row, isLive: lives, end: lives ? null : (row ?? known) };
    });
  });
}

export function queueStatus(
  jobs: readonly string[],
  pieces: readonly Piece[],
  silentMs: number,
): QueueStatus {
  const rows = pieces.flatMap(({ row }) => (row === null ? [] : [row]));
  const pending = rows.filter(({ state }) => state === 'PENDING');
  const running = rows.filter(({ state }) => isLive(state) && state !== 'PENDING');
  const reasons: Record<string, number> = {};
  for (const { reason } of pending) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const starts = pending.flatMap(({ startsAt }) => (startsAt === null ? [] : [startsAt]));
  return {
    jobs,
    pending: pending.length,
    running: running.length,
    reasons,
    why: Object.entries(reasons).map(([reason, count]) => `${count} × ${explainReason(reason)}`),
    startsAt: starts.length === 0 ? null : Math.min(...starts),
    nodes: [...new Set(running.map(({ node }) => node).filter((node) => node !== ''))].sort(),
    silentMs,
  };
}

/** Workers that cannot be alive, as Slurm says: their element has ended, or was started anew. */
export function vanishedWorkers(
  heartbeats: readonly Heartbeat[],
  pieces: readonly Piece[],
): { readonly writer: string; readonly state: string; readonly message: string }[] {
  const byId = new Map(pieces.map((piece) => [piece.id, piece]));
  return heartbeats.flatMap(({ writer, job, state, restarts, node }) => {
    const piece = job === null ? undefined : byId.get(job);
    if (state === 'ended' || piece === undefined) return [];
    const { row, isLive: lives, end } = piece;
    if (lives && (row === null || row.restarts <= restarts)) return [];
    const how = lives ? `on ${node} was started anew` : explainEnd(end ?? GONE, SCRIPT_ENDS);
    return [
      { writer, state: lives ? 'REQUEUED' : (end ?? GONE).state, message: `Slurm job ${piece.id} ${how}` },
    ];
  });
}

/** An element of which nobody knows any more. */
export const GONE: JobEnd = { state: 'GONE', reason: '', exit: null, node: '' };
