/** The RUN that commands take: an id, the beginning of one, a path, or nothing for the latest. */
import { basename } from 'node:path';
import { describeValue, UsageError } from '../../base/errors.js';
import { loadSettings } from '../../config/load.js';
import { dlsRootOf } from '../../job/prepare.js';
import { currentRun } from '../../outputs/current-run.js';
import type { RunPaths } from '../../store/run-folder.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';

/** Where the runs of the project are that the user stands in. */
export async function dlsRoot(io: Io): Promise<string> {
  return dlsRootOf(await loadSettings(io));
}

/** The word RUN; null: none was given. Throws USAGE when there are several. */
export function oneRun({ command, words: [word, more] }: ParsedCommand): string | null {
  if (more === undefined) return word ?? null;
  throw new UsageError('USAGE', `expected one RUN at the most, got ${describeValue(more)} too`, {
    hint: `An id, or the beginning of one: see \`dl_jobs runs\` and \`dl_jobs ${command ?? ''} --help\`.`,
  });
}

/** Throws USAGE when there are words. */
export function noWords({ command, words: [word] }: ParsedCommand): void {
  if (word === undefined) return;
  throw new UsageError('USAGE', `expected no words after ${command ?? ''}, got ${describeValue(word)}`, {
    hint: `See \`dl_jobs ${command ?? ''} --help\`.`,
  });
}

/** The run that is named, or the latest. Throws USAGE for further words, RUN_NOT_FOUND, RUN_AMBIGUOUS. */
export async function namedRun(parsed: ParsedCommand, io: Io): Promise<RunPaths> {
  const word = oneRun(parsed);
  return currentRun(await dlsRoot(io), word, io.cwd);
}

/** What names the run in a command that is shown to be typed here. */
export function typedRun({ words: [word] }: ParsedCommand, { dir }: RunPaths): string {
  const name = word?.includes('/') === true ? word : basename(dir);
  return /^[\w./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
