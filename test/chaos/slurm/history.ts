/**
 * What was recorded each time one looked: nothing of it may be lost, and a worker that comes later leaves alone what
 * has its outcome. Workers that were there already may be at it still: each has no way to know of the others'.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { End, Line } from '../../e2e/journal.js';
import type { Recollection } from '../check.js';
import { readJournal, winningTasks, type Shard } from '../journal.js';
import type { JobPlan, RoundPlan } from '../plan.js';
import type { Scene } from '../scene.js';

interface Look {
  /** Whole lines of each shard. */
  readonly lines: ReadonlyMap<string, readonly Line[]>;
  readonly recorded: ReadonlyMap<number, End>;
  /** Writers that had a chunk, or more than one, of any round. */
  readonly holders: ReadonlySet<string>;
  /** The rounds there were when no controller was about to begin another; null: one may have been. */
  readonly rounds: number | null;
}

export class SlurmHistory implements Recollection {
  readonly #plan: RoundPlan;
  readonly #scene: Scene;
  #looks: Look[] = [];
  #since = 0;

  constructor(plan: RoundPlan, scene: Scene) {
    this.#plan = plan;
    this.#scene = scene;
  }

  get since(): number {
    return this.#since;
  }

  runOf(): string | null {
    const [dir, ...others] = this.#scene.runs();
    if (others.length > 0) throw new Error(`${others.length + 1} runs`);
    return dir ?? null;
  }

  recorded(_job: JobPlan): ReadonlyMap<number, End> {
    return this.#looks.at(-1)?.recorded ?? new Map<number, End>();
  }

  isComplete(): boolean {
    const [job] = this.#plan.jobs;
    return job !== undefined && this.recorded(job).size === job.letters.length;
  }

  /** Gives what was lost since the last look. `isQuiet`: no command runs. */
  look(isQuiet: boolean): string[] {
    const dir = this.runOf();
    if (dir === null) return [];
    const shards = readJournal(dir);
    // After the shards: who claims its first chunk later finds all that stands in them.
    const holders = holdersOf(dir);
    const lines = new Map(shards.map((shard) => [shard.name, shard.lines]));
    const problems = [...(this.#looks.at(-1)?.lines ?? [])].flatMap(([name, before]) => {
      const now = lines.get(name) ?? [];
      const at = before.findIndex(({ crc }, i) => now[i]?.crc !== crc);
      return at < 0 ? [] : [`line ${at + 1} of shard ${name} is gone: ${JSON.stringify(before[at])}`];
    });
    this.#looks.push({
      lines,
      recorded: winningTasks(shards, this.#since),
      holders,
      rounds: isQuiet ? this.#scene.rounds() : null,
    });
    return problems;
  }

  /** From here on only what is ok has an outcome that must stay. Gives what was wrong until now. */
  beginRetry(): string[] {
    const problems = this.repeats();
    this.#since = this.#scene.rounds();
    this.#looks = [];
    return [...problems, ...this.look(true)];
  }

  repeats(): string[] {
    const dir = this.runOf();
    if (dir === null) return [];
    return readJournal(dir).flatMap((shard) => {
      const before = this.#looks.filter(({ holders }) => !holders.has(shard.name));
      const last = before.at(-1);
      return tasksBegun(shard).flatMap(([task, round]) => {
        const sameRound = last?.recorded.get(task)?.['r'] === round;
        // A worker of an earlier round that nobody could end may record what is already on the list of a later one.
        const listed = before.findLast(({ rounds }) => rounds !== null && rounds < round);
        if (!sameRound && listed?.recorded.has(task) !== true) return [];
        return [
          `worker ${shard.name} began with task ${task} in round ${round}, which had its outcome before it came`,
        ];
      });
    });
  }
}

/** Tasks, with the round in which they were begun. */
function tasksBegun({ lines }: Shard): [task: number, round: number][] {
  const begun: [number, number][] = [];
  for (const line of lines) {
    if (line.k !== 'start') continue;
    for (const [first, count] of line['p'] as [number, number][])
      for (let task = first; task < first + count; task++) begun.push([task, line['r'] as number]);
  }
  return begun;
}

function holdersOf(dir: string): Set<string> {
  const holders = new Set<string>();
  const rounds = join(dir, 'rounds');
  if (!existsSync(rounds)) return holders;
  for (const round of readdirSync(rounds)) {
    const claims = join(rounds, round, 'claims');
    if (!existsSync(claims)) continue;
    for (const name of readdirSync(claims)) {
      if (/^\d+\.\d+$/.test(name)) holders.add(readFileSync(join(claims, name), 'utf8').trim());
    }
  }
  return holders;
}
