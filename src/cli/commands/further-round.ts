import { loadSettings } from '../../config/load.js';
import type { ResumeOptions } from '../../job/resume.js';
import type { RunSummary } from '../../outputs/summary.js';
import { detach } from '../detach.js';
import type { Io } from '../io.js';
import { settingsFromOptions } from '../options.js';
import type { ParsedCommand } from '../tokenize.js';
import { withReporting } from './reporting.js';
import { oneRun } from './run-word.js';

/** What `resume` and `retry` share: a further round of a run, here or in the background. Returns the exit code. */
export async function furtherRound(
  parsed: ParsedCommand,
  io: Io,
  begin: (wanted: string | null, options: ResumeOptions) => Promise<RunSummary[]>,
): Promise<number> {
  const { options } = parsed;
  const wanted = oneRun(parsed);
  if (options.detach === true) return await detach(io, false);
  const base = await loadSettings(io);
  return await withReporting(
    io,
    async (reporting) =>
      await begin(wanted, {
        ...reporting,
        base,
        cwd: io.cwd,
        settings: settingsFromOptions(options),
        code: options.code === 'new' ? 'new' : 'run',
        skipDamaged: options.skip_damaged === true,
      }),
  );
}
