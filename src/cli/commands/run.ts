/** `dl_jobs run METHOD …` */
import { DlJobsError, JobError, UsageError } from '../../base/errors.js';
import { loadSettings, type ResolvedSettings } from '../../config/load.js';
import { findJobFunction, signatureOf } from '../../job/job-function.js';
import { findModule } from '../../snapshot/find-module.js';
import { callAndPlan } from '../../job/dry-run.js';
import { callAndRun } from '../../job/run.js';
import { renderFunctionHelp } from '../help.js';
import { detach } from '../detach.js';
import type { Io } from '../io.js';
import { settingsFromOptions } from '../options.js';
import type { ParsedCommand } from '../tokenize.js';
import { parseWords } from '../words.js';
import { dryRun, isDryRun } from './dry-run.js';
import { withReporting } from './reporting.js';
import { removeStdinFile, stdinFile } from './stdin-file.js';

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
    const found = await findJobFunction(method, base).catch((error: unknown) => {
      throw withJobHint(error, method, base);
    });
    io.stdout.write(renderFunctionHelp(method, await signatureOf(found, base)));
    return 0;
  }
  const isDry = isDryRun(parsed.options);
  if (parsed.options.detach === true && !isDry) return await detach(io, parsed.options.args_list === '-');
  const words = parseWords(rest);
  const options = await stdinFile(parsed.options, io);
  const givenOptions = Object.fromEntries(
    PASSED_ON.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
  try {
    const call = {
      ...words,
      base,
      cwd: io.cwd,
      settings: settingsFromOptions(options),
      givenOptions,
      limit: options.limit ?? null,
      sample: options.sample ?? null,
    };
    if (isDry) {
      return await dryRun(io, options.json === true, (planning) =>
        callAndPlan(method, { ...planning, ...call }),
      );
    }
    return await withReporting(io, (reporting) => callAndRun(method, { ...reporting, ...call }));
  } catch (error) {
    throw withJobHint(error, method, base);
  } finally {
    if (options !== parsed.options) removeStdinFile(options);
  }
}

/** The same error; where METHOD itself was not found, with what a newcomer may have meant. */
function withJobHint(error: unknown, method: string, base: ResolvedSettings): unknown {
  const folder = base.values.module_dir;
  const missing = `expected a module \`${method.split('.').slice(0, -1).join('.') || method}\``;
  if (!(error instanceof DlJobsError) || error.code !== 'MODULE_NOT_FOUND') return error;
  if (!error.message.startsWith(missing)) return error;
  const hint = isTaskModule(method, base)
    ? `It is a task function: \`dl_jobs map ${method} --args_list FILE\` runs it over a file. \`run\` takes a job function, from ${folder}/.`
    : `${error.hint?.startsWith('Did') === true ? `${error.hint} ` : ''}Job functions lie in ${folder}/; \`dl_jobs list\` shows them.`;
  return new JobError('MODULE_NOT_FOUND', error.message, { hint, cause: error });
}

function isTaskModule(method: string, base: ResolvedSettings): boolean {
  const dot = method.lastIndexOf('.');
  if (dot < 0) return false;
  try {
    findModule(base.project.root, method.slice(0, dot));
    return true;
  } catch {
    return false;
  }
}
