/** Why a job's hosts could not begin: the job is broken, and no task was run. */
import { InfrastructureError, JobError, type DlJobsError } from '../base/errors.js';
import { formatSize } from '../base/sizes.js';
import type { RoundContext } from '../contract/platform.js';
import type { JobSpec } from '../contract/spec.js';
import type { FatalMessage } from '../contract/wire.js';
import { containerError } from './container/start-error.js';
import type { HostCommand } from './host-body.js';
import type { HostExit } from './host-process.js';
import { readTail } from './log-tail.js';
import { fileSize } from './outstanding.js';
import type { Patterns } from './patterns.js';
import type { Sentence } from './sentence.js';

/** What a system says that has no room, in words, and how to make some. */
const ROOM: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  EMFILE: ['too many open files', 'Allow more, for instance with `ulimit -n 4096`.'],
  ENFILE: ['too many open files in the system', 'Close other programs, or raise `fs.file-max`.'],
  EAGAIN: ['too many processes', 'Allow more with `ulimit -u`, or set fewer `workers`.'],
  ENOMEM: ['out of memory', 'Close other programs, or set fewer `workers`.'],
};

/** True: the system has no room for a further process. */
export function lacksRoom({ spawnError }: HostExit): boolean {
  return spawnError?.code !== undefined && Object.hasOwn(ROOM, spawnError.code);
}

/** What the user hears when `living` hosts have to do. */
export function noRoomWarning({ spawnError }: HostExit, living: number): string {
  const code = spawnError?.code ?? '';
  const [what, hint] = ROOM[code] ?? ['no room', ''];
  return `${what} (${code}): the run goes on with ${living} ${living === 1 ? 'process' : 'processes'}. ${hint}`;
}

/** @param patterns - what to mask; null: nothing */
export function fatalError(
  message: FatalMessage,
  round: RoundContext,
  patterns: Patterns | null,
): DlJobsError {
  const { moduleName, methodName, file } = round.spec;
  if (message.reason === 'missing') {
    const names = message.names ?? [];
    return new JobError(
      'TASK_FUNCTION_NOT_FOUND',
      `expected a function \`${methodName}\` in ${file}, found none`,
      {
        hint: names.length > 0 ? `It has: ${names.join(', ')}.` : `Export a function from ${moduleName}.`,
      },
    );
  }
  const { type, message: text, stack } = message.error;
  const why = masked(stack ?? `${type}: ${text}`, patterns);
  return new JobError('MODULE_LOAD_FAILED', `${file} cannot be loaded: ${why}`, {
    hint: missingPackage(text, round.spec) ?? 'The module threw while it was imported; no task was run.',
  });
}

/** @param command - the program that should have run */
export function startError(
  exit: HostExit,
  sentence: Sentence | null,
  host: HostCommand,
  logFile: string,
  round: RoundContext,
  patterns: Patterns | null,
): DlJobsError {
  const { file, language, policy } = round.spec;
  const { spawnError } = exit;
  const { container } = host;
  const command = spawnError !== undefined && container !== undefined ? container.tool.program : host.command;
  const tail = masked(readTail(logFile, 0, fileSize(logFile), 2_000), patterns);
  if (container !== undefined) {
    const error = containerError(container, host.command, exit, tail, language);
    if (error !== null) return error;
  }
  if (spawnError !== undefined) {
    const room = ROOM[spawnError.code ?? ''];
    const python = language === 'python' && room === undefined && container === undefined;
    return new InfrastructureError(
      python ? 'PYTHON_NOT_FOUND' : 'HOST_START_FAILED',
      `cannot start \`${command}\`: ${room === undefined ? '' : `${room[0]}, `}${spawnError.code ?? spawnError.message}`,
      {
        hint: python
          ? 'Set `python` in dl_jobs.config.yaml to an interpreter, 3.8 or newer.'
          : (room?.[1] ?? 'Check the working directory and memory.'),
      },
    );
  }
  if (sentence?.why === 'memory') {
    const limit = formatSize(policy.memory ?? 0);
    return new JobError(
      'MODULE_LOAD_FAILED',
      `the process used ${formatSize(sentence.peak * 1024)} of memory while it loaded ${file}: a task may use ${limit}`,
      { hint: 'No task was run. Raise `memory`.' },
    );
  }
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  return new JobError(
    'MODULE_LOAD_FAILED',
    `the process ended with ${how} while it loaded ${file}${tail ? `:\n${tail}` : ''}`,
    {
      hint: 'No task was run. Look for an exit, or a crash of a native library, at import time.',
    },
  );
}

function masked(text: string, patterns: Patterns | null): string {
  return patterns === null ? text : patterns.mask(text);
}

/** What to install, when that is all that is wrong. */
function missingPackage(
  message: string,
  { language, container = 'none', image }: JobSpec,
): string | undefined {
  const name =
    language === 'node'
      ? /Cannot find (?:package|module) '((?:@[\w.-]+\/)?[\w-][\w.-]*)/.exec(message)?.[1]
      : /No module named '(\w+)/.exec(message)?.[1];
  if (name === undefined) return undefined;
  if (language === 'node')
    return `Install it: \`npm install ${name}\`, or name it in \`requirements\` of the job.`;
  return container !== 'none'
    ? `Tasks run in the image ${image}: add it there, or take an image that has it.`
    : `Install it for the interpreter that \`python\` names: \`python -m pip install ${name}\`, or name it in \`requirements\` of the job.`;
}
