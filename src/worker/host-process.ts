/** One host as its worker sees it: a child process, and a socket pair each way. */
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { BatchMessage, FatalMessage, InitMessage, OutMessage } from '../contract/wire.js';
import { HOST_IN, HOST_OUT } from '../contract/wire.js';
import { frameParser } from './frames.js';
import type { Reaper } from './reaper.js';
import type { SpareHost } from './spare-host.js';
import { startHost, type HostCommand } from './start-host.js';

export interface HostEvents {
  onReady(): void;
  onFatal(message: FatalMessage): void;
  onOut(message: OutMessage, body: Buffer[]): void;
  /** The process is gone and all it sent was delivered. */
  onExit(exit: HostExit): void;
}

export interface HostExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set when the process could not be started at all. */
  readonly spawnError?: NodeJS.ErrnoException;
}

/** How long the pipe of a dead host may stay open before we stop listening: a grandchild can hold it. */
const PIPE_DRAIN_MS = 1_000;

export class HostProcess {
  readonly #child: ChildProcess;
  readonly #input: Socket;
  readonly #output: Socket;
  readonly #reaper: Reaper;
  #gone = false;
  #queued: Buffer[] = [];

  constructor(
    command: HostCommand,
    logFile: string,
    init: InitMessage,
    events: HostEvents,
    reaper: Reaper,
    spare: SpareHost | null,
  ) {
    this.#reaper = reaper;
    this.#child = spare?.claim(command, logFile) ?? startHost(command, logFile);
    if (this.#child.pid !== undefined) reaper.watch(this.#child.pid);
    this.#input = this.#child.stdio[HOST_IN] as Socket;
    this.#output = (this.#child.stdio as readonly unknown[])[HOST_OUT] as Socket;
    this.#listen(events);
    this.#input.write(`${JSON.stringify(init)}\n`);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Puts a batch into the next {@link flush}. */
  send(message: BatchMessage, args: Buffer): void {
    this.#queued.push(Buffer.from(`${JSON.stringify(message)}\n`), args);
  }

  /** One write for all that was put since the last: each write wakes the host, and may give it our processor. */
  flush(): void {
    if (this.#queued.length === 0) return;
    this.#input.write(Buffer.concat(this.#queued));
    this.#queued = [];
  }

  /** Lets an idle host end: it does when its pipe closes. */
  end(): void {
    this.#input.end();
  }

  /** Signals the host and whatever it started. */
  kill(signal: NodeJS.Signals): void {
    if (this.#gone || this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // The group is gone already.
    }
  }

  #listen(events: HostEvents): void {
    const parse = frameParser((header, body) => {
      if (header.type === 'out') events.onOut(header, body);
      else if (header.type === 'ready') events.onReady();
      else events.onFatal(header);
    });
    // Before its exit is seen a host's pipe can break under a write; the exit tells all that there is to tell.
    this.#input.on('error', () => undefined);
    this.#output.on('error', () => undefined);
    this.#output.on('data', parse);

    let reported = false;
    const report = (exit: HostExit): void => {
      if (reported) return;
      reported = true;
      this.#input.destroy();
      this.#output.destroy();
      events.onExit(exit);
    };
    this.#child.on('error', (error: NodeJS.ErrnoException) => {
      report({ code: null, signal: null, spawnError: error });
    });
    this.#child.on('exit', (code, signal) => {
      // What the host left behind goes with it: nobody else will ever wait for it.
      this.kill('SIGKILL');
      this.#gone = true;
      if (this.#child.pid !== undefined) this.#reaper.forget(this.#child.pid);
      const late = setTimeout(() => report({ code, signal }), PIPE_DRAIN_MS);
      const whenDrained = (): void => {
        clearTimeout(late);
        report({ code, signal });
      };
      if (this.#output.closed || this.#output.readableEnded) whenDrained();
      else this.#output.once('close', whenDrained);
    });
  }
}
