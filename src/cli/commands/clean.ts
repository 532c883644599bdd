/** `dl_jobs clean --older-than AGE` */
import { UsageError } from '../../base/errors.js';
import { formatSize } from '../../base/sizes.js';
import { clean } from '../../job/clean.js';
import { plural } from '../../job/summary-text.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { dlsRoot, noWords } from './run-word.js';

/** Deletes old runs and what crashes left. @returns the exit code: 3 when something could not be deleted. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  noWords(parsed);
  const { options } = parsed;
  if (options.older_than === undefined) {
    throw new UsageError('USAGE', 'expected --older-than AGE, got none', {
      hint: 'For instance `dl_jobs clean --older-than 7d`; 0 is all runs that have ended.',
    });
  }
  const { runs, folders, cached, bytes, failures } = await clean(
    await dlsRoot(io),
    options.older_than * 1000,
  );
  for (const id of runs) io.stderr.write(`removed ${id}\n`);
  const left = folders + cached;
  io.stderr.write(
    `removed ${runs.length} ${plural('run', runs.length)} and ${left} ${plural('leftover', left)}, ${formatSize(bytes)}; outputs of runs stay\n`,
  );
  for (const failure of failures) io.stderr.write(`warning: ${failure}\n`);
  return failures.length > 0 ? 3 : 0;
}
