/** Why a job's hosts could not begin: the job is broken, and no task was run. */
import { InfrastructureError, JobError, type DlJobsError } from '../base/errors.js';
import type { RoundContext } from '../contract/platform.js';
import type { FatalMessage } from '../contract/wire.js';
import type { HostExit } from './host-process.js';
import type { HostCommand } from './start-host.js';
import { readTail } from './log-tail.js';
import { fileSize } from './outstanding.js';

export function fatalError(message: FatalMessage, round: RoundContext): DlJobsError {
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
  return new JobError('MODULE_LOAD_FAILED', `${file} cannot be loaded: ${stack ?? `${type}: ${text}`}`, {
    hint:
      missingPackage(text, round.spec.language) ?? 'The module threw while it was imported; no task was run.',
  });
}

export function startError(
  exit: HostExit,
  command: HostCommand,
  logFile: string,
  round: RoundContext,
): DlJobsError {
  if (exit.spawnError !== undefined) {
    const python = round.spec.language === 'python';
    return new InfrastructureError(
      python ? 'PYTHON_NOT_FOUND' : 'HOST_START_FAILED',
      `cannot start \`${command.command}\`: ${exit.spawnError.code ?? exit.spawnError.message}`,
      {
        hint: python
          ? 'Set `python` in dl_jobs.config.yaml to an interpreter, 3.8 or newer.'
          : 'Check the working directory and memory.',
      },
    );
  }
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  const tail = readTail(logFile, 0, fileSize(logFile), 2_000);
  return new JobError(
    'MODULE_LOAD_FAILED',
    `the process ended with ${how} while it loaded ${round.spec.file}${tail ? `:\n${tail}` : ''}`,
    {
      hint: 'No task was run. Look for an exit, or a crash of a native library, at import time.',
    },
  );
}

/** What to install, when that is all that is wrong. */
function missingPackage(message: string, language: 'node' | 'python'): string | undefined {
  const name =
    language === 'node'
      ? /Cannot find (?:package|module) '((?:@[\w.-]+\/)?[\w-][\w.-]*)/.exec(message)?.[1]
      : /No module named '(\w+)/.exec(message)?.[1];
  if (name === undefined) return undefined;
  return language === 'node'
    ? `Install it: \`npm install ${name}\`.`
    : `Install it for the interpreter that \`python\` names: \`python -m pip install ${name}\`.`;
}
