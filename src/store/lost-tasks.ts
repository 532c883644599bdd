/** Records of tasks that took their worker with them. */
import { RECORD_VERSION, type EndRecord, type FailureType } from '../contract/record.js';
import { recordLine } from '../contract/record-line.js';
import { LOST_AFTER } from './unanswered.js';

/**
 * The record of a task that gets no further try, because its worker vanished with it time and again.
 *
 * @param how - what the platform says of the last time
 */
export function lostRecord(task: number, round: number, how?: string): Buffer {
  const last = how === undefined ? '' : `; the last time ${how}`;
  return failed(task, round, 1, 'lost', {
    type: 'Lost',
    message: `the process that ran it vanished ${LOST_AFTER} times while it ran nothing else${last}`,
  });
}

/** The record of an attempt whose worker the platform ended because it needed too much memory. */
export function oomRecord(task: number, round: number, attempt: number, how: string, final: boolean): Buffer {
  const error = { type: 'OutOfMemory', message: `its worker ran out of memory: ${how}` };
  return failed(task, round, attempt, 'oom', error, final);
}

function failed(
  task: number,
  round: number,
  attempt: number,
  failure: FailureType,
  error: { readonly type: string; readonly message: string },
  final = true,
): Buffer {
  const record: EndRecord = {
    v: RECORD_VERSION,
    k: 'end',
    t: task,
    r: round,
    a: attempt,
    s: 'error',
    ft: failure,
    ...(!final && { fin: false }),
    at: Date.now(),
    d: 0,
    error,
  };
  return recordLine(record);
}
