/** `dl_jobs map MODULE.METHOD --args_list FILE|-`: a task function over a file, no job function needed. */
import { UsageError } from '../../base/errors.js';
import { readStream } from '../../base/ndjson.js';
import { loadSettings } from '../../config/load.js';
import { JsonLine } from '../../job/argument-list.js';
import type { DLJobOptions } from '../../job/options.js';
import { detach } from '../detach.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { isDryRun } from './dry-run.js';
import { runReported } from './reporting.js';

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const { options, words } = parsed;
  const [method, ...rest] = words;
  const dot = method?.lastIndexOf('.') ?? -1;
  if (method === undefined || dot <= 0) {
    throw new UsageError(
      'USAGE',
      `expected MODULE.METHOD, got ${method === undefined ? 'nothing' : `\`${method}\``}`,
      {
        hint: 'For instance `dl_jobs map tiles.segment --args_list tiles.ndjson`.',
      },
    );
  }
  if (rest.length > 0) {
    throw new UsageError('USAGE', `expected MODULE.METHOD alone, got \`${rest.join(' ')}\` too`, {
      hint: 'Arguments come from --args_list, one element a task.',
    });
  }
  if (options.args_list === undefined) {
    throw new UsageError('USAGE', 'expected --args_list FILE, got none', {
      hint: 'FILE is .ndjson, .json or .csv; `--args_list -` reads NDJSON from standard input.',
    });
  }
  if (!isDryRun(options) && options.detach === true) return await detach(io, options.args_list === '-');
  const base = await loadSettings(io);
  const job: DLJobOptions = {
    moduleName: method.slice(0, dot),
    methodName: method.slice(dot + 1),
    argsList: options.args_list === '-' ? stdinLines(io) : options.args_list,
    // There is no job to say it: what is configured is meant.
    platformJob: (options.platform ?? base.values.platform) !== 'local',
  };
  return await runReported(job, base, parsed, io);
}

/** Read as the tasks run: the first starts before the last line has come. */
async function* stdinLines(io: Io): AsyncGenerator<JsonLine> {
  for await (const { line } of readStream(io.stdin, 'standard input')) yield new JsonLine(line.trim());
}
