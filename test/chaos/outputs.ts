/** Whether results, errors and log hold what they should: each line once. */
import { existsSync, readFileSync } from 'node:fs';
import type { Outcome } from './outcomes.js';
import type { RoundPlan } from './plan.js';
import { elementOf } from './project.js';

/** So many differences are told. */
const TOLD = 5;

/** The lines of a file; one that is not there has none. */
export function linesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  if (text === '') throw new Error(`${path} is empty: it should not be there`);
  if (!text.endsWith('\n')) throw new Error(`${path}: the last line has no end`);
  return text.slice(0, -1).split('\n');
}

/** The same for equal values, whatever language wrote them. */
function canonical(value: unknown): string {
  return JSON.stringify(value);
}

function countsOf(items: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

function differences(
  what: string,
  got: ReadonlyMap<string, number>,
  wanted: ReadonlyMap<string, number>,
): string[] {
  const problems: string[] = [];
  for (const key of new Set([...got.keys(), ...wanted.keys()])) {
    const [is, should] = [got.get(key) ?? 0, wanted.get(key) ?? 0];
    if (is !== should) problems.push(`${what} ${key.slice(0, 120)}: expected ${should} times, got ${is}`);
  }
  const more = problems.length - TOLD;
  return more > 0 ? [...problems.slice(0, TOLD), `${what}: ${more} more differences`] : problems;
}

export function checkResults(lines: readonly string[], outcomes: readonly Outcome[]): string[] {
  const got = countsOf(lines.map((line) => canonical(JSON.parse(line))));
  const wanted = countsOf(outcomes.flatMap(({ results }) => results.map(canonical)));
  return differences('result', got, wanted);
}

interface ErrorLine {
  readonly ERROR: string;
  readonly ARGS: unknown;
  readonly KWARGS: unknown;
  readonly TASK_ID: number;
  readonly FAILURE_TYPE: string;
}

export function checkErrors(
  lines: readonly string[],
  outcomes: readonly Outcome[],
  plan: RoundPlan,
): string[] {
  const got = countsOf(
    lines.map((line) => {
      const { ERROR, ARGS, KWARGS, TASK_ID, FAILURE_TYPE } = JSON.parse(line) as ErrorLine;
      const says = outcomes[TASK_ID]?.errors.includes('') === true ? '' : ERROR;
      return canonical([TASK_ID, FAILURE_TYPE, says, ARGS, KWARGS]);
    }),
  );
  const wanted = countsOf(
    outcomes.flatMap(({ task, failure, errors }) => {
      const element = elementOf(plan, task);
      const [args, kwargs] =
        typeof element === 'number'
          ? [[element], {}]
          : Array.isArray(element)
            ? [element, {}]
            : [[], element];
      return errors.map((says) => canonical([task, failure, says, args, kwargs]));
    }),
  );
  return differences('error', got, wanted);
}

/** The log file has a line for each result and each error. */
export function checkLog(lines: readonly string[], outcomes: readonly Outcome[]): string[] {
  const got = countsOf(lines.flatMap((line) => /^\[\d+\] (?:RESULT|ERROR) /.exec(line)?.[0] ?? []));
  const wanted = countsOf(
    outcomes.flatMap(({ task, results, errors }) => [
      ...results.map(() => `[${task}] RESULT `),
      ...errors.map(() => `[${task}] ERROR `),
    ]),
  );
  return differences('line of the log', got, wanted);
}

/** The index that stands in a result, whatever its form. */
function taskOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (Array.isArray(value)) return taskOf(value[0]);
  return (value as { i: number }).i;
}

/** Nothing when the lines are in the order of the tasks. */
export function tasksInOrder({ results, errors }: { results: string; errors: string }): string[] {
  const isOrdered = (tasks: readonly number[]): boolean =>
    tasks.every((task, n) => n === 0 || tasks[n - 1]! <= task);
  return [
    ...(isOrdered(linesOf(results).map((line) => taskOf(JSON.parse(line))))
      ? []
      : ['results are not in order']),
    ...(isOrdered(linesOf(errors).map((line) => (JSON.parse(line) as ErrorLine).TASK_ID))
      ? []
      : ['errors are not in order']),
  ];
}
