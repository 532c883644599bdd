/** Hands out tasks whose arguments are in the run folder already. */
import type { TaskBatch, TaskSource } from '../contract/platform.js';
import { ArgsLines } from '../store/args-lines.js';
import { ArgsReader, readSealed } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';
import type { WorkList } from '../store/work-list.js';
import { permutation } from '../store/permutation.js';

/** A source that can be let go of before its end. */
export type RoundSource = TaskSource & {
  close(): void;
  /** Writes down the arguments that are still to come, without handing anything out. */
  seal(): Promise<void>;
};

export interface StoredTasks {
  /** Tasks whose arguments are there: those below this index. */
  readonly count: number;
  /** Which of them to run; null: all. */
  readonly work: WorkList | null;
  /** Key of their order; null: by index. */
  readonly shuffle: string | null;
  /** Only so many, the first of that order. @default all */
  readonly most?: number;
  /** Charged attempts at a task, from an earlier round that this one goes on with. */
  readonly charged?: ReadonlyMap<number, number>;
}

/** A batch holds no more arguments than this, but at least one. */
const BATCH_BYTES = 65_536;

export class StoredSource implements TaskSource {
  readonly #tasks: StoredTasks;
  readonly #args: ArgsReader;
  readonly #lines: ArgsLines | null;
  readonly #order: ((place: number) => number) | null;
  #place = 0;
  #left: number;
  /** A task that did not fit into the last batch; -1: none. */
  #held = -1;

  constructor(paths: RunPaths, tasks: StoredTasks) {
    this.#tasks = tasks;
    this.#args = new ArgsReader(paths);
    this.#left = Math.min(tasks.work?.size ?? tasks.count, tasks.most ?? Infinity);
    this.#order = tasks.shuffle === null ? null : permutation(tasks.count, tasks.shuffle);
    const sealed = readSealed(paths);
    const isFile = sealed !== null && !('range' in sealed);
    this.#lines = this.#order !== null && isFile ? new ArgsLines(paths, tasks.count) : null;
  }

  take(maxTasks: number): TaskBatch | null {
    const ranges: [number, number][] = [];
    const pieces: Buffer[] = [];
    let count = 0;
    let bytes = 0;
    const most = Math.min(maxTasks, this.#left);
    while (count < most) {
      const task = this.#next();
      if (task < 0) break;
      const attempts = this.#tasks.charged?.get(task) ?? 0;
      // What was tried before travels alone: a batch has one number of attempts.
      if (attempts > 0 && count > 0) {
        this.#putBack(task);
        break;
      }
      const span = this.#order === null && attempts === 0 ? this.#run(task, most - count) : 1;
      const lines = this.#read(task, span);
      if (count > 0 && bytes + lines.length > BATCH_BYTES) {
        this.#putBack(task);
        break;
      }
      const taken = this.#order === null ? countLines(lines) : 1;
      if (this.#order === null) this.#place = task + taken;
      const last = ranges.at(-1);
      if (last !== undefined && last[0] + last[1] === task) last[1] += taken;
      else ranges.push([task, taken]);
      pieces.push(lines);
      count += taken;
      bytes += lines.length;
      if (bytes >= BATCH_BYTES) break;
      if (attempts > 0) {
        this.#left -= count;
        return { tasks: ranges, count, args: Buffer.concat(pieces), attempt: attempts + 1 };
      }
    }
    this.#left -= count;
    return count === 0 ? null : { tasks: ranges, count, args: Buffer.concat(pieces) };
  }

  remaining(): number {
    return this.#left;
  }

  line(task: number): Buffer {
    return this.#lines?.line(task) ?? this.#args.lines(task, 1);
  }

  /** They are there. */
  async seal(): Promise<void> {
    await Promise.resolve();
  }

  close(): void {
    this.#args.close();
    this.#lines?.close();
  }

  /** The next task of the round; -1: there is none. */
  #next(): number {
    if (this.#held >= 0) {
      const held = this.#held;
      this.#held = -1;
      return held;
    }
    const { work, count } = this.#tasks;
    if (this.#order === null) {
      if (work !== null) return work.next(this.#place);
      return this.#place < count ? this.#place : -1;
    }
    while (this.#place < count) {
      const task = this.#order(this.#place++);
      if (work === null || work.has(task)) return task;
    }
    return -1;
  }

  /** By index, the place moves on only once a task is taken. */
  #putBack(task: number): void {
    if (this.#order !== null) this.#held = task;
  }

  /** How many tasks from `task` on follow one another in the work, at most `most`. */
  #run(task: number, most: number): number {
    const { work, count, charged } = this.#tasks;
    let span = 1;
    while (
      span < most &&
      task + span < count &&
      (work === null || work.has(task + span)) &&
      (charged === undefined || charged.size === 0 || !charged.has(task + span))
    ) {
      span++;
    }
    return span;
  }

  /** The lines of up to `span` tasks from `task` on, at least one; no more than a batch's worth. */
  #read(task: number, span: number): Buffer {
    if (this.#lines !== null) return this.#lines.line(task);
    const lines = this.#args.lines(task, span);
    if (lines.length <= BATCH_BYTES) return lines;
    const end = lines.lastIndexOf(10, BATCH_BYTES - 1) + 1;
    return end > 0 ? lines.subarray(0, end) : lines.subarray(0, lines.indexOf(10) + 1);
  }
}

function countLines(lines: Buffer): number {
  let count = 0;
  for (let at = lines.indexOf(10); at >= 0; at = lines.indexOf(10, at + 1)) count++;
  return count;
}
