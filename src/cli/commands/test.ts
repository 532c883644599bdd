/** `dl_jobs test NB_JOBS …`: tasks that return what they were called with. */
import { join } from 'node:path';
import { describeValue, UsageError } from '../../base/errors.js';
import { packageRoot } from '../../base/package-root.js';
import { loadSettings, type ResolvedSettings } from '../../config/load.js';
import type { DLJobOptions } from '../../job/options.js';
import { jobPlatform, jobSettings } from '../../job/resolve-job.js';
import { loadPlatform } from '../../platforms/registry.js';
import { detach } from '../detach.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { settingsFromOptions } from '../options.js';
import { parseWords } from '../words.js';
import { isDryRun } from './dry-run.js';
import { runReported } from './reporting.js';

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const [count, ...rest] = parsed.words;
  if (count === undefined || !/^\d+$/.test(count) || Number(count) < 1) {
    throw new UsageError(
      'USAGE',
      `expected NB_JOBS, a whole number from 1 on, got ${count === undefined ? 'nothing' : describeValue(count)}`,
      {
        hint: 'For instance `dl_jobs test 2 a b c hello=world`.',
      },
    );
  }
  if (!isDryRun(parsed.options) && parsed.options.detach === true) return await detach(io, false);
  const base = await loadSettings(io);
  const { args, kwargs } = parseWords(rest);
  const { options } = parsed;
  const jobs = Number(count);
  const job: DLJobOptions = {
    moduleName: 'test_jobs',
    methodName: 'return_args',
    name: 'dl_jobs.test',
    argsList: calls(jobs, { args, kwargs, options }),
    platformJob: true,
  };
  return await runReported(job, base, parsed, io, { codeRoot: await codeRoot(job, base, parsed) });
}

/** Where the task is, in a language that the platform runs. */
async function codeRoot(
  job: DLJobOptions,
  base: ResolvedSettings,
  { options }: ParsedCommand,
): Promise<string> {
  const settings = jobSettings(base, job, settingsFromOptions(options));
  const { capabilities } = await loadPlatform(jobPlatform(job, settings, true));
  const folder = capabilities.languages.includes('node') ? 'builtin' : 'python/dl_jobs';
  return join(packageRoot(), folder);
}

function* calls(count: number, call: object): Generator<object> {
  for (let i = 0; i < count; i++) yield count === 1 ? call : { task_id: i, ...call };
}
