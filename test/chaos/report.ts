/** What is told of a round, wherever it was played. */
import { repeatLine, type ChaosOptions } from './options.js';
import type { RoundPlan } from './plan.js';

export interface Report {
  readonly plan: RoundPlan;
  /** What was done to it, a few words each. */
  readonly struck: readonly string[];
  /** Commands that were run. */
  readonly commands: number;
  readonly ms: number;
  /** What is wrong; none: the round passed. */
  readonly problems: readonly string[];
  /** What was done, for the one who looks into it. */
  readonly story: readonly string[];
  /** The project, if it was kept. */
  readonly kept: string | null;
}

export function reportLines(report: Report, options: ChaosOptions): string[] {
  const { plan, struck, commands, ms, problems, story, kept } = report;
  const tasks = plan.jobs.map(({ letters }) => letters.length).join('+');
  const line = `round ${plan.round}: ${problems.length === 0 ? 'ok' : 'FAILED'}, ${plan.language}, ${tasks} tasks, ${commands} commands, ${(ms / 1000).toFixed(1)} s; ${struck.join(', ') || 'nothing'}`;
  if (problems.length === 0) return [line];
  return [
    line,
    ...problems.map((problem) => `  ${problem.trimEnd().slice(0, 4_000).replaceAll('\n', '\n    ')}`),
    ...story.map((step) => `  > ${step}`),
    `  plan ${JSON.stringify({ ...plan, jobs: plan.jobs.map(({ name }) => name) })}`,
    ...(kept === null ? [] : [`  kept in ${JSON.stringify(kept)}`]),
    `  again: ${repeatLine(options, plan.round)}`,
  ];
}

/** Rounds of a seed, some at a time, until all are done or the time is over. */
export async function playAll<R extends Report>(
  play: (round: number) => Promise<R>,
  options: ChaosOptions,
  onReport: (report: R) => void,
): Promise<R[]> {
  const end = performance.now() + options.minutes * 60_000;
  const rounds =
    options.only === null ? Array.from({ length: options.rounds }, (_, round) => round) : [options.only];
  const reports: R[] = [];
  const next = async (): Promise<void> => {
    for (let round = rounds.shift(); round !== undefined; round = rounds.shift()) {
      if (performance.now() > end) return;
      const report = await play(round);
      reports.push(report);
      onReport(report);
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, next));
  return reports;
}
