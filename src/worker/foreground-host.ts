/** A host on the user's own terminal, for one task: nothing of it is recorded. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { HOST_IN, HOST_OUT, type FatalMessage, type InitMessage } from '../contract/wire.js';
import { frameParser } from './frames.js';
import { Reaper } from './reaper.js';
import type { HostCommand } from './host-body.js';

/** How it went. */
export type ForegroundEnd =
  /** The task ended; `record` holds its `end` record. */
  | { readonly kind: 'record'; readonly record: Buffer }
  /** The function could not be loaded. */
  | { readonly kind: 'fatal'; readonly message: FatalMessage }
  /** The process ended before the task did. */
  | { readonly kind: 'exit'; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  /** There was no process. */
  | { readonly kind: 'unstarted'; readonly error: NodeJS.ErrnoException };

/** After this long a host that was asked to end is killed. */
const GRACE_MS = 2_000;

export class ForegroundHost {
  /** Settles when the process is gone; never rejects. */
  readonly done: Promise<ForegroundEnd>;
  readonly #child: ChildProcess;

  /** @param line - arguments of the task, with the newline */
  constructor(command: HostCommand, init: InitMessage, task: number, line: Buffer) {
    const reaper = new Reaper();
    // Not in a session of its own, as other hosts are: it could not read from the terminal.
    this.#child = spawn(command.command, command.args, {
      cwd: command.cwd,
      env: command.env,
      stdio: ['inherit', 'inherit', 'inherit', 'pipe', 'pipe', 'ignore'],
    });
    if (this.#child.pid !== undefined) reaper.watchAlone(this.#child.pid);
    this.done = this.#run(init, task, line).finally(() => reaper.close());
  }

  /** Ends it: with the signal, and before long for certain. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
    setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS).unref();
  }

  async #run(init: InitMessage, task: number, line: Buffer): Promise<ForegroundEnd> {
    const child = this.#child;
    const gone = new Promise<ForegroundEnd>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => resolve({ kind: 'unstarted', error }));
      child.once('exit', (code, signal) => resolve({ kind: 'exit', code, signal }));
    });
    if (child.pid === undefined) return await gone;
    const input = child.stdio[HOST_IN] as Socket;
    const output = (child.stdio as readonly unknown[])[HOST_OUT] as Socket;
    // A pipe that breaks belongs to a process that has ended, which tells all there is to tell.
    input.on('error', () => undefined);
    output.on('error', () => undefined);
    let said: ForegroundEnd | null = null;
    const end = (how: ForegroundEnd): void => {
      said = how;
      input.end();
      setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
    };
    const heard = frameParser((header, body) => {
      if (header.type === 'fatal') end({ kind: 'fatal', message: header });
      else if (header.type === 'out') end({ kind: 'record', record: Buffer.concat(body) });
    });
    output.on('data', heard);
    const batch = { type: 'batch', id: 1, round: 1, attempt: 1, tasks: [[task, 1]], bytes: line.length };
    input.write(Buffer.concat([Buffer.from(`${JSON.stringify(init)}\n${JSON.stringify(batch)}\n`), line]));
    const exit = await gone;
    // What it sent right before it ended may still be in the pipe; a child of its own may hold that open.
    if (!output.readableEnded) {
      await Promise.race([
        new Promise((resolve) => output.once('close', resolve)),
        new Promise((resolve) => setTimeout(resolve, GRACE_MS / 2)),
      ]);
    }
    input.destroy();
    output.destroy();
    return said ?? exit;
  }
}
