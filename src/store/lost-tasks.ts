/** Tasks that get no further try, because their worker vanished with them time and again. */
import { RECORD_VERSION, type EndRecord } from '../contract/record.js';
import { recordLine } from '../contract/record-line.js';
import { LOST_AFTER } from './unanswered.js';

/** The record of such a task. */
export function lostRecord(task: number, round: number): Buffer {
  const record: EndRecord = {
    v: RECORD_VERSION,
    k: 'end',
    t: task,
    r: round,
    a: 1,
    s: 'error',
    ft: 'lost',
    at: Date.now(),
    d: 0,
    error: {
      type: 'Lost',
      message: `the process that ran it vanished ${LOST_AFTER} times while it ran nothing else`,
    },
  };
  return recordLine(record);
}
