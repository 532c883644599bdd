/**
 * A node host that is started before it is known what it will run: it boots while the controller still loads the
 * job. It gets its log file, which must be its stdout from birth, by renaming.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { HOST_IN, HOST_OUT } from '../contract/wire.js';
import { startHost, type HostCommand } from './start-host.js';

export class SpareHost {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #command: HostCommand;

  /** @param logFile - where its output goes until it is claimed, on the file system of the runs */
  constructor(command: HostCommand, logFile: string) {
    mkdirSync(dirname(logFile), { recursive: true });
    this.#command = command;
    this.#logFile = logFile;
    this.#child = startHost(command, logFile);
    this.#child.on('error', () => undefined);
  }

  /** The process, if it is what `command` would start and lives; its output goes to `logFile` from now on. */
  claim(command: HostCommand, logFile: string): ChildProcess | null {
    const fits =
      command.command === this.#command.command &&
      command.cwd === this.#command.cwd &&
      JSON.stringify(command.env) === JSON.stringify(this.#command.env);
    const lives =
      this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
    if (!fits || !lives) {
      this.discard();
      return null;
    }
    renameSync(this.#logFile, logFile);
    this.#child.removeAllListeners('error');
    return this.#child;
  }

  /** Lets it end: it has loaded nothing of the user's, so it does as soon as its pipe closes. */
  discard(): void {
    for (const end of [HOST_IN, HOST_OUT]) {
      ((this.#child.stdio as readonly unknown[])[end] as Socket | null)?.destroy();
    }
    this.#child.unref();
    rmSync(this.#logFile, { force: true });
  }
}
