/**
 * `rounds/<n>/sent.ndjson`: what EarthOne was given for a round. A batch is noted before it is sent, with the id by
 * which the server knows a repeat, and once more when its jobs are there: whoever takes over sends again what may not
 * have arrived, and nothing twice.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { appendNote, readNotes } from '../../store/note-lines.js';
import { roundFolder } from '../../store/rounds.js';
import type { RunPaths } from '../../store/run-folder.js';
import { WorkList } from '../../store/work-list.js';

/** The function that a round's jobs are of. */
export interface UsedFunction {
  readonly id: string;
  readonly name: string;
  /** Of its results; null: it is asked for. */
  readonly namespace: string | null;
}

/** [first index, count] of tasks. */
type Range = readonly [first: number, count: number];

export interface Batch {
  /** Number within the round, from 0. */
  readonly batch: number;
  /** By which the server knows it. */
  readonly reference: string;
  readonly tasks: readonly Range[];
}

/** Jobs of an earlier round that are run again for this one. */
export interface Rerun {
  /** Number within the round, from 0. */
  readonly rerun: number;
  /** `count`: how often the job had been executed before. */
  readonly jobs: readonly { readonly id: string; readonly task: number; readonly count: number }[];
}

export class Sent {
  readonly #path: string;
  readonly #open = new Map<number, Batch>();
  readonly #openReruns = new Map<number, Rerun>();
  /** Executions of a job, by its id, that belong to earlier rounds. */
  readonly #executed = new Map<string, number>();
  #reruns = 0;
  #batches = 0;
  #function: UsedFunction | null = null;
  readonly #isSent: WorkList;

  /** `count`: tasks of the run. */
  constructor(paths: RunPaths, round: number, count: number) {
    this.#path = notesOf(paths, round);
    this.#isSent = new WorkList(count, false);
    for (const note of readNotes(this.#path)) this.#take(note);
  }

  /** Null: none is known yet. */
  get function(): UsedFunction | null {
    return this.#function;
  }

  /** Batches of which it is not known whether the server has them. */
  get open(): readonly Batch[] {
    return [...this.#open.values()];
  }

  /** Of which it is not known whether the server was told. */
  get openReruns(): readonly Rerun[] {
    return [...this.#openReruns.values()];
  }

  /** How often it was executed for earlier rounds. */
  executedBefore(id: string): number {
    return this.#executed.get(id) ?? 0;
  }

  /** Whether what a job of an earlier round came to belongs to this round. */
  isOfThisRound(id: string, executionCount: number | null): boolean {
    const before = this.#executed.get(id);
    return before !== undefined && (executionCount ?? 0) > before;
  }

  /** The task is in one of the batches. */
  has(task: number): boolean {
    return this.#isSent.has(task);
  }

  use(used: UsedFunction): void {
    this.#note({ k: 'function', ...used });
  }

  /** Notes a batch that is about to be sent. */
  begin(tasks: readonly Range[], reference: string): Batch {
    const batch: Batch = { batch: this.#batches, reference, tasks };
    this.#note({ k: 'batch', ...batch });
    return batch;
  }

  /** Its jobs are there; `jobs` are their ids, in the order of its tasks. */
  end({ batch }: Batch, jobs: readonly string[]): void {
    this.#note({ k: 'sent', batch, jobs });
  }

  beginRerun(jobs: Rerun['jobs']): Rerun {
    const rerun: Rerun = { rerun: this.#reruns, jobs };
    this.#note({ k: 'rerun', ...rerun });
    return rerun;
  }

  endRerun({ rerun }: Rerun): void {
    this.#note({ k: 'rerun-told', rerun });
  }

  #note(note: object): void {
    appendNote(this.#path, note);
    this.#take(note as unknown as Record<string, unknown>);
  }

  #take(note: Record<string, unknown>): void {
    if (note['k'] === 'function') this.#function = note as unknown as UsedFunction;
    else if (note['k'] === 'sent') this.#open.delete(Number(note['batch']));
    else if (note['k'] === 'rerun-told') this.#openReruns.delete(Number(note['rerun']));
    else if (note['k'] === 'rerun') {
      const rerun = note as unknown as Rerun;
      this.#openReruns.set(rerun.rerun, rerun);
      this.#reruns = rerun.rerun + 1;
      for (const { id, task, count } of rerun.jobs) {
        this.#executed.set(id, count);
        this.#isSent.add(task);
      }
    } else if (note['k'] === 'batch') {
      const batch = note as unknown as Batch;
      this.#open.set(batch.batch, batch);
      this.#batches = batch.batch + 1;
      for (const task of tasksOf(batch.tasks)) this.#isSent.add(task);
    }
  }
}

/** The tasks of ranges, in their order. */
export function tasksOf(ranges: readonly Range[]): number[] {
  return ranges.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
}

/** The function of a round's jobs, without reading what was sent after it was noted; null: there is none yet. */
export function functionOf(paths: RunPaths, round: number): UsedFunction | null {
  for (const note of readNotes(notesOf(paths, round)))
    if (note['k'] === 'function') return note as unknown as UsedFunction;
  return null;
}

function notesOf(paths: RunPaths, round: number): string {
  return join(roundFolder(paths, round), 'sent.ndjson');
}

/** Ids of the jobs of tasks in an earlier round: only of those in `wanted`. */
export function jobsOfTasks(
  paths: RunPaths,
  round: number,
  wanted: ReadonlySet<number>,
): { readonly function: UsedFunction | null; readonly jobs: ReadonlyMap<number, string> } {
  const batches = new Map<number, readonly Range[]>();
  const jobs = new Map<number, string>();
  let used: UsedFunction | null = null;
  for (const note of readNotes(notesOf(paths, round))) {
    if (note['k'] === 'function') used = note as unknown as UsedFunction;
    else if (note['k'] === 'batch') batches.set(Number(note['batch']), note['tasks'] as readonly Range[]);
    else if (note['k'] === 'rerun') {
      for (const { id, task } of (note as unknown as Rerun).jobs) if (wanted.has(task)) jobs.set(task, id);
    } else if (note['k'] === 'sent') {
      const ids = note['jobs'] as readonly string[];
      for (const [at, task] of tasksOf(batches.get(Number(note['batch'])) ?? []).entries()) {
        const id = ids[at];
        if (id !== undefined && wanted.has(task)) jobs.set(task, id);
      }
    }
  }
  return { function: used, jobs };
}

/** The same for the same first task of the same round: a repeat by whoever takes over is known as one. */
export function referenceOf(runId: string, round: number, firstTask: number): string {
  const hash = createHash('sha256').update(`${runId}\0${round}\0${firstTask}`).digest();
  // In the form of a random UUID, which is what the vendor's own client sends.
  hash[6] = ((hash[6] as number) & 0x0f) | 0x40;
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
