/** Batches that hosts have, and what becomes of them when a host dies. */
import { statSync } from 'node:fs';
import type { TaskBatch } from '../contract/platform.js';
import type { EndRecord } from '../contract/record.js';
import { recordLine } from '../contract/record-line.js';
import type { HostExit } from './host-process.js';

/** A batch that a host has. */
export interface Outstanding {
  readonly id: number;
  readonly batch: TaskBatch;
  readonly sentAt: number;
  /** Size of the host's log when the batch was sent. */
  readonly logFrom: number;
  /** True at each position that was answered. */
  readonly answered: boolean[];
  left: number;
}

/** The tasks of a batch that were not answered, one batch each. */
export function splitBatch(out: Outstanding): TaskBatch[] {
  const batches: TaskBatch[] = [];
  const { args } = out.batch;
  let position = 0;
  let from = 0;
  for (const [first, count] of out.batch.tasks) {
    for (let i = 0; i < count; i++) {
      const end = args.indexOf(10, from) + 1;
      if (out.answered[position] !== true) {
        batches.push({ tasks: [[first + i, 1]], count: 1, args: args.subarray(from, end) });
      }
      position++;
      from = end;
    }
  }
  return batches;
}

/** The record of a task that was alone when its host died; the host's log ended at `logTo`. */
export function crashRecord(
  out: Outstanding,
  exit: HostExit,
  round: number,
  host: number,
  logTo: number,
): Buffer {
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  const record: EndRecord = {
    v: 1,
    k: 'end',
    t: (out.batch.tasks[0] as readonly [number, number])[0],
    r: round,
    a: 1,
    s: 'error',
    ft: 'crash',
    at: out.sentAt,
    d: Math.max(0, Date.now() - out.sentAt),
    ...(logTo > out.logFrom && { log: [host, out.logFrom, logTo] as const }),
    error: {
      type: 'Crash',
      message: `the process that ran the task ended with ${how}`,
      ...(exit.signal === null ? { exitCode: exit.code ?? -1 } : { signal: exit.signal }),
    },
  };
  return recordLine(record);
}

/** Bytes in a file; 0 when it is not there. */
export function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
