import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** The program that a host is. */
export interface HostCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** Starts the process of a host, with `logFile` as its output. */
export function startHost(command: HostCommand, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    return spawn(command.command, command.args, {
      cwd: command.cwd,
      env: command.env,
      stdio: ['ignore', log, log, 'pipe', 'pipe'],
      // Its own session: Ctrl-C in the terminal reaches us alone, and one kill reaches all its children.
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}
