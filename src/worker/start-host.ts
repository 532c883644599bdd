import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { HOST_IN, HOST_OUT } from '../contract/wire.js';
import { startContained } from './container/start.js';
import { requireDescriptors } from './descriptor-room.js';
import { GroupBody, type HostCommand, type StartedHost } from './host-body.js';
import { ProgressFile } from './progress-file.js';

/** Starts the process of a host, with `logFile` as its output. Throws what the system says. */
export function startHost(command: HostCommand, logFile: string): StartedHost {
  requireDescriptors();
  const log = openSync(logFile, 'a');
  try {
    const { container } = command;
    return container === undefined
      ? startHere(command, log, dirname(logFile))
      : startContained(command, container, log, logFile);
  } finally {
    closeSync(log);
  }
}

function startHere(command: HostCommand, log: number, folder: string): StartedHost {
  const progress = new ProgressFile(folder);
  try {
    const child = spawn(command.command, command.args, {
      cwd: command.cwd,
      env: command.env,
      stdio: ['ignore', log, log, 'pipe', 'pipe', progress.fd],
      // Its own session: Ctrl-C in the terminal reaches us alone, and one kill reaches all its children.
      detached: true,
    });
    // Where no descriptors were left for pipes, there are none.
    const streams = (child.stdio ?? []) as readonly (Socket | null | undefined)[];
    return {
      child,
      input: streams[HOST_IN] ?? undefined,
      output: streams[HOST_OUT] ?? undefined,
      progress,
      body: new GroupBody(child.pid),
    };
  } catch (error) {
    progress.close();
    throw error;
  }
}
