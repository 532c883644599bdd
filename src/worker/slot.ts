/** The place of one host in a worker: hosts come and go, and the place learns. */
import type { RoundContext } from '../contract/platform.js';
import { WIRE_VERSION, type InitMessage } from '../contract/wire.js';
import { BatchSize } from './batch-size.js';
import type { HostProcess } from './host-process.js';
import type { Outstanding } from './outstanding.js';

export interface Slot {
  readonly index: number;
  readonly size: BatchSize;
  host: HostProcess | null;
  ready: boolean;
  outstanding: Outstanding[];
  /** It waits for the source. */
  waiting: boolean;
}

export function newSlot(index: number, concurrency: number): Slot {
  const size = new BatchSize(concurrency);
  return { index, size, host: null, ready: false, outstanding: [], waiting: false };
}

/** May its host get another batch? */
export function hasRoom({ outstanding, size }: Slot): boolean {
  if (outstanding.some((out) => out.batch.alone === true)) return false;
  const tasks = outstanding.reduce((sum, out) => sum + out.left, 0);
  return size.hasRoom(outstanding.length, tasks);
}

/** The first message to host number `host`. */
export function initMessage(round: RoundContext, host: number): InitMessage {
  const { spec } = round;
  return {
    type: 'init',
    v: WIRE_VERSION,
    root: round.code,
    projectRoot: round.projectRoot,
    file: round.entry,
    module: spec.moduleName,
    method: spec.methodName,
    call: spec.call,
    grouped: spec.groupedResults,
    host,
    digests: round.digests,
    concurrency: spec.taskConcurrency,
  };
}
