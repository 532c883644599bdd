/** `dl_jobs retry [RUN]` */
import { retryRun } from '../../job/resume.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { furtherRound } from './further-round.js';

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const { failure_type: failureTypes, tasks, again = false } = parsed.options;
  return await furtherRound(parsed, io, (wanted, options) =>
    retryRun(wanted, {
      ...options,
      ...(failureTypes !== undefined && { failureTypes }),
      ...(tasks !== undefined && { tasks }),
      again,
    }),
  );
}
