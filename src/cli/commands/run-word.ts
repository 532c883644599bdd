/** The RUN that commands take: an id, the beginning of one, a path, or nothing for the latest. */
import { basename } from 'node:path';
import { describeValue, UsageError } from '../../base/errors.js';
import { loadSettings } from '../../config/load.js';
import { dlsRootOf } from '../../job/prepare.js';
import { findRun } from '../../store/find-run.js';
import type { RunPaths } from '../../store/run-folder.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';

/** Throws USAGE for further words, RUN_NOT_FOUND, RUN_AMBIGUOUS. */
export async function namedRun({ command, words }: ParsedCommand, io: Io): Promise<RunPaths> {
  const [word, more] = words;
  if (more !== undefined) {
    throw new UsageError('USAGE', `expected one RUN, got ${describeValue(more)} too`, {
      hint: `See \`dl_jobs ${command ?? ''} --help\`.`,
    });
  }
  return findRun(dlsRootOf(await loadSettings(io)), word ?? null, io.cwd);
}

/** What names the run in a command that is shown to be typed here. */
export function typedRun({ words: [word] }: ParsedCommand, { dir }: RunPaths): string {
  const name = word?.includes('/') === true ? word : basename(dir);
  return /^[\w./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
