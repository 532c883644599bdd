/**
 * What worker and host say to each other: the host reads descriptor {@link HOST_IN} and writes {@link HOST_OUT}, each
 * one end of a socket pair. They are two because the host must write synchronously (what ended before a crash must
 * have left) but wait for input in its event loop, and blocking is a property of a socket.
 *
 * Each message is one JSON header line; where the header has `bytes`, that many bytes of body follow it.
 * Bodies are NDJSON and pass through the worker unparsed.
 *
 * Order: worker sends `init`; host answers `ready` or `fatal`; worker sends `batch` (at most two not yet done);
 * host answers each with one or more `out`, the last with `done: true`. Closing the pipe ends the host at once.
 */

import type { FailureType } from './record.js';

export const WIRE_VERSION = 1;

/** The descriptors of a host; 1 and 2 are its log file, 0 is /dev/null. */
export const HOST_IN = 3;
export const HOST_OUT = 4;
/**
 * A file of {@link PROGRESS_BYTES} bytes without a name, which the host overwrites in place before each task when it
 * is asked for: the worker must know what a host that is stuck, or dead, was doing. A record cannot tell: it would
 * have to be sent before each task.
 *
 * Little-endian: batch id (u32), position within the batch (u32), start of the task (f64: milliseconds of the
 * system's monotonic clock, as `process.hrtime()` and Python's `time.monotonic()` read it).
 */
export const HOST_PROGRESS = 5;
export const PROGRESS_BYTES = 16;
/** Batch id in the progress file of a host that runs several tasks at a time: the time is a sign of life. */
export const PROGRESS_ALIVE = 0xffff_ffff;

/** Worker → host, once, first. */
export interface InitMessage {
  readonly type: 'init';
  readonly v: number;
  /** Root of the snapshot (absolute); first on Python's `sys.path`. */
  readonly root: string;
  /** The project's root (absolute): replaces `root` in stacks. */
  readonly projectRoot: string;
  /** The module's file to load, absolute, inside `root`. */
  readonly file: string;
  /** Dotted name, for Python's import and for messages. */
  readonly module: string;
  readonly method: string;
  /**
   * `each`: a line of arguments is one element, the single argument.
   * `single`: the line is `{"args":[...],"kwargs":{...}}` of a single-task job.
   */
  readonly call: 'each' | 'single';
  readonly grouped: boolean;
  /** This host's index in its worker: goes into `log` of its records. */
  readonly host: number;
  /** Whether answers should carry a {@link OutMessage.digest}; a host may leave them out all the same. */
  readonly digests: 'none' | 'results' | 'results and log';
  /** Tasks at a time in this host (async functions only). */
  readonly concurrency: number;
  /** Whether to keep {@link HOST_PROGRESS} up to date. */
  readonly progress: boolean;
  /** Milliseconds that an attempt may take; only a host that runs several at a time looks: {@link LateMessage}. */
  readonly timeoutMs: number | null;
  /** Tries of a task after the first, */
  readonly retries: number;
  /** for errors of these types. A record of an attempt that is not the last has `"fin":false`. */
  readonly retryOn: readonly FailureType[];
  /** Sources of regular expressions: the parts they match in `error` and in returned errors are replaced by `*`. */
  readonly redact: readonly string[];
}

/** Worker → host: run these. The body holds one line of arguments a task. */
export interface BatchMessage {
  readonly type: 'batch';
  readonly id: number;
  readonly round: number;
  readonly attempt: number;
  /** [first index, count] ranges of task indexes, in the order of the lines. */
  readonly tasks: readonly (readonly [first: number, count: number])[];
  readonly bytes: number;
}

/** Host → worker: the function is loaded. */
export interface ReadyMessage {
  readonly type: 'ready';
  /** For instance `node 20.20.2` or `python 3.11.7`. */
  readonly runtime: string;
}

/** Host → worker: the function cannot be loaded; the job is broken and the host ends. */
export interface FatalMessage {
  readonly type: 'fatal';
  /** `load`: the module threw. `missing`: it has no such function. */
  readonly reason: 'load' | 'missing';
  readonly error: { readonly type: string; readonly message: string; readonly stack?: string };
  /** With `missing`: the functions there are. */
  readonly names?: readonly string[];
}

/** Host → worker: `n` tasks of batch `id` ended; the body holds their `end` records, one line each. */
export interface OutMessage {
  readonly type: 'out';
  readonly id: number;
  readonly n: number;
  /** Of the whole body. */
  readonly bytes: number;
  /**
   * Given when all records of the message are plain (see `Digest` in platform.ts): behind the records, the body
   * holds this many bytes of result lines and of log lines.
   */
  readonly digest?: {
    readonly results: number;
    readonly count: number;
    readonly log: number;
    readonly durations: readonly number[];
  };
  /** Milliseconds the host worked on these. */
  readonly busy: number;
  /** Positions within the batch, given when they are not simply the next `n`. */
  readonly at?: readonly number[];
  /** Positions within the batch of the tasks whose record says `"fin":false`: they are to be tried again. */
  readonly again?: readonly number[];
  /** True on the last message of a batch. */
  readonly done?: true;
}

/** Host → worker, from a host that runs several tasks at a time: this one is over its time and still runs. */
export interface LateMessage {
  readonly type: 'late';
  /** The batch. */
  readonly id: number;
  readonly position: number;
  /** Milliseconds since it started. */
  readonly ms: number;
}

export type FromHost = ReadyMessage | FatalMessage | OutMessage | LateMessage;
