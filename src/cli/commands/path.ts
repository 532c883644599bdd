/** `dl_jobs path [RUN]` */
import { findRun } from '../../store/find-run.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { dlsRoot, oneRun } from './run-word.js';

/** Prints where a run's folder is. @returns the exit code. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const word = oneRun(parsed);
  io.stdout.write(`${findRun(await dlsRoot(io), word, io.cwd).dir}\n`);
  return 0;
}
