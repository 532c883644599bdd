/** One host as its worker sees it: a child process, a socket pair each way, and a file that says what it does. */
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { BatchMessage, FatalMessage, InitMessage, LateMessage, OutMessage } from '../contract/wire.js';
import { HOST_IN, HOST_OUT } from '../contract/wire.js';
import { frameParser } from './frames.js';
import type { Progress } from './progress-file.js';
import type { Reaper } from './reaper.js';
import type { SpareHost } from './spare-host.js';
import { startHost, type HostCommand, type StartedHost } from './start-host.js';

export interface HostEvents {
  onReady(): void;
  onFatal(message: FatalMessage): void;
  onOut(message: OutMessage, body: Buffer[]): void;
  onLate(message: LateMessage): void;
  /** The process is gone and all it sent was delivered; never before the constructor has returned. */
  onExit(exit: HostExit): void;
}

export interface HostExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set when the process could not be started at all. */
  readonly spawnError?: NodeJS.ErrnoException;
  /** What it last said it did. */
  readonly progress: Progress | null;
  /** It was sent SIGKILL by us. */
  readonly killed: boolean;
}

/** How long the pipe of a dead host may stay open before we stop listening: a grandchild can hold it. */
const PIPE_DRAIN_MS = 1_000;

export class HostProcess {
  readonly #host: StartedHost | null;
  readonly #reaper: Reaper;
  readonly #events: HostEvents;
  /** Null: it could not be started. */
  readonly #input: Socket | null = null;
  readonly #output: Socket | null = null;
  #killed = false;
  #gone = false;
  #reported = false;
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
    this.#events = events;
    try {
      this.#host = spare?.claim(command, logFile) ?? startHost(command, logFile);
    } catch (error) {
      this.#host = null;
      setImmediate(() => this.#report(null, null, error as NodeJS.ErrnoException));
      return;
    }
    const { child } = this.#host;
    if (child.pid === undefined) {
      // Why is told by an event that is still to come.
      child.on('error', (error) => this.#report(null, null, error));
      return;
    }
    reaper.watch(child.pid);
    this.#input = child.stdio[HOST_IN] as Socket;
    this.#output = (child.stdio as readonly unknown[])[HOST_OUT] as Socket;
    this.#listen(child, this.#input, this.#output);
    this.#input.write(`${JSON.stringify(init)}\n`);
  }

  get pid(): number | undefined {
    return this.#host?.child.pid;
  }

  /** What it says it does. */
  progress(): Progress | null {
    return this.#host?.progress.read() ?? null;
  }

  /** Puts a batch into the next {@link flush}. */
  send(message: BatchMessage, args: Buffer): void {
    this.#queued.push(Buffer.from(`${JSON.stringify(message)}\n`), args);
  }

  /** One write for all that was put since the last: each write wakes the host, and may give it our processor. */
  flush(): void {
    if (this.#queued.length === 0) return;
    this.#input?.write(Buffer.concat(this.#queued));
    this.#queued = [];
  }

  /** Lets an idle host end: it does when its pipe closes. */
  end(): void {
    this.#input?.end();
  }

  /** Signals the host and whatever it started. */
  kill(signal: NodeJS.Signals): void {
    if (this.#gone || this.pid === undefined) return;
    if (signal === 'SIGKILL') this.#killed = true;
    signalGroup(this.pid, signal);
  }

  #listen(child: ChildProcess, input: Socket, output: Socket): void {
    const events = this.#events;
    const parse = frameParser((header, body) => {
      if (header.type === 'out') events.onOut(header, body);
      else if (header.type === 'ready') events.onReady();
      else if (header.type === 'late') events.onLate(header);
      else events.onFatal(header);
    });
    // Before its exit is seen a host's pipe can break under a write; the exit tells all that there is to tell.
    input.on('error', () => undefined);
    output.on('error', () => undefined);
    output.on('data', parse);
    child.on('error', () => undefined);
    child.on('exit', (code, signal) => {
      // What the host left behind goes with it: nobody else will ever wait for it.
      if (child.pid !== undefined) {
        signalGroup(child.pid, 'SIGKILL');
        this.#reaper.forget(child.pid);
      }
      this.#gone = true;
      const late = setTimeout(() => this.#report(code, signal), PIPE_DRAIN_MS);
      const whenDrained = (): void => {
        clearTimeout(late);
        this.#report(code, signal);
      };
      if (output.closed || output.readableEnded) whenDrained();
      else output.once('close', whenDrained);
    });
  }

  #report(code: number | null, signal: NodeJS.Signals | null, spawnError?: NodeJS.ErrnoException): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#gone = true;
    this.#input?.destroy();
    this.#output?.destroy();
    const exit = { code, signal, progress: this.progress(), killed: this.#killed };
    this.#host?.progress.close();
    this.#events.onExit(spawnError === undefined ? exit : { ...exit, spawnError });
  }
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // The group is gone already.
  }
}
