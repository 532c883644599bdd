/** `dl_jobs retry [RUN]` */
import { loadSettings } from '../../config/load.js';
import { retryRun } from '../../job/resume.js';
import { detach } from '../detach.js';
import type { Io } from '../io.js';
import { settingsFromOptions } from '../options.js';
import type { ParsedCommand } from '../tokenize.js';
import { withReporting } from './reporting.js';
import { oneRun } from './run-word.js';

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const { options } = parsed;
  const wanted = oneRun(parsed);
  if (options.detach === true) return await detach(io, false);
  const base = await loadSettings(io);
  return await withReporting(
    io,
    async (reporting) =>
      await retryRun(wanted, {
        ...reporting,
        base,
        cwd: io.cwd,
        settings: settingsFromOptions(options),
        code: options.code === 'new' ? 'new' : 'run',
        skipDamaged: options.skip_damaged === true,
        ...(options.failure_type !== undefined && { failureTypes: options.failure_type }),
        ...(options.tasks !== undefined && { tasks: options.tasks }),
        again: options.again === true,
      }),
  );
}
