/** What was recorded after each command: nothing of it may be lost, and no such task may be executed again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { End } from '../e2e/journal.js';
import { readJournal, recordedTasks } from './journal.js';
import type { JobPlan, RoundPlan } from './plan.js';
import type { ChaosProject } from './project.js';
import type { Scene } from './scene.js';

interface Look {
  readonly job: JobPlan;
  /** Lines of its side file then. */
  readonly executions: number;
  readonly recorded: ReadonlyMap<number, End>;
}

export class History {
  readonly #project: ChaosProject;
  readonly #plan: RoundPlan;
  readonly #scene: Scene;
  #looks: Look[] = [];
  #since = 0;

  constructor(project: ChaosProject, plan: RoundPlan, scene: Scene) {
    this.#project = project;
    this.#plan = plan;
    this.#scene = scene;
  }

  /** The folder of the job's run; null: there is none. */
  runOf(job: JobPlan): string | null {
    const isIts = (dir: string): boolean => {
      const { spec } = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as {
        spec: { moduleName: string };
      };
      return spec.moduleName === `tasks.${job.name}`;
    };
    const [dir, ...others] = this.#scene.runs().filter(isIts);
    if (others.length > 0) throw new Error(`${others.length + 1} runs of ${job.name}`);
    return dir ?? null;
  }

  /** Right after a command has ended. Gives what was lost since the last look. */
  look(): string[] {
    const problems: string[] = [];
    for (const job of this.#plan.jobs) {
      const dir = this.runOf(job);
      if (dir === null) continue;
      const executions = this.#scene.executions(job.side);
      const recorded = recordedTasks(readJournal(dir), this.#since);
      const before = this.#looks.findLast((look) => look.job === job)?.recorded ?? [];
      for (const [task, end] of before) {
        const now = recorded.get(task);
        if (now?.crc !== end.crc)
          problems.push(`${job.name}: the record of task ${task} is gone: ${JSON.stringify(end)}`);
      }
      this.#looks.push({ job, executions, recorded });
    }
    return problems;
  }

  /** The round after which a retry began; 0: none. */
  get since(): number {
    return this.#since;
  }

  /** From here on only what is ok has an outcome that must stay. Gives what was wrong until now. */
  beginRetry(): string[] {
    const problems = this.repeats();
    this.#since = this.#scene.rounds();
    this.#looks = [];
    return [...problems, ...this.look()];
  }

  recorded(job: JobPlan): ReadonlyMap<number, End> {
    return this.#looks.findLast((look) => look.job === job)?.recorded ?? new Map<number, End>();
  }

  /** True once all tasks of all runs there are have an outcome. */
  isComplete(): boolean {
    const jobs = this.#plan.jobs.filter((job) => this.runOf(job) !== null);
    return jobs.length > 0 && jobs.every((job) => this.recorded(job).size === job.letters.length);
  }

  /** Executions of tasks that were recorded before. */
  repeats(): string[] {
    return this.#plan.jobs.flatMap((job) => {
      const tasks = executedTasks(join(this.#project.dir, job.side));
      return this.#looks
        .filter((look) => look.job === job)
        .flatMap(({ executions, recorded }, n) =>
          tasks
            .slice(executions)
            .filter((task) => recorded.has(task))
            .map(
              (task) =>
                `${job.name}: task ${task} was executed again after look ${n + 1}, where it had its outcome`,
            ),
        );
    });
  }
}

/** The tasks of a side file, in the order of their executions. */
export function executedTasks(path: string): number[] {
  const text = readFileSync(path, 'latin1');
  if (text !== '' && !/^( *\d+ [0-9a-f]{8}\n)*$/.test(text)) throw new Error(`${path}: a line is torn`);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Number(line.slice(0, 7)));
}
