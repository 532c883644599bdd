/** Records that the worker writes itself, of tasks whose host cannot tell how they ended. */
import type { FailureType, TaskErrorInfo } from '../contract/record.js';
import { RECORD_VERSION } from '../contract/record.js';
import { recordLine } from '../contract/record-line.js';
import { attemptOf, taskAt, type Outstanding, type Place } from './outstanding.js';
import { monotonicMs } from './progress-file.js';

/** What a task is charged with. */
export interface Charge {
  readonly place: Place;
  readonly failure: Extract<FailureType, 'crash' | 'oom' | 'timeout'>;
  /** When the task began, on the monotonic clock; null: not known better than when it was sent. */
  readonly startMs: number | null;
  readonly error: TaskErrorInfo;
  /** Peak resident size, KiB. */
  readonly rss?: number;
}

/** Index of the task that is charged. */
export function chargedTask({ place }: Charge): number {
  return taskAt(place.out.batch.tasks, place.position);
}

/** How long the task ran, milliseconds. */
export function ranMs(out: Outstanding, startMs: number | null): number {
  return Math.max(0, monotonicMs() - (startMs ?? out.sentMs));
}

/**
 * The `end` record of a charge.
 *
 * @param final - the task is not tried again
 * @param logTo - where the log of its host ended
 */
export function chargeRecord(
  charge: Charge,
  round: number,
  host: number,
  logTo: number,
  final: boolean,
): Buffer {
  const { place, failure, startMs, error, rss } = charge;
  const { out } = place;
  const ran = ranMs(out, startMs);
  return recordLine({
    v: RECORD_VERSION,
    k: 'end',
    t: chargedTask(charge),
    r: round,
    a: attemptOf(out.batch),
    s: 'error',
    ft: failure,
    ...(!final && { fin: false as const }),
    at: startMs === null ? out.sentAt : Math.round(Date.now() - ran),
    d: Math.round(ran * 1000) / 1000,
    ...(rss !== undefined && { rss }),
    ...(logTo > out.logFrom && { log: [host, out.logFrom, logTo] as const }),
    error,
  });
}
