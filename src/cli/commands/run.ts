/** `dl_jobs run METHOD …` */
import { UsageError } from '../../base/errors.js';
import { loadSettings } from '../../config/load.js';
import { findJobFunction } from '../../job/job-function.js';
import { callAndRun } from '../../job/run.js';
import { renderFunctionHelp } from '../help.js';
import type { Io } from '../io.js';
import { settingsFromOptions } from '../options.js';
import type { ParsedCommand } from '../tokenize.js';
import { parseWords } from '../words.js';
import { withReporting } from './reporting.js';
import { stdinFile } from './stdin-file.js';

/** Options that a job function with keywords gets, as in the original, when they were given. */
const PASSED_ON = ['cpus', 'gpus', 'cpu_job', 'cpu_image', 'gpu_image', 'args_list', 'noisy'] as const;

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const [method, ...rest] = parsed.words;
  if (method === undefined) {
    throw new UsageError('USAGE', 'expected METHOD, got none', {
      hint: 'For instance `dl_jobs run tiles.segment`; `dl_jobs list` shows what this project has.',
    });
  }
  const base = await loadSettings(io);
  if (parsed.help) {
    io.stdout.write(renderFunctionHelp(method, (await findJobFunction(method, base)).signature));
    return 0;
  }
  const words = parseWords(rest);
  const options = await stdinFile(parsed.options, io);
  const givenOptions = Object.fromEntries(
    PASSED_ON.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
  return await withReporting(io, (reporting) =>
    callAndRun(method, {
      ...reporting,
      ...words,
      base,
      cwd: io.cwd,
      settings: settingsFromOptions(options),
      givenOptions,
      limit: options.limit ?? null,
    }),
  );
}
