/** What the journal says of one task, found without reading the journal of all the others. */
import { basename } from 'node:path';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { FailureType } from '../contract/record.js';
import { scanEnds, type ScannedEnd } from '../contract/record-scan.js';
import { hasTask, scanTasks, startedAt } from '../contract/task-scan.js';
import { storeError } from '../store/atomic.js';
import { acceptedDamage, type DamagedRegion } from '../store/damage.js';
import { readShard } from '../store/journal-reader.js';
import { readRounds } from '../store/rounds.js';
import { shardFiles, type RunPaths } from '../store/run-folder.js';
import { partsWithTask } from '../store/shard-index.js';
import { beats, type Key } from './survey.js';
import type { OnRecord } from './record-lines.js';

const NEWLINE = 10;

/** The task was handed to a host, with others perhaps. */
export interface TaskStart {
  /** Path of the shard. */
  readonly shard: string;
  readonly round: number;
  readonly attempt: number;
  readonly host: number;
  /** When the batch was handed over, epoch milliseconds. */
  readonly at: number;
}

/** How an attempt at the task ended. */
export interface TaskEnd {
  /** Path of the shard. */
  readonly shard: string;
  readonly round: number;
  readonly attempt: number;
  /** Null: ok. */
  readonly failure: FailureType | null;
  readonly final: boolean;
  /** When it began, epoch milliseconds. */
  readonly at: number;
  /** Milliseconds. */
  readonly duration: number;
  /** Null: it wrote nothing. */
  readonly log: readonly [host: number, from: number, to: number] | null;
  /** JSON text of the value or the error, as latin1 bytes. */
  readonly json: string;
  /** The whole line of the record, which may be about other tasks too, as latin1 bytes. */
  readonly line: string;
}

/** Both in the order of rounds and attempts. */
export interface TaskRecords {
  readonly task: number;
  readonly starts: readonly TaskStart[];
  readonly ends: readonly TaskEnd[];
  /** The end that counts; null: the task has no outcome. */
  readonly outcome: TaskEnd | null;
  /** The last start of an attempt whose end is not recorded, if none ended after it; null: there is none. */
  readonly unfinished: TaskStart | null;
}

/** Throws JOURNAL_DAMAGED, STORE_FAILED. */
export function findTask(paths: RunPaths, task: number): TaskRecords {
  const accepted = acceptedDamage(paths);
  const shards = shardFiles(paths);
  const found = new Found(task);
  let passedOver = false;
  for (const shard of shards) {
    const size = statSync(shard).size;
    const parts = partsWithTask(shard, size, task);
    const mark = found.mark();
    if (readParts(shard, size, parts, accepted, found)) {
      passedOver ||= parts.length !== 1 || parts[0]?.[0] !== 0 || parts[0][1] !== size;
    } else {
      // The index is not of this shard as it is now.
      found.reset(mark);
      readParts(shard, Infinity, [[0, Infinity]], accepted, found);
    }
  }
  if (passedOver && !found.ends.some(({ final }) => final)) {
    // Either the task has no outcome, or an index does not tell where it is.
    found.reset([0, 0]);
    for (const shard of shards) readParts(shard, Infinity, [[0, Infinity]], accepted, found);
  }
  return found.sorted(paths, shards);
}

/** Passes the record of `end` on, as the walks over all records do. */
export function passRecord(task: number, { line }: TaskEnd, onEnd: OnRecord): void {
  const bytes = Buffer.from(line, 'latin1');
  scanEnds(line, (end) => {
    if (end.task === task) onEnd(end, line, bytes);
  });
}

/** False: the parts do not begin and end as the lines of the shard do. */
function readParts(
  shard: string,
  size: number,
  parts: readonly (readonly [from: number, to: number])[],
  accepted: readonly DamagedRegion[],
  found: Found,
): boolean {
  const name = basename(shard);
  // A part may begin within a damaged region.
  const onDamage = ({ from, to }: DamagedRegion): boolean =>
    accepted.some((region) => region.shard === name && region.from <= from && to <= region.to);
  for (const [from, to] of parts) {
    if (from > 0 && !endsLine(shard, from)) return false;
    let end = from;
    for (const { lines, offset } of readShard(shard, { from, to, onDamage })) {
      end = offset + lines.length;
      found.read(lines.toString('latin1'), shard);
    }
    // The last part may have a tail that is not yet whole.
    if (to < size && end < to) return false;
  }
  return true;
}

/** True when a line ends right before byte `at`. */
function endsLine(shard: string, at: number): boolean {
  const byte = Buffer.alloc(1);
  try {
    const fd = openSync(shard, 'r');
    try {
      return readSync(fd, byte, 0, 1, at - 1) === 1 && byte[0] === NEWLINE;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw storeError('read', shard, error);
  }
}

/** Gathers the records of one task. */
class Found {
  readonly #task: number;
  readonly starts: TaskStart[] = [];
  readonly ends: TaskEnd[] = [];

  constructor(task: number) {
    this.#task = task;
  }

  mark(): [starts: number, ends: number] {
    return [this.starts.length, this.ends.length];
  }

  reset([starts, ends]: readonly [number, number]): void {
    this.starts.length = starts;
    this.ends.length = ends;
  }

  read(text: string, shard: string): void {
    scanTasks(
      text,
      (start) => {
        if (!hasTask(start, this.#task)) return;
        this.starts.push({ shard, round: start.r, attempt: start.a, host: start.h, at: start.at });
      },
      (end) => {
        if (end.task === this.#task) this.ends.push(taskEnd(text, end, shard));
      },
    );
  }

  sorted(paths: RunPaths, shards: readonly string[]): TaskRecords {
    const byAttempt = (a: TaskStart | TaskEnd, b: TaskStart | TaskEnd): number =>
      a.round - b.round || a.attempt - b.attempt;
    const starts = this.starts.sort(byAttempt);
    const ends = this.ends.sort(byAttempt);
    const last = starts.at(-1);
    const isOver =
      last === undefined ||
      ends.some(
        (end) => byAttempt(end, last) > 0 || (byAttempt(end, last) === 0 && end.shard === last.shard),
      );
    return {
      task: this.#task,
      starts,
      ends,
      outcome: winner(paths, shards, ends),
      unfinished: isOver ? null : last,
    };
  }
}

export function taskEnd(text: string, end: ScannedEnd, shard: string): TaskEnd {
  const { round, attempt, failure, final, duration, log } = end;
  return {
    ...{ shard, round, attempt, failure, final, duration, log },
    at: startedAt(text, end),
    json: text.slice(end.valueFrom, end.valueTo),
    line: text.slice(end.lineFrom, text.indexOf('\n', end.lineFrom) + 1),
  };
}

function winner(paths: RunPaths, shards: readonly string[], ends: readonly TaskEnd[]): TaskEnd | null {
  const finals = ends.filter(({ final }) => final);
  if (finals.length < 2) return finals[0] ?? null;
  const again = new Map(readRounds(paths).map((round) => [round.round, round.again]));
  const keyOf = ({ failure, round, attempt, shard }: TaskEnd): Key => {
    return {
      ok: failure === null,
      again: again.get(round) ?? 0,
      round,
      attempt,
      shard: shards.indexOf(shard),
    };
  };
  return finals.reduce((best, end) => (beats(keyOf(end), keyOf(best)) ? end : best));
}
