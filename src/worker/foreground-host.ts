/** A host on the user's own terminal, for one task: nothing of it is recorded. */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { HOST_IN, HOST_OUT, type FatalMessage, type InitMessage } from '../contract/wire.js';
import { startContainedInForeground } from './container/foreground.js';
import { frameParser } from './frames.js';
import { Reaper } from './reaper.js';
import { ChildBody, type ExitStatus, type HostCommand, type StartedHost } from './host-body.js';

/** How it went. */
export type ForegroundEnd =
  /** The task ended; `record` holds its `end` record. */
  | { readonly kind: 'record'; readonly record: Buffer }
  /** The function could not be loaded. */
  | { readonly kind: 'fatal'; readonly message: FatalMessage }
  /** The process ended before the task did. */
  | {
      readonly kind: 'exit';
      /** It had loaded the function. */
      readonly wasReady: boolean;
      readonly status: ExitStatus;
    }
  /** There was no process. */
  | { readonly kind: 'unstarted'; readonly error: NodeJS.ErrnoException };

/** After this long a host that was asked to end is killed. */
const GRACE_MS = 2_000;

export class ForegroundHost {
  /** Settles when the process is gone; never rejects. */
  readonly done: Promise<ForegroundEnd>;
  readonly #host: Omit<StartedHost, 'progress'>;

  /** @param line - arguments of the task, with the newline */
  constructor(command: HostCommand, init: InitMessage, task: number, line: Buffer) {
    const reaper = new Reaper();
    const { container } = command;
    this.#host =
      container === undefined ? startHere(command) : startContainedInForeground(command, container);
    this.#host.body.entrust(reaper);
    this.done = this.#run(init, task, line, reaper).finally(() => reaper.close());
  }

  /** Ends it: with the signal, and before long for certain. */
  kill(signal: NodeJS.Signals): void {
    const { body } = this.#host;
    body.signal(signal);
    setTimeout(() => body.signal('SIGKILL'), GRACE_MS).unref();
  }

  async #run(init: InitMessage, task: number, line: Buffer, reaper: Reaper): Promise<ForegroundEnd> {
    const { child, body, input, output } = this.#host;
    let wasReady = false;
    const gone = new Promise<ForegroundEnd>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => resolve({ kind: 'unstarted', error }));
      child.once('exit', (code, signal) => {
        const status = body.ended({ code, signal }, reaper);
        resolve({ kind: 'exit', wasReady, status });
      });
    });
    if (input === undefined || output === undefined) return await gone;
    // A pipe that breaks belongs to a process that has ended, which tells all there is to tell.
    input.on('error', () => undefined);
    output.on('error', () => undefined);
    let said: ForegroundEnd | null = null;
    const end = (how: ForegroundEnd): void => {
      said = how;
      input.end();
      setTimeout(() => body.signal('SIGKILL'), GRACE_MS).unref();
    };
    const heard = frameParser((header, bytes) => {
      if (header.type === 'fatal') end({ kind: 'fatal', message: header });
      else if (header.type === 'out') end({ kind: 'record', record: Buffer.concat(bytes) });
      else if (header.type === 'ready') wasReady = true;
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

function startHere(command: HostCommand): Omit<StartedHost, 'progress'> {
  // Not in a session of its own, as other hosts are: it could not read from the terminal.
  const child = spawn(command.command, command.args, {
    cwd: command.cwd,
    env: command.env,
    stdio: ['inherit', 'inherit', 'inherit', 'pipe', 'pipe', 'ignore'],
  });
  const streams = (child.stdio ?? []) as readonly (Socket | null | undefined)[];
  const [input, output] = [streams[HOST_IN] ?? undefined, streams[HOST_OUT] ?? undefined];
  return { child, input, output, body: new ChildBody(child.pid) };
}
