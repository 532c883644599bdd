/**
 * `rounds/<n>/jobs.ndjson`: what was submitted for a round. Before each submission its name is noted, and then the id
 * that Slurm gave: when the controller dies between the two, the job is found by its name.
 */
import { closeSync, fdatasyncSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { storeError, writeAll } from '../../store/atomic.js';
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
    for (const submission of readLines(this.#path)) this.#byName.set(submission.name, submission);
  }

  get all(): readonly Submission[] {
    return [...this.#byName.values()];
  }

  /** Ids of the arrays. */
  get jobs(): string[] {
    return this.all.flatMap(({ job }) => (job === null ? [] : [job]));
  }

  /** Notes what is about to be submitted, or the id that it got. */
  note(submission: Submission): void {
    try {
      const fd = openSync(this.#path, 'a');
      try {
        writeAll(fd, Buffer.from(`${JSON.stringify(submission)}\n`));
        fdatasyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw storeError('write', this.#path, error);
    }
    this.#byName.set(submission.name, submission);
  }
}

function readLines(path: string): Submission[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storeError('read', path, error);
  }
  return text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Submission];
      } catch {
        // A line that was cut off: what it noted had not happened yet.
        return [];
      }
    });
}
