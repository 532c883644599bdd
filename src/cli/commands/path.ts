/** `dl_jobs path [RUN]` */
import { join } from 'node:path';
import { packageRoot } from '../../base/package-root.js';
import { findRun } from '../../store/find-run.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { dlsRoot, oneRun } from './run-word.js';

/** Prints where a run's folder is, or the package for Python. @returns the exit code. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  if (parsed.options.python_package === true) {
    io.stdout.write(`${join(packageRoot(), 'python')}\n`);
    return 0;
  }
  const word = oneRun(parsed);
  io.stdout.write(`${findRun(await dlsRoot(io), word, io.cwd).dir}\n`);
  return 0;
}
