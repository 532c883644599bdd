/** What became of a task, from what the server tells of its job: the record of it, and what it wrote. */
import { constants } from 'node:os';
import { crc32 } from '../../base/crc32.js';
import {
  RECORD_VERSION,
  FAILURE_TYPES,
  type FailureType,
  type TaskErrorInfo,
} from '../../contract/record.js';
import { sealLinesAt, UNSEALED, VERSION_PREFIX } from '../../contract/record-line.js';
import type { FatalMessage } from '../../contract/wire.js';
import type { ComputeJob, JobStatus } from './api/types.js';

/** Begins lines of a job's log that our wrapper wrote, and no task: see python/dl_jobs/_earthone.py. */
const OURS = 'dl_jobs-outcome: ';
const OURS_FURTHER = 'dl_jobs-outcome+: ';
/** The last line of what Python tells of it. */
const OUR_EXCEPTION = /^\S*\bTaskFailed\b/;
/** Shells say so that a signal ended a process. */
const SIGNALED = 128;

/** What the wrapper says of a call: a line of JSON, and the JSON text of a value or an error. */
interface Said {
  readonly head: Head;
  readonly body: Buffer;
}

interface Head {
  readonly s: 'ok' | 'error';
  readonly ft?: FailureType;
  readonly at: number;
  readonly d: number;
  readonly cpu?: number;
  readonly rss?: number;
  /** The function itself cannot be had: no task of the job can run. */
  readonly fatal?: 'load' | 'missing';
  /** With `missing`: the functions there are. */
  readonly names?: readonly string[];
}

/** A task's output without lines of ours, and what those say. */
export interface ReadLog {
  readonly text: string;
  readonly said: Said | null;
}

export interface TaskPlace {
  readonly task: number;
  readonly round: number;
  /** Of the project, absolute: stacks name its files there. */
  readonly root: string;
  /** Executions of the job for earlier rounds. */
  readonly executedBefore: number;
  /** Where its output is, as a record says it; null: there is none. */
  readonly log: readonly [host: number, from: number, to: number] | null;
}

/** The record of a job that has ended; `result` is what it returned, where it is ok. */
export function recordOf(
  job: ComputeJob,
  place: TaskPlace,
  result: Buffer | null,
  said: Said | null,
  timeout: number | null,
): Buffer {
  if (job.status === 'success') {
    const outcome = result === null ? null : parseSaid(result);
    if (outcome !== null) return ofTask(place, job, outcome);
    const message =
      result === null
        ? 'the job ended well, and what it returned is not there'
        : `the job returned what is no outcome of dl_jobs: ${result.toString('utf8', 0, 80)}`;
    return failed(place, job, 'lost', { type: 'Lost', message });
  }
  if (said !== null && job.status === 'failure' && said.head.s === 'error') return ofTask(place, job, said);
  const [failure, error] = endOf(job, timeout);
  return failed(place, job, failure, error);
}

function ofTask(place: TaskPlace, job: ComputeJob, said: Said): Buffer {
  const { head, body } = rooted(said, place.root);
  return line(place, job, head, body);
}

function endOf(job: ComputeJob, timeout: number | null): [FailureType, TaskErrorInfo] {
  const { status, exitCode, errorReason, runtime } = job;
  const reason = errorReason === null || errorReason === '' ? '' : ` (${errorReason})`;
  if (status === 'timeout') {
    const allowed = timeout ?? runtime;
    const message = `took longer than ${allowed === null ? 'it may' : `${allowed}s`}, and EarthOne ended it${reason}`;
    return ['timeout', { type: 'Timeout', message }];
  }
  if (/out.?of.?memory|\boom/i.test(errorReason ?? '')) {
    return [
      'oom',
      { type: 'OutOfMemory', message: `EarthOne ended it: it needed more memory than it has${reason}` },
    ];
  }
  const signal = exitCode === null ? undefined : signalOf(exitCode - SIGNALED);
  const how =
    signal !== undefined
      ? `with signal ${signal}`
      : exitCode === null
        ? 'in a way that EarthOne does not tell'
        : `with exit code ${exitCode}`;
  return [
    'crash',
    {
      type: 'Crash',
      message: `the process that ran the task ended ${how}${reason}`,
      ...(signal === undefined ? exitCode !== null && { exitCode } : { signal }),
    },
  ];
}

function signalOf(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}

function timesOf(job: ComputeJob): Head {
  const { lastExecutionDate, lastCompletionDate, runtime } = job;
  const [from, to] = [lastExecutionDate?.getTime(), lastCompletionDate?.getTime()];
  const took = runtime !== null ? runtime * 1000 : from !== undefined && to !== undefined ? to - from : 0;
  return { s: 'error', at: from ?? to ?? Date.now(), d: Math.max(0, took) };
}

function failed(place: TaskPlace, job: ComputeJob, ft: FailureType, error: TaskErrorInfo): Buffer {
  return line(place, job, { ...timesOf(job), ft }, Buffer.from(JSON.stringify(error)));
}

function line(
  { task, round, log, executedBefore }: TaskPlace,
  job: ComputeJob,
  head: Head,
  body: Buffer,
): Buffer {
  const { s, ft, at, d } = head;
  const cpu = head.cpu ?? milliseconds(job.statistics?.cpuTime);
  const rss = head.rss ?? kibibytes(job.statistics?.peakMemory);
  const attempt = Math.max(1, (job.executionCount ?? 1) - executedBefore);
  const start =
    `${UNSEALED}${VERSION_PREFIX}"end","t":${task},"r":${round},"a":${attempt},"s":"${s}"` +
    `${s === 'error' ? `,"ft":"${ft ?? 'exception'}"` : ''},"at":${Math.floor(at)},"d":${Math.round(d * 1000) / 1000}` +
    `${cpu === undefined ? '' : `,"cpu":${cpu}`}${rss === undefined ? '' : `,"rss":${rss}`}` +
    `${log === null ? '' : `,"log":${JSON.stringify(log)}`},"${s === 'ok' || ft === 'returned' ? 'value' : 'error'}":`;
  const text = `${start}${body.toString('utf8')}}\n`;
  const bytes = Buffer.alloc(text.length * 3);
  return bytes.subarray(0, sealLinesAt(bytes, 0, text, [text]));
}

const milliseconds = (ns: number | null | undefined): number | undefined =>
  ns === null || ns === undefined ? undefined : Math.round(ns / 1000) / 1000;
const kibibytes = (bytes: number | null | undefined): number | undefined =>
  bytes === null || bytes === undefined ? undefined : Math.round(bytes / 1024);

/** Null: it is nothing that our wrapper wrote, or it was damaged on its way. */
export function parseSaid(bytes: Buffer): Said | null {
  const newline = bytes.indexOf(10);
  if (newline < 0 || bytes.includes(10, newline + 1)) return null;
  const body = bytes.subarray(newline + 1);
  let head: Record<string, unknown>;
  try {
    head = JSON.parse(bytes.toString('utf8', 0, newline)) as Record<string, unknown>;
  } catch {
    return null;
  }
  if (head === null || typeof head !== 'object' || head['v'] !== RECORD_VERSION) return null;
  const isKnown =
    (head['s'] === 'ok' || head['s'] === 'error') &&
    typeof head['at'] === 'number' &&
    typeof head['d'] === 'number' &&
    (head['ft'] === undefined || (FAILURE_TYPES as readonly unknown[]).includes(head['ft']));
  if (!isKnown || crc32(body, 0, body.length).toString(16).padStart(8, '0') !== head['crc']) return null;
  return { head: head as unknown as Head, body };
}

/**
 * Takes out of a log what is not the task's: our own lines, and what the service's Python then tells of the exception
 * by which our wrapper makes the job fail.
 */
export function readLog(lines: readonly string[]): ReadLog {
  const kept: string[] = [];
  let encoded = '';
  let isAfter = false;
  for (const text of lines) {
    const at = text.indexOf(OURS);
    const further = text.indexOf(OURS_FURTHER);
    if (further >= 0) encoded += text.slice(further + OURS_FURTHER.length).trimEnd();
    else if (at >= 0) {
      // It begins a line, whatever the task left without an end: mostly an empty one is before it.
      if (at > 0) kept.push(text.slice(0, at));
      else if (kept.at(-1)?.trimEnd() === '') kept.pop();
      encoded = text.slice(at + OURS.length).trimEnd();
      isAfter = true;
    } else if (!isAfter) kept.push(text);
    // A job that is tried again goes on with its next try.
    else if (OUR_EXCEPTION.test(text)) isAfter = false;
  }
  return {
    text: kept.map((text) => (text.endsWith('\n') ? text : `${text}\n`)).join(''),
    said: encoded === '' ? null : parseSaid(Buffer.from(encoded, 'base64')),
  };
}

/**
 * The same with the user's files at their places in the project: in the bundle they have no folder above them. Only of
 * errors, which are few and small.
 */
function rooted(said: Said, root: string): Said {
  if (said.head.s !== 'error' || said.head.ft === 'returned') return said;
  const error = JSON.parse(said.body.toString('utf8')) as TaskErrorInfo;
  if (typeof error.stack !== 'string') return said;
  const stack = error.stack.replace(/^( *File ")(?![/<])/gm, (_, start: string) => `${start}${root}/`);
  return { ...said, body: Buffer.from(JSON.stringify({ ...error, stack })) };
}

/** Why no task of the job can run; null: that is not what a task says. */
export function fatalOf(said: Said | null): FatalMessage | null {
  const reason = said?.head.fatal;
  if (said === null || (reason !== 'load' && reason !== 'missing')) return null;
  const error = JSON.parse(said.body.toString('utf8')) as FatalMessage['error'];
  const { names } = said.head;
  return { type: 'fatal', reason, error, ...(names !== undefined && { names }) };
}

/** Jobs in one of them have not ended. */
export const LIVE: readonly JobStatus[] = ['pending', 'running', 'cancel', 'canceling'];
