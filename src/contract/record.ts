/**
 * The journal's record format, version 1: the durable truth of a run. Frozen from the first release.
 *
 * One JSON object a line, UTF-8, `\n` at the end, keys in the order given here, no white space:
 * ```
 * {"crc":"9ae0daaf","v":1,"k":"end","t":17,"r":1,"a":1,"s":"ok","at":1795402800000,"d":12.5,"value":{"area":3}}
 * ```
 * `crc` is the CRC-32 (IEEE, as zlib's) of all bytes of the line from offset {@link CRC_FROM} to before the `\n`,
 * as eight lower-case hex digits. It stands first so that writer and reader find it at a fixed offset.
 *
 * A shard begins with one `shard` line that names its only writer; the other lines do not repeat it.
 */

export const RECORD_VERSION = 1;

/** `{"crc":"` is 8 bytes, the digits 8, `",` 2: the checksum covers the line from here on. */
export const CRC_FROM = 18;

/** How an attempt ended. */
export type Status = 'ok' | 'error';

/** Why an attempt ended in error. See the glossary in docs/architecture.md. */
export const FAILURE_TYPES = ['exception', 'returned', 'timeout', 'oom', 'crash', 'lost', 'invalid'] as const;
export type FailureType = (typeof FAILURE_TYPES)[number];

/** First line of each shard. */
export interface ShardRecord {
  readonly v: number;
  readonly k: 'shard';
  /** The run this shard belongs to. */
  readonly run: string;
  /** Host name + pid + random: the shard's one writer. Also the shard's file name. */
  readonly w: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The worker journals one before it hands a batch to a host. */
export interface StartRecord {
  readonly v: number;
  readonly k: 'start';
  readonly r: number;
  /** Index of the host within the worker; names its log file. */
  readonly h: number;
  readonly b: number;
  /** The tasks of the batch: [first index, count] ranges, in order. */
  readonly p: readonly (readonly [first: number, count: number])[];
  readonly a: number;
  readonly at: number;
}

/** How one attempt at a task ended. */
export interface EndRecord {
  readonly v: number;
  readonly k: 'end';
  /** Task index, 0-based. */
  readonly t: number;
  /** Round, from 1. */
  readonly r: number;
  /** Attempt, from 1. */
  readonly a: number;
  readonly s: Status;
  /** Only when `s` is "error". */
  readonly ft?: FailureType;
  /** Only `false` is written: this round will try the task again. */
  readonly fin?: false;
  /** Start of the attempt, epoch milliseconds. */
  readonly at: number;
  /** Duration, milliseconds, up to three decimals. */
  readonly d: number;
  /** CPU time of the host during the attempt, milliseconds; left out where not measured (tasks of microseconds). */
  readonly cpu?: number;
  /** Peak resident size of the host so far, KiB; left out where not measured. */
  readonly rss?: number;
  /** Output of the task: [host index, first byte, end byte] in `logs/<writer>-<host>.log`; left out when empty. */
  readonly log?: readonly [host: number, from: number, to: number];
  /** Set when `s` is "ok", or `ft` is "returned" (what the function returned). Always last. */
  readonly value?: unknown;
  /** Set for the other errors. Always last. */
  readonly error?: TaskErrorInfo;
}

/**
 * Consecutive tasks that all ended ok, at their first record, without output, too fast to be measured one by one:
 * one line for all of them, a tenth of the bytes. The same as `n` `end` records.
 */
export interface EndsRecord {
  readonly v: number;
  readonly k: 'ends';
  /** The first task; the others follow it. */
  readonly t: number;
  /** How many. */
  readonly n: number;
  readonly r: number;
  readonly a: number;
  /** Start of the first attempt, epoch milliseconds. */
  readonly at: number;
  /** Mean duration of one, milliseconds. */
  readonly d: number;
  /** The value of each, in order. Always last. */
  readonly values: readonly unknown[];
}

/** What happened around the tasks: round-started, sealed, host-died, round-ended … */
export interface EventRecord {
  readonly v: number;
  readonly k: 'event';
  readonly r: number;
  /** Name of the event. */
  readonly e: string;
  readonly at: number;
  readonly [detail: string]: unknown;
}

export type JournalRecord = ShardRecord | StartRecord | EndRecord | EndsRecord | EventRecord;

/** The error of a failed attempt. */
export interface TaskErrorInfo {
  /** Class name of what was thrown, or a name of ours: `Crash`, `InvalidResult`. */
  readonly type: string;
  readonly message: string;
  /** In the user's own file names and lines. */
  readonly stack?: string;
  /** Crash only. */
  readonly exitCode?: number;
  readonly signal?: string;
}
