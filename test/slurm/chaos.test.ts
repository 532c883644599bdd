/** The short form of the chaos test on a cluster: `npm run test:chaos -- --platform slurm` is the long one. */
import { expect, test } from 'vitest';
import { chaosOptions } from '../chaos/options.js';
import { playAll, reportLines } from '../chaos/report.js';
import { playSlurmRound } from '../chaos/slurm/round.js';
import { repoRoot } from '../support/project.js';
import { requires } from '../support/requires.js';

/** Bounded: the strikes of these two rounds are known, and all sides of a cluster are struck in them. */
const SEED = '33';

test(
  'runs on a cluster that breaks under them lose nothing and do nothing twice',
  { ...requires('slurm', 'python3', 'tmpfs'), timeout: 900_000 },
  async () => {
    const options = chaosOptions(['--platform', 'slurm', '--short', '--seed', SEED], () => 0);
    const failed: string[] = [];
    const reports = await playAll(
      (round) => playSlurmRound(round, { ...options, repo: repoRoot }),
      options,
      (report) => {
        if (report.problems.length > 0) failed.push(...reportLines(report, options));
      },
    );
    expect(failed.join('\n')).toBe('');
    expect(reports).toHaveLength(options.rounds);
    expect(reports.flatMap(({ hits }) => hits).length).toBeGreaterThanOrEqual(2 * options.rounds);
  },
);
