/** `npm run test:chaos`: rounds of a seed, and what came of them. */
import { randomBytes } from 'node:crypto';
import { chaosOptions, repeatLine, type ChaosOptions } from './options.js';
import { PHASES, TARGETS } from './plan.js';
import { playRound, type RoundReport } from './round.js';

/** So many rounds must have hit each phase so many times, or they say nothing of it. */
const ENOUGH_ROUNDS = 200;
const ENOUGH_KILLS = 20;

function missedPhases(reports: readonly RoundReport[]): string[] {
  const phases = reports.flatMap(({ hits }) => hits.map(({ phase }) => phase));
  return PHASES.filter((phase) => phases.filter((hit) => hit === phase).length < ENOUGH_KILLS);
}

/** Rounds of a seed, some at a time, until all are done or the time is over. */
export async function playRounds(
  options: ChaosOptions,
  repo: string,
  onReport: (report: RoundReport) => void,
): Promise<RoundReport[]> {
  const end = performance.now() + options.minutes * 60_000;
  const rounds =
    options.only === null ? Array.from({ length: options.rounds }, (_, round) => round) : [options.only];
  const reports: RoundReport[] = [];
  const play = async (): Promise<void> => {
    for (let round = rounds.shift(); round !== undefined; round = rounds.shift()) {
      if (performance.now() > end) return;
      const report = await playRound(round, { ...options, repo });
      reports.push(report);
      onReport(report);
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, play));
  return reports;
}

export async function main(words: readonly string[], repo: string): Promise<number> {
  let options: ChaosOptions;
  try {
    options = chaosOptions(words, () => randomBytes(4).readUInt32LE());
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  console.log(`seed ${options.seed}`);
  const started = performance.now();
  const reports = await playRounds(options, repo, (report) => {
    for (const line of reportLines(report, options)) console.log(line);
  });
  const minutes = (performance.now() - started) / 60_000;
  for (const line of summaryLines(reports)) console.log(line);
  console.log(`${reports.length} rounds in ${minutes.toFixed(1)} minutes`);
  const failed = reports.filter(({ problems }) => problems.length > 0);
  const missed = reports.length >= ENOUGH_ROUNDS ? missedPhases(reports) : [];
  for (const phase of missed) console.log(`failed: fewer than ${ENOUGH_KILLS} kills in ${phase}`);
  for (const { plan } of failed) console.log(`failed: ${repeatLine(options, plan.round)}`);
  console.log(`${reports.length - failed.length} passed, ${failed.length + missed.length} failed`);
  return failed.length + missed.length > 0 || reports.length === 0 ? 1 : 0;
}

export function reportLines(report: RoundReport, options: ChaosOptions): string[] {
  const { plan, hits, commands, ms, problems, story, kept } = report;
  const tasks = plan.jobs.map(({ letters }) => letters.length).join('+');
  const kills = hits.map(({ phase, target }) => `${phase}: ${target}`).join(', ');
  const line = `round ${plan.round}: ${problems.length === 0 ? 'ok' : 'FAILED'}, ${plan.language}, ${tasks} tasks, ${commands} commands, ${(ms / 1000).toFixed(1)} s; killed ${kills || 'nothing'}`;
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

/** Kills by phase and by target. */
export function summaryLines(reports: readonly RoundReport[]): string[] {
  const hits = reports.flatMap((report) => report.hits);
  const count = (is: (hit: (typeof hits)[number]) => boolean): number => hits.filter(is).length;
  return [
    'kills by phase:',
    ...[...PHASES, 'retrying'].map((phase) => `  ${phase.padEnd(22)}${count((hit) => hit.phase === phase)}`),
    'of those while resuming, in the middle of:',
    ...PHASES.slice(0, -1).map(
      (phase) => `  ${phase.padEnd(22)}${count((hit) => hit.phase === 'resuming' && hit.within === phase)}`,
    ),
    'killed:',
    ...TARGETS.map((target) => `  ${target.padEnd(22)}${count((hit) => hit.target === target)}`),
  ];
}
