/** `npm run test:chaos`: rounds of a seed, and what came of them. */
import { randomBytes } from 'node:crypto';
import { chaosOptions, repeatLine, type ChaosOptions } from './options.js';
import { PHASES, TARGETS } from './plan.js';
import { playAll, reportLines, type Report } from './report.js';
import { playRound, type RoundReport } from './round.js';
import { playSlurmRound, slurmSummary } from './slurm/round.js';

/** So many rounds must have hit each phase so many times, or they say nothing of it. */
const ENOUGH_ROUNDS = 200;
const ENOUGH_KILLS = 20;

function missedPhases(reports: readonly RoundReport[]): string[] {
  const phases = reports.flatMap(({ hits }) => hits.map(({ phase }) => phase));
  return PHASES.filter((phase) => phases.filter((hit) => hit === phase).length < ENOUGH_KILLS);
}

/** Rounds of a seed on this machine. */
export async function playRounds(
  options: ChaosOptions,
  repo: string,
  onReport: (report: RoundReport) => void,
): Promise<RoundReport[]> {
  return await playAll((round) => playRound(round, { ...options, repo }), options, onReport);
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
  const tell = (report: Report): void => {
    for (const line of reportLines(report, options)) console.log(line);
  };
  let reports: readonly Report[];
  let missed: string[] = [];
  let summary: readonly string[];
  if (options.platform === 'slurm') {
    const played = await playAll((round) => playSlurmRound(round, { ...options, repo }), options, tell);
    summary = slurmSummary(played);
    reports = played;
  } else {
    const played = await playRounds(options, repo, tell);
    if (played.length >= ENOUGH_ROUNDS) missed = missedPhases(played);
    summary = summaryLines(played);
    reports = played;
  }
  const minutes = (performance.now() - started) / 60_000;
  for (const line of summary) console.log(line);
  console.log(`${reports.length} rounds in ${minutes.toFixed(1)} minutes`);
  const failed = reports.filter(({ problems }) => problems.length > 0);
  for (const phase of missed) console.log(`failed: fewer than ${ENOUGH_KILLS} kills in ${phase}`);
  for (const { plan } of failed) console.log(`failed: ${repeatLine(options, plan.round)}`);
  console.log(`${reports.length - failed.length} passed, ${failed.length + missed.length} failed`);
  return failed.length + missed.length > 0 || reports.length === 0 ? 1 : 0;
}

/** Kills by phase and by target. */
function summaryLines(reports: readonly RoundReport[]): string[] {
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
