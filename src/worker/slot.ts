/** The place of one host in a worker: hosts come and go, and the place learns. */
import { join } from 'node:path';
import type { RoundContext } from '../contract/platform.js';
import { WIRE_VERSION, type InitMessage } from '../contract/wire.js';
import { BatchSize } from './batch-size.js';
import type { HostProcess } from './host-process.js';
import { LogMask } from './mask-log.js';
import type { Outstanding } from './outstanding.js';
import type { Patterns } from './patterns.js';
import type { Sentence } from './sentence.js';

export interface Slot {
  readonly index: number;
  /** stdout and stderr of its hosts. */
  readonly logFile: string;
  /** Null: there is nothing to mask. */
  readonly mask: LogMask | null;
  readonly size: BatchSize;
  host: HostProcess | null;
  ready: boolean;
  outstanding: Outstanding[];
  /** It waits for the source. */
  waiting: boolean;
  /** The system has no room for its host. */
  retired: boolean;
  /** Why its host is being ended. */
  sentence: Sentence | null;
  /** Tasks that this host has answered. */
  answers: number;
  /** When the host last said something, or got its first batch after a rest; monotonic milliseconds. */
  heardAt: number;
}

/** @param patterns - null: nothing is masked */
export function newSlot(round: RoundContext, index: number, patterns: Patterns | null): Slot {
  const logFile = join(round.dir, 'logs', `${round.writer}-${index}.log`);
  return {
    index,
    logFile,
    mask: patterns === null ? null : new LogMask(logFile, patterns),
    size: new BatchSize(round.spec.taskConcurrency),
    host: null,
    ready: false,
    outstanding: [],
    waiting: false,
    retired: false,
    sentence: null,
    answers: 0,
    heardAt: 0,
  };
}

/** May its host get another batch? */
export function hasRoom({ outstanding, size, retired, sentence }: Slot): boolean {
  if (retired || sentence !== null) return false;
  if (outstanding.some((out) => out.batch.alone === true)) return false;
  const tasks = outstanding.reduce((sum, out) => sum + out.left, 0);
  return size.hasRoom(outstanding.length, tasks);
}

/** The first message to host number `host`. */
export function initMessage(round: RoundContext, host: number): InitMessage {
  const { spec } = round;
  const { timeout, memory, retries, retryOn } = spec.policy;
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
    progress: timeout !== null || memory !== null,
    timeoutMs: timeout === null ? null : timeout * 1000,
    retries,
    retryOn,
    redact: round.redact,
  };
}
