/** The short form of the chaos test: `npm run test:chaos` is the long one. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { chaosOptions } from '../chaos/options.js';
import { playRounds } from '../chaos/main.js';
import { reportLines } from '../chaos/report.js';
import { repoRoot } from '../support/project.js';
import { requires } from '../support/requires.js';
import { onLinux } from './processes.js';

test(
  'runs that are killed at any moment, and resumed, lose nothing and do nothing twice',
  { ...onLinux, ...requires('python3'), timeout: 900_000 },
  async () => {
    // All rounds, also where each takes several times longer than here.
    const words = ['--short', '--parallel', '1', '--minutes', '14'];
    const options = chaosOptions(words, () => randomBytes(4).readUInt32LE());
    console.log(`seed ${options.seed}`);
    const failed: string[] = [];
    const reports = await playRounds(options, repoRoot, (report) => {
      if (report.problems.length > 0) failed.push(...reportLines(report, options));
    });
    expect(failed.join('\n')).toBe('');
    // What was killed, at the least: most rounds hit what they aim at.
    expect(reports).toHaveLength(options.rounds);
    expect(reports.flatMap(({ hits }) => hits).length).toBeGreaterThanOrEqual(options.rounds / 2);
  },
);
