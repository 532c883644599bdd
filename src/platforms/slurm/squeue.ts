/** What `squeue` prints of the jobs of this package. */
import type { JobExit, QueueRow } from './client.js';

/** A job, or an element of an array, as the queue shows it. */
export interface QueueEntry extends QueueRow {
  /** `J_T`. */
  readonly id: string;
}

/** Names of our jobs begin so: `dl_jobs:<run>:<round>:<submission>`. */
export const JOB_PREFIX = 'dl_jobs:';

/**
 * The format of `squeue -O` that {@link parseQueue} reads. A field that ends with a character of its own is neither
 * padded nor cut. The name stands last: it alone may hold that character.
 */
export const QUEUE_FORMAT = [
  'ArrayJobID',
  'ArrayTaskID',
  'State',
  'Reason',
  'NodeList',
  'StartTime',
  'RestartCnt',
  'exit_code',
  'Name',
]
  .map((field) => `${field}:|`)
  .join(',');

const SEPARATORS = 9;

/**
 * Elements of arrays whose name begins with {@link JOB_PREFIX}. Whatever else the user has in the queue is passed over,
 * and so are lines of names that have several.
 */
export function parseQueue(text: string): QueueEntry[] {
  return text.split('\n').flatMap((line) => {
    const parts = line.split('|');
    if (parts.length < SEPARATORS) return [];
    const [job = '', index = '', state = '', reason = '', node = '', start = '', restarts = '', exit = ''] =
      parts;
    const name = parts
      .slice(SEPARATORS - 1)
      .join('|')
      .replace(/\|$/, '');
    if (!name.startsWith(JOB_PREFIX) || !/^\d+$/.test(job) || !/^\d+$/.test(index)) return [];
    return [
      {
        id: `${job}_${index}`,
        job,
        index: Number(index),
        state,
        reason: reason === 'None' ? '' : reason,
        node,
        startsAt: parseTime(start),
        restarts: Number(restarts) || 0,
        exit: isEnded(state) ? parseStatus(exit) : null,
        name,
      },
    ];
  });
}

/** Seconds since 1970, or a time of this machine's zone, as older releases have it; null: none. */
function parseTime(text: string): number | null {
  const ms = /^\d{9,}$/.test(text) ? Number(text) * 1_000 : Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** A status as `wait` gives it; `1:0` is understood, too. */
function parseStatus(text: string): JobExit | null {
  const pair = /^(\d+):(\d+)$/.exec(text);
  if (pair !== null) return { code: Number(pair[1]), signal: Number(pair[2]) };
  if (!/^\d+$/.test(text)) return null;
  const status = Number(text);
  const signal = status & 0x7f;
  return { code: signal === 0 ? (status >> 8) & 0xff : 0, signal };
}

/** States that an element does not leave by itself. */
const ENDED: ReadonlySet<string> = new Set([
  'BOOT_FAIL',
  'CANCELLED',
  'COMPLETED',
  'DEADLINE',
  'FAILED',
  'LAUNCH_FAILED',
  'NODE_FAIL',
  'OUT_OF_MEMORY',
  'PREEMPTED',
  'RECONFIG_FAIL',
  'REVOKED',
  'TIMEOUT',
]);

export function isEnded(state: string): boolean {
  return ENDED.has(state);
}
