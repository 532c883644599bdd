/** Whether the journal says the right thing of each task. */
import type { End } from '../e2e/journal.js';
import { expected } from './expected.js';
import { endsOfShards, hasEnded, openTasks, readJournal, type Shard } from './journal.js';
import type { JobPlan, RoundPlan } from './plan.js';

/** What a task came to, and what its lines in the outputs are to be. */
export interface Outcome {
  readonly task: number;
  readonly failure: string | null;
  readonly results: readonly unknown[];
  /** Messages; empty: any. */
  readonly errors: readonly string[];
}

/** After so many workers that vanished while they ran nothing else, a task is given up. */
const LOST_AFTER = 3;

interface Recorded {
  readonly recorded: ReadonlyMap<number, End>;
  readonly since: number;
  /** Workers may have run the same task at the same time. */
  readonly copies: boolean;
}

export function checkOutcomes(
  plan: RoundPlan,
  job: JobPlan,
  dir: string,
  { recorded, since, copies }: Recorded,
): { outcomes: Outcome[]; unexpectedCrashes: number[]; problems: string[] } {
  const shards = readJournal(dir);
  const problems = copies
    ? attempts(plan, job, shards)
    : [false, true].flatMap((retried) =>
        charges(plan, job, shards, ({ r }) => (r as number) > since === retried),
      );
  const unexpectedCrashes: number[] = [];
  const outcomes = Array.from(job.letters, (letter, task): Outcome => {
    const wanted = expected(job, task, plan.grouped);
    const end = recorded.get(task);
    const outcome: Outcome = { task, ...wanted };
    if (end === undefined) {
      problems.push(`${job.name}: task ${task} has no outcome`);
      return outcome;
    }
    const failure = end.s === 'ok' ? null : (end.ft ?? 'none');
    if (failure === wanted.failure) return outcome;
    const other: Outcome = { task, failure, results: [], errors: [''] };
    if (failure === 'crash' && end.error?.signal === 'SIGKILL') {
      unexpectedCrashes.push(task);
      return other;
    }
    if (failure === 'lost') {
      const vanished = shards.filter((shard) => !hasEnded(shard) && isOnly(openTasks(shard), task)).length;
      if (vanished >= LOST_AFTER) return other;
      problems.push(
        `${job.name}: task ${task} (${letter}) is lost, but was alone in ${vanished} vanished workers`,
      );
      return other;
    }
    problems.push(
      `${job.name}: task ${task} (${letter}): expected ${wanted.failure ?? 'ok'}, got ${JSON.stringify(end).slice(0, 300)}`,
    );
    return other;
  });
  return { outcomes, unexpectedCrashes, problems };
}

/**
 * The same where each of two workers may charge a task: each of them counts on from what was charged before, and the
 * last try alone is final.
 */
function attempts({ retries }: RoundPlan, job: JobPlan, shards: readonly Shard[]): string[] {
  return endsOfShards(shards).flatMap((end) => {
    if (end.s !== 'error' || (end.ft !== 'crash' && end.ft !== 'timeout')) return [];
    const attempt = end['a'] as number;
    const isLast = end.fin !== false;
    if (isLast === attempt > retries && attempt <= retries + 1) return [];
    return [
      `${job.name}: task ${end.t}: try ${attempt} of ${retries + 1} is ${isLast ? '' : 'not '}the last one`,
    ];
  });
}

function isOnly(tasks: ReadonlySet<number>, task: number): boolean {
  return tasks.size === 1 && tasks.has(task);
}

/** No task is charged more often than it has tries, and none is given up before. */
function charges(
  { retries }: RoundPlan,
  job: JobPlan,
  shards: readonly Shard[],
  isMeant: (end: End) => boolean,
): string[] {
  const charged = new Map<number, number>();
  const final = new Map<number, End>();
  for (const end of endsOfShards(shards).filter(isMeant)) {
    if (end.s !== 'error' || (end.ft !== 'crash' && end.ft !== 'timeout')) continue;
    charged.set(end.t, (charged.get(end.t) ?? 0) + 1);
    if (end.fin !== false) final.set(end.t, end);
  }
  const problems: string[] = [];
  for (const [task, times] of charged) {
    if (times > retries + 1)
      problems.push(`${job.name}: task ${task} failed ${times} times with ${retries} retries`);
    if (final.has(task) && times < retries + 1) {
      problems.push(`${job.name}: task ${task} was given up after ${times} tries with ${retries} retries`);
    }
  }
  return problems;
}
