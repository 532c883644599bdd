/**
 * `rounds/<n>/jobs.ndjson`: what was submitted for a round. Before each submission its name is noted, and then the id
 * that Slurm gave: when the controller dies between the two, the job is found by its name.
 */
import { join } from 'node:path';
import { appendNote, readNotes } from '../../store/note-lines.js';
import { roundFolder } from '../../store/rounds.js';
import type { RunPaths } from '../../store/run-folder.js';

export interface Submission {
  /** Name of the job, of its own. */
  readonly name: string;
  /** Array elements. */
  readonly elements: number;
  /** Id of the array; null: it is not known whether Slurm has it. */
  readonly job: string | null;
  /** Epoch milliseconds. */
  readonly at: number;
}

export class Submissions {
  readonly #path: string;
  readonly #byName = new Map<string, Submission>();

  constructor(paths: RunPaths, round: number) {
    this.#path = join(roundFolder(paths, round), 'jobs.ndjson');
    for (const note of readNotes(this.#path)) {
      const submission = note as unknown as Submission;
      this.#byName.set(submission.name, submission);
    }
  }

  /**
   * All whose elements there may be. A controller of Slurm that crashed forgets what it was given last, and gives the
   * same id again: then the job that had it before is no more.
   */
  get all(): readonly Submission[] {
    const every = [...this.#byName.values()];
    const last = new Map(every.map((one) => [one.job, one]));
    return every.filter((one) => one.job === null || last.get(one.job) === one);
  }

  /** How many there ever were. */
  get count(): number {
    return this.#byName.size;
  }

  /** Ids of the arrays. */
  get jobs(): string[] {
    return this.all.flatMap(({ job }) => (job === null ? [] : [job]));
  }

  /** Notes what is about to be submitted, or the id that it got. */
  note(submission: Submission): void {
    appendNote(this.#path, submission);
    this.#byName.set(submission.name, submission);
  }
}
