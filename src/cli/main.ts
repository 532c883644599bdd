/** Which command runs, and how an error ends it. */
import { DlJobsError } from '../base/errors.js';
import type { Io } from './io.js';
import type { Command } from './command-table.js';
import { parseCommandLine, type ParsedCommand } from './tokenize.js';

declare const DL_JOBS_VERSION: string;

/** The package's version; `0.0.0-dev` when it runs from its source. */
export const VERSION: string = typeof DL_JOBS_VERSION === 'string' ? DL_JOBS_VERSION : '0.0.0-dev';

type RunCommand = (parsed: ParsedCommand, io: Io) => Promise<number>;

/** Loads one command, and only that: the others cost nothing. */
async function load(command: Command): Promise<RunCommand> {
  if (command === 'config') return (await import('./commands/config.js')).runCommand;
  if (command === 'init') return (await import('./commands/init.js')).runCommand;
  // All others know of runs, and share nearly all their code.
  return (await import('./commands/job-commands.js'))[command];
}

async function dispatch(io: Io): Promise<number> {
  const parsed = parseCommandLine(io.argv);
  if (parsed.version) {
    io.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const { command } = parsed;
  // `run METHOD --help` shows that function's own parameters, which only the command can know.
  const ofFunction = command === 'run' && parsed.words.length > 0;
  if (command === null || (parsed.help && !ofFunction)) {
    const { renderHelp } = await import('./help.js');
    const text = renderHelp(command ?? undefined);
    if (parsed.help) io.stdout.write(text);
    else io.stderr.write(text);
    return parsed.help ? 0 : 2;
  }
  const runCommand = await load(command);
  return await runCommand(parsed, io);
}

/** Prints what went wrong, and returns the exit code. */
function report(error: unknown, io: Io): number {
  if (error instanceof DlJobsError) {
    const hint = error.hint === undefined ? '' : `  ${error.hint.replaceAll('\n', '\n  ')}\n`;
    // What was thrown in the user's code may come with its stack: the code stands where the eye begins.
    const [first, ...rest] = error.message.split('\n');
    io.stderr.write([`error: ${first} [${error.code}]`, ...rest, hint].join('\n'));
    return error.exitCode;
  }
  const stack = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  io.stderr.write(`This is a bug in dl-jobs ${VERSION}; please report it with the lines below.\n${stack}\n`);
  return 3;
}

/**
 * Runs one command line.
 *
 * @returns the exit code: 0 ok, 1 some task failed, 2 usage or configuration, 3 the infrastructure failed,
 *   130 interrupted. It never rejects.
 */
export async function main(io: Io): Promise<number> {
  try {
    return await dispatch(io);
  } catch (error) {
    return report(error, io);
  }
}
