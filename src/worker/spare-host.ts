/**
 * A node host that is started before it is known what it will run: it boots while the controller still loads the
 * job. It gets its log file, which must be its stdout from birth, by renaming.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HostCommand, StartedHost } from './host-body.js';
import { startHost } from './start-host.js';

export class SpareHost {
  readonly #host: StartedHost;
  readonly #logFile: string;
  readonly #command: HostCommand;

  /**
   * Throws what the system says when it cannot be started.
   *
   * @param logFile - where its output goes until it is claimed, on the file system of the runs
   */
  constructor(command: HostCommand, logFile: string) {
    mkdirSync(dirname(logFile), { recursive: true });
    this.#command = command;
    this.#logFile = logFile;
    this.#host = startHost(command, logFile);
    this.#host.child.on('error', () => undefined);
  }

  /** The process, if it is what `command` would start and lives; its output goes to `logFile` from now on. */
  claim(command: HostCommand, logFile: string): StartedHost | null {
    const { child } = this.#host;
    const fits =
      command.container === undefined &&
      command.command === this.#command.command &&
      command.cwd === this.#command.cwd &&
      JSON.stringify(command.args) === JSON.stringify(this.#command.args) &&
      JSON.stringify(command.env) === JSON.stringify(this.#command.env);
    const lives = child.pid !== undefined && child.exitCode === null && child.signalCode === null;
    if (!fits || !lives) {
      this.discard();
      return null;
    }
    renameSync(this.#logFile, logFile);
    child.removeAllListeners('error');
    return this.#host;
  }

  /** Lets it end: it has loaded nothing of the user's, so it does as soon as its pipe closes. */
  discard(): void {
    const { child, input, output, progress } = this.#host;
    input?.destroy();
    output?.destroy();
    progress.close();
    child.unref();
    rmSync(this.#logFile, { force: true });
  }
}
