/** Batches that hosts have, and the tasks in them. */
import { statSync } from 'node:fs';
import type { TaskBatch, TaskSpan } from '../contract/platform.js';
import type { OutMessage } from '../contract/wire.js';
import { monotonicMs } from './progress-file.js';

/** A batch that a host has. */
export interface Outstanding {
  readonly id: number;
  readonly batch: TaskBatch;
  /** Bounds of its tasks. */
  readonly span: TaskSpan;
  /** Epoch milliseconds, */
  readonly sentAt: number;
  /** and those of the monotonic clock. */
  readonly sentMs: number;
  /** Size of the host's log when the batch was sent. */
  readonly logFrom: number;
  /** True at each position that was answered. */
  readonly answered: boolean[];
  left: number;
}

/** One task of a batch that a host has. */
export interface Place {
  readonly out: Outstanding;
  readonly position: number;
}

/** A batch that is sent now to a host whose log has `logFrom` bytes. */
export function outstanding(id: number, batch: TaskBatch, logFrom: number): Outstanding {
  return {
    id,
    batch,
    span: spanOf(batch.tasks),
    sentAt: Date.now(),
    sentMs: monotonicMs(),
    logFrom,
    answered: new Array<boolean>(batch.count).fill(false),
    left: batch.count,
  };
}

export function markAnswered(out: Outstanding, { at, n }: OutMessage): void {
  if (at === undefined) {
    const first = out.batch.count - out.left;
    for (let i = 0; i < n; i++) out.answered[first + i] = true;
  } else {
    for (const position of at) out.answered[position] = true;
  }
  out.left -= n;
}

/** The task that batch `id` has at `position`, if it was not answered. */
export function unanswered(
  outstanding: readonly Outstanding[],
  id: number,
  position: number,
): Place | undefined {
  const out = outstanding.find((o) => o.id === id);
  return out?.answered[position] === false ? { out, position } : undefined;
}

export function attemptOf(batch: TaskBatch): number {
  return batch.attempt ?? 1;
}

/** Lowest and highest index. */
export function spanOf(tasks: TaskBatch['tasks']): TaskSpan {
  let low = Infinity;
  let high = 0;
  for (const [first, count] of tasks) {
    if (first < low) low = first;
    if (first + count - 1 > high) high = first + count - 1;
  }
  return [low, high];
}

/** Index of the task at `position` of a batch. */
export function taskAt(tasks: TaskBatch['tasks'], position: number): number {
  let before = 0;
  for (const [first, count] of tasks) {
    if (position < before + count) return first + position - before;
    before += count;
  }
  throw new RangeError(`a batch of ${before} has no position ${position}`);
}

/** The tasks of a batch that were not answered, one batch each. */
export function splitBatch(out: Outstanding): TaskBatch[] {
  const batches: TaskBatch[] = [];
  eachUnanswered(out, (task, args) => {
    batches.push({ tasks: [[task, 1]], count: 1, args, ...attemptKey(out.batch) });
  });
  return batches;
}

/** The tasks of a batch that were not answered, but for some positions, as one batch; null: there are none. */
export function restOf(out: Outstanding, without: ReadonlySet<number>): TaskBatch | null {
  const tasks: [number, number][] = [];
  const lines: Buffer[] = [];
  eachUnanswered(out, (task, args, position) => {
    if (without.has(position)) return;
    const last = tasks.at(-1);
    if (last !== undefined && last[0] + last[1] === task) last[1]++;
    else tasks.push([task, 1]);
    lines.push(args);
  });
  if (lines.length === 0) return null;
  return { tasks, count: lines.length, args: Buffer.concat(lines), ...attemptKey(out.batch) };
}

function attemptKey({ attempt }: TaskBatch): { attempt?: number } {
  return attempt === undefined ? {} : { attempt };
}

function eachUnanswered(
  out: Outstanding,
  call: (task: number, args: Buffer, position: number) => void,
): void {
  const { args } = out.batch;
  let position = 0;
  let from = 0;
  for (const [first, count] of out.batch.tasks) {
    for (let i = 0; i < count; i++) {
      const end = args.indexOf(10, from) + 1;
      if (out.answered[position] !== true) call(first + i, args.subarray(from, end), position);
      position++;
      from = end;
    }
  }
}

/** Bytes in a file; 0 when it is not there. */
export function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
