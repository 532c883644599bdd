/** A chunk that this worker has: what of it is still to be handed out, and what has no outcome yet. */
import type { TaskBatch } from '../contract/platform.js';
import type { LeftOver } from './left-over.js';

/** A batch holds no more arguments than this, but at least one. */
const BATCH_BYTES = 65_536;

export interface ArgumentLines {
  /** The lines of up to `count` tasks from `first` on, at least one. */
  lines(first: number, count: number): Buffer;
}

/** Tasks that follow one another. */
interface Run {
  first: number;
  count: number;
}

export class HeldChunk {
  readonly id: number;
  /** Tasks without a final outcome. */
  readonly #open: Set<number>;
  /** To be handed out, as many at a time as one likes; the last is taken first. */
  readonly #runs: Run[] = [];
  /** To be handed out one at a time. */
  readonly #singles: { readonly task: number; readonly attempt: number; readonly alone: boolean }[] = [];

  /** `attempts`: tries at tasks that were charged before this worker had the chunk. */
  constructor(id: number, { tasks, charged, suspects }: Pick<LeftOver, 'tasks' | 'charged' | 'suspects'>) {
    this.id = id;
    this.#open = new Set(tasks);
    for (let i = tasks.length - 1; i >= 0; i--) {
      const task = tasks[i] as number;
      const attempts = charged.get(task) ?? 0;
      const alone = suspects.has(task);
      const last = this.#runs.at(-1);
      if (alone || attempts > 0) this.#singles.push({ task, attempt: attempts + 1, alone });
      else if (last?.first === task + 1) {
        last.first = task;
        last.count++;
      } else this.#runs.push({ first: task, count: 1 });
    }
  }

  /** True: all its tasks have an outcome. */
  get isFinished(): boolean {
    return this.#open.size === 0;
  }

  /** Tasks that were not handed out. */
  get waiting(): number {
    return this.#runs.reduce((sum, { count }) => sum + count, this.#singles.length);
  }

  has(task: number): boolean {
    return this.#open.has(task);
  }

  /** A task got a final outcome. */
  settle(task: number): void {
    this.#open.delete(task);
  }

  /** The next at most `maxTasks` tasks; null: all were handed out. */
  take(maxTasks: number, args: ArgumentLines): TaskBatch | null {
    if (this.#runs.length === 0) {
      const single = this.#singles.pop();
      if (single === undefined) return null;
      const { task, attempt, alone } = single;
      return { tasks: [[task, 1]], count: 1, args: args.lines(task, 1), attempt, ...(alone && { alone }) };
    }
    const tasks: [number, number][] = [];
    const pieces: Buffer[] = [];
    let count = 0;
    let bytes = 0;
    for (let run = this.#runs.at(-1); run !== undefined && count < maxTasks; run = this.#runs.at(-1)) {
      const lines = fitting(args.lines(run.first, Math.min(run.count, maxTasks - count)));
      if (count > 0 && bytes + lines.length > BATCH_BYTES) break;
      const taken = countLines(lines);
      const last = tasks.at(-1);
      if (last !== undefined && last[0] + last[1] === run.first) last[1] += taken;
      else tasks.push([run.first, taken]);
      pieces.push(lines);
      count += taken;
      bytes += lines.length;
      run.first += taken;
      run.count -= taken;
      if (run.count === 0) this.#runs.pop();
      if (bytes >= BATCH_BYTES) break;
    }
    return { tasks, count, args: pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces) };
  }
}

/** As many of the lines as a batch may hold, at least one. */
function fitting(lines: Buffer): Buffer {
  if (lines.length <= BATCH_BYTES) return lines;
  const end = lines.lastIndexOf(10, BATCH_BYTES - 1) + 1;
  return lines.subarray(0, end > 0 ? end : lines.indexOf(10) + 1);
}

function countLines(lines: Buffer): number {
  let count = 0;
  for (let at = lines.indexOf(10); at >= 0; at = lines.indexOf(10, at + 1)) count++;
  return count;
}
