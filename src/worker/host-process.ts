/** One host as its worker sees it: a child process, a socket pair each way, and a file that says what it does. */
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { BatchMessage, FatalMessage, InitMessage, LateMessage, OutMessage } from '../contract/wire.js';
import { frameParser } from './frames.js';
import type { ExitStatus, HostBody, HostCommand, StartedHost } from './host-body.js';
import type { Progress } from './progress-file.js';
import type { Reaper } from './reaper.js';
import type { SpareHost } from './spare-host.js';
import { startHost } from './start-host.js';

export interface HostEvents {
  onReady(): void;
  onFatal(message: FatalMessage): void;
  onOut(message: OutMessage, body: Buffer[]): void;
  onLate(message: LateMessage): void;
  /** The process is gone and all it sent was delivered; never before the constructor has returned. */
  onExit(exit: HostExit): void;
}

export interface HostExit extends ExitStatus {
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
      setImmediate(() => this.#report({ code: null, signal: null }, error as NodeJS.ErrnoException));
      return;
    }
    const { child, input, output, body } = this.#host;
    if (child.pid === undefined || input === undefined || output === undefined) {
      // Why is told by an event that is still to come.
      child.on('error', (error) => this.#report({ code: null, signal: null }, error));
      return;
    }
    body.entrust(reaper);
    this.#input = input;
    this.#output = output;
    this.#listen(child, body, input, output);
    input.write(`${JSON.stringify(init)}\n`);
  }

  /** The host itself; before it is known, the process that holds its container. Undefined: none could be started. */
  get pid(): number | undefined {
    return this.#host?.body.pid ?? this.#host?.child.pid;
  }

  get isContained(): boolean {
    const own = this.#host?.body.pid;
    return own !== undefined && own !== this.#host?.child.pid;
  }

  /** The process that all of the host descends from; undefined: not known yet. */
  get root(): number | undefined {
    return this.#host?.body.root;
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
    if (this.#gone || this.#host?.child.pid === undefined) return;
    if (signal === 'SIGKILL') this.#killed = true;
    this.#host.body.signal(signal);
  }

  #listen(child: ChildProcess, body: HostBody, input: Socket, output: Socket): void {
    const events = this.#events;
    const parse = frameParser((header, bytes) => {
      if (header.type === 'out') events.onOut(header, bytes);
      else if (header.type === 'ready') {
        body.ready();
        events.onReady();
      } else if (header.type === 'late') events.onLate(header);
      else events.onFatal(header);
    });
    // Before its exit is seen a host's pipe can break under a write; the exit tells all that there is to tell.
    input.on('error', () => undefined);
    output.on('error', () => undefined);
    output.on('data', parse);
    child.on('error', () => undefined);
    child.on('exit', (code, signal) => {
      // What the host left behind goes with it: nobody else will ever wait for it.
      const status = body.ended({ code, signal }, this.#reaper);
      this.#gone = true;
      const late = setTimeout(() => this.#report(status), PIPE_DRAIN_MS);
      const whenDrained = (): void => {
        clearTimeout(late);
        this.#report(status);
      };
      if (output.closed || output.readableEnded) whenDrained();
      else output.once('close', whenDrained);
    });
  }

  #report(status: ExitStatus, spawnError?: NodeJS.ErrnoException): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#gone = true;
    this.#input?.destroy();
    this.#output?.destroy();
    const exit = { ...status, progress: this.progress(), killed: this.#killed };
    this.#host?.progress.close();
    this.#events.onExit(spawnError === undefined ? exit : { ...exit, spawnError });
  }
}
