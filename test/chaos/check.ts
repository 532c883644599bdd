/** What must be true when a run is done, however often it was killed. */
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { checkOutcomes, type Outcome } from './outcomes.js';
import { checkErrors, checkLog, checkResults, linesOf, tasksInOrder } from './outputs.js';
import { strayFiles } from './files.js';
import type { End } from '../e2e/journal.js';
import type { JobPlan, RoundPlan } from './plan.js';
import { fixedName, OLD_RESULT, type ChaosProject, type CommandResult } from './project.js';
import type { Random } from './random.js';
import type { Scene } from './scene.js';

/** What was seen of a round's runs while it was played. */
export interface Recollection {
  /** The round after which a retry began; 0: none. */
  readonly since: number;
  /** The folder of the job's run; null: there is none. */
  runOf(job: JobPlan): string | null;
  /** The outcomes that count, as of the last look. */
  recorded(job: JobPlan): ReadonlyMap<number, End>;
  /** Executions of tasks that had their outcome. */
  repeats(): string[];
}

export interface EndOfRound {
  readonly plan: RoundPlan;
  readonly project: ChaosProject;
  readonly scene: Scene;
  readonly history: Recollection;
  /** Workers may run the same task at the same time. @default false */
  readonly copies?: boolean;
  /** Processes that ran user code and were killed, while their controller lived to see it. */
  readonly hostsKilled: number;
  /** The command that finished it. */
  readonly last: CommandResult;
  readonly random: Random;
}

export interface OutputPaths {
  readonly results: string;
  readonly errors: string;
  readonly log: string | null;
}

/** What is wrong. */
export async function checkEnd(end: EndOfRound): Promise<string[]> {
  const { plan, history, project, scene, last } = end;
  const problems = history.repeats();
  let hostsKilled = end.hostsKilled;
  let failed = false;
  for (const job of plan.jobs) {
    const dir = history.runOf(job);
    // A kill may have come between the first job of an invocation and the next: that one never was.
    if (dir === null) continue;
    const {
      outcomes,
      unexpectedCrashes,
      problems: wrong,
    } = checkOutcomes(plan, job, dir, {
      recorded: history.recorded(job),
      since: history.since,
      copies: end.copies === true,
    });
    problems.push(...wrong);
    if (unexpectedCrashes.length > hostsKilled) {
      problems.push(
        `${job.name}: ${unexpectedCrashes.length} tasks crashed, for ${hostsKilled} killed hosts: ${unexpectedCrashes.join(' ')}`,
      );
    }
    hostsKilled -= Math.min(hostsKilled, unexpectedCrashes.length);
    failed ||= outcomes.some(({ failure }) => failure !== null);
    problems.push(...(await checkStatus(project, job, dir, outcomes)));
    problems.push(...(await checkOutputs(end, job, dir, outcomes)));
  }
  if (last.code !== (failed ? 1 : 0))
    problems.push(`exit code ${last.code} of the last command: ${last.stderr}`);
  problems.push(...strayFiles(project, plan, scene));
  return problems;
}

async function checkStatus(
  project: ChaosProject,
  job: JobPlan,
  dir: string,
  outcomes: readonly Outcome[],
): Promise<string[]> {
  const { code, stdout, stderr } = await project.run(['status', basename(dir), '--json']);
  if (code !== 0) return [`${job.name}: status ended with ${code}: ${stderr}`];
  const { status, counts } = JSON.parse(stdout) as { status: string; counts: Record<string, number> };
  const errors = outcomes.filter(({ failure }) => failure !== null).length;
  const wanted: Record<string, number> = {
    total: outcomes.length,
    done: outcomes.length,
    ok: outcomes.length - errors,
    errors,
    results: outcomes.reduce((sum, { results }) => sum + results.length, 0),
  };
  const wrong = Object.entries(wanted).filter(([key, count]) => counts[key] !== count);
  return [
    ...(status === 'finished' ? [] : [`${job.name}: the status is ${status}`]),
    ...wrong.map(([key, count]) => `${job.name}: status says ${key} ${counts[key]}, there are ${count}`),
  ];
}

async function checkOutputs(
  { plan, project, random }: EndOfRound,
  job: JobPlan,
  dir: string,
  outcomes: readonly Outcome[],
): Promise<string[]> {
  const { outputs } = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as { outputs: OutputPaths };
  const check = (when: string): string[] =>
    [
      ...checkResults(linesOf(outputs.results), outcomes),
      ...checkErrors(linesOf(outputs.errors), outcomes, plan),
    ].map((problem) => `${job.name}, ${when}: ${problem}`);
  const problems = check(plan.ordered ? 'put in order' : 'as they came');
  if (plan.ordered) problems.push(...tasksInOrder(outputs).map((problem) => `${job.name}: ${problem}`));
  // The log tells of each go; the outcomes that count are those of the last.
  if (outputs.log !== null && plan.retryKills === null)
    problems.push(...checkLog(linesOf(outputs.log), outcomes));
  problems.push(...oldResults(plan, project, job, outputs));

  const live = bothLines(outputs);
  const damage = random.pick(['nothing', 'removed', 'cut'] as const);
  if (damage === 'removed') rmSync(outputs.results, { force: true });
  if (damage === 'cut' && existsSync(outputs.errors)) {
    truncateSync(outputs.errors, Math.floor(statSync(outputs.errors).size / 2));
  }
  const { code, stderr } = await project.run(['outputs', basename(dir)]);
  if (code !== 0) return [...problems, `${job.name}: outputs ended with ${code}: ${stderr}`];
  problems.push(
    ...check(`rebuilt (${damage})`),
    ...tasksInOrder(outputs).map((p) => `${job.name}, rebuilt: ${p}`),
  );
  const rebuilt = bothLines(outputs);
  for (const [was, is] of [
    [live, rebuilt],
    [rebuilt, live],
  ] as const) {
    const others = new Set(is);
    const [line] = was.filter((one) => !others.has(one));
    if (line === undefined) continue;
    problems.push(`${job.name}: only in ${was === live ? 'live' : 'rebuilt'} outputs: ${line.slice(0, 500)}`);
  }
  return problems;
}

function bothLines({ results, errors }: OutputPaths): string[] {
  return [results, errors].flatMap(linesOf);
}

/** A file that had our fixed name before must be there under another one, untouched. */
function oldResults(plan: RoundPlan, project: ChaosProject, job: JobPlan, outputs: OutputPaths): string[] {
  if (!plan.fixedNames) return [];
  const folder = join(project.dir, 'results');
  const name = fixedName(job.name);
  if (basename(outputs.results) !== name)
    return [`${job.name}: results are in ${outputs.results}, not in ${name}`];
  const moved = readdirSync(folder).filter(
    (other) =>
      other !== name &&
      other.startsWith(`${job.name}-`) &&
      readFileSync(join(folder, other), 'utf8') === OLD_RESULT,
  );
  return moved.length === 1 ? [] : [`${job.name}: the old ${name} is in ${moved.length} files`];
}
