/** `dl_jobs resume [RUN]` */
import { resumeRuns } from '../../job/resume.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { furtherRound } from './further-round.js';

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const seal = parsed.options.seal === true;
  return await furtherRound(parsed, io, (wanted, options) => resumeRuns(wanted, { ...options, seal }));
}
