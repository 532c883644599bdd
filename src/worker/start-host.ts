import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { requireDescriptors } from './descriptor-room.js';
import { ProgressFile } from './progress-file.js';

/** The program that a host is. */
export interface HostCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** May hold secrets: it is shown to nobody. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

export interface StartedHost {
  readonly child: ChildProcess;
  /** To be closed by whoever has the host. */
  readonly progress: ProgressFile;
}

/** Starts the process of a host, with `logFile` as its output. Throws what the system says. */
export function startHost(command: HostCommand, logFile: string): StartedHost {
  requireDescriptors();
  const progress = new ProgressFile(dirname(logFile));
  let log: number | undefined;
  try {
    log = openSync(logFile, 'a');
    const child = spawn(command.command, command.args, {
      cwd: command.cwd,
      env: command.env,
      stdio: ['ignore', log, log, 'pipe', 'pipe', progress.fd],
      // Its own session: Ctrl-C in the terminal reaches us alone, and one kill reaches all its children.
      detached: true,
    });
    return { child, progress };
  } catch (error) {
    progress.close();
    throw error;
  } finally {
    if (log !== undefined) closeSync(log);
  }
}
