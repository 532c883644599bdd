/** The runs that commands are about. */
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
export function runWord({ command, words }: ParsedCommand): string | null {
  refuseWords(command, words.slice(1), words.length > 0 ? 'one RUN' : 'RUN');
  return words[0] ?? null;
}

/** Throws USAGE when there are words. */
export function refuseWords(
  command: ParsedCommand['command'],
  words: readonly string[],
  expected = 'no words',
): void {
  const [extra] = words;
  if (extra === undefined) return;
  throw new UsageError(
    'USAGE',
    `expected ${expected} after ${command ?? ''}, got ${describeValue(extra)} too`,
    {
      hint: `See \`dl_jobs ${command ?? ''} --help\`.`,
    },
  );
}

/** The run that is named, or the latest. */
export async function wantedRun(parsed: ParsedCommand, io: Io): Promise<RunPaths> {
  return currentRun(await dlsRoot(io), runWord(parsed), io.cwd);
}
