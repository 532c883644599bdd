/**
 * The worker: takes tasks from a source, feeds its hosts, journals what they answer.
 * The same on every platform; on `local` it lives inside the controller.
 */
import { join } from 'node:path';
import { recordLine } from '../contract/record-line.js';
import type { RoundContext, TaskBatch, WorkerStatus } from '../contract/platform.js';
import type { OutMessage } from '../contract/wire.js';
import { blame } from './blame.js';
import { withDigest } from './digest.js';
import { HostProcess, type HostExit } from './host-process.js';
import { crashRecord, fileSize, type Outstanding } from './outstanding.js';
import { Reaper } from './reaper.js';
import { hasRoom, initMessage, newSlot, type Slot } from './slot.js';
import type { SpareHost } from './spare-host.js';
import { fatalError, startError } from './start-errors.js';
import type { HostCommand } from './start-host.js';

export interface WorkerOptions {
  readonly round: RoundContext;
  /** At most this many hosts, fewer when there are fewer tasks. */
  readonly hosts: number;
  /** The program for host number `slot`. */
  readonly command: (slot: number) => HostCommand;
  /** Hosts that were started ahead of time; the worker's from here on. */
  readonly spares?: readonly SpareHost[];
}

/** After so many hosts in a row that could not load the module the job is broken. */
const MAX_FAILED_STARTS = 3;
/** After this long an idle host that does not end by itself is killed. */
const END_GRACE_MS = 2_000;

export class Worker {
  readonly done: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #slots: Slot[] = [];
  readonly #reaper = new Reaper();
  /** Tasks of a dead host, to run again one at a time. */
  readonly #suspects: TaskBatch[] = [];
  /** Tasks that were given to a host which died before it began them. */
  readonly #returned: TaskBatch[] = [];
  readonly #spares: SpareHost[];
  #nextBatch = 1;
  #exhausted = false;
  #stopping = false;
  #settled = false;
  #everReady = false;
  /** Hosts in a row that died before they were ready. */
  #failedStarts = 0;
  #living = 0;
  #onGone: () => void = () => undefined;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#spares = [...(options.spares ?? [])];
    this.done = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const concurrency = options.round.spec.taskConcurrency;
    for (let index = 0; index < Math.max(1, options.hosts); index++) {
      this.#slots.push(newSlot(index, concurrency));
    }
    this.#feedAll();
  }

  status(): WorkerStatus {
    let busy = 0;
    let inFlight = 0;
    for (const slot of this.#slots) {
      if (slot.outstanding.length > 0) busy++;
      for (const out of slot.outstanding) inFlight += out.left;
    }
    return { hosts: this.#living, busy, inFlight };
  }

  /** Hands out nothing more; what runs may end within `graceMs`, then it is killed. No outcome is written for it. */
  stop(graceMs: number): void {
    const first = !this.#stopping;
    this.#stopping = true;
    if (graceMs <= 0) {
      for (const slot of this.#slots) slot.host?.kill('SIGKILL');
    } else if (first) {
      setTimeout(() => this.stop(0), graceMs).unref();
    }
    this.#settleWhenDone();
  }

  #feedAll(): void {
    for (const slot of this.#slots) this.#feed(slot);
    this.#settleWhenDone();
  }

  #feed(slot: Slot): void {
    this.#giveWhileRoom(slot);
    slot.host?.flush();
  }

  #giveWhileRoom(slot: Slot): void {
    while (!this.#stopping && !this.#settled && !slot.waiting && hasRoom(slot)) {
      // A suspect needs a host to itself: let this one drain first.
      if (this.#suspects.length > 0 && slot.outstanding.length > 0) return;
      const suspect = slot.outstanding.length === 0 ? this.#suspects.pop() : undefined;
      const taken = suspect ?? this.#returned.pop() ?? this.#takeFromSource(slot);
      if (taken === null) return;
      this.#send(slot, taken);
      if (suspect !== undefined) return;
    }
  }

  /** Null: nothing now. When the source must be waited for, the slot is fed once it answers. */
  #takeFromSource(slot: Slot): TaskBatch | null {
    if (this.#exhausted) return null;
    const { source } = this.#options.round;
    let taken: ReturnType<typeof source.take>;
    try {
      taken = source.take(slot.size.next(source.remaining(), this.#slots.length));
    } catch (error) {
      this.#fail(error);
      return null;
    }
    if (taken === null) {
      this.#exhausted = true;
      return null;
    }
    if (!(taken instanceof Promise)) return taken;
    slot.waiting = true;
    taken.then(
      (batch) => {
        slot.waiting = false;
        if (batch === null) this.#exhausted = true;
        else if (this.#stopping) this.#settleWhenDone();
        else this.#send(slot, batch);
        slot.host?.flush();
        this.#feedAll();
      },
      (error: unknown) => {
        slot.waiting = false;
        this.#fail(error);
      },
    );
    return null;
  }

  #send(slot: Slot, batch: TaskBatch): void {
    const { round } = this.#options;
    if (slot.host === null) this.#startHost(slot);
    const id = this.#nextBatch++;
    const now = Date.now();
    round.journal.append([
      recordLine({ v: 1, k: 'start', r: round.round, h: slot.index, b: id, p: batch.tasks, a: 1, at: now }),
    ]);
    slot.outstanding.push({
      id,
      batch,
      sentAt: now,
      logFrom: batch.count === 1 ? fileSize(this.#logFile(slot)) : 0,
      answered: new Array<boolean>(batch.count).fill(false),
      left: batch.count,
    });
    slot.host?.send(
      { type: 'batch', id, round: round.round, attempt: 1, tasks: batch.tasks, bytes: batch.args.length },
      batch.args,
    );
  }

  #startHost(slot: Slot): void {
    const { round, command } = this.#options;
    slot.ready = false;
    this.#living++;
    slot.host = new HostProcess(
      command(slot.index),
      this.#logFile(slot),
      initMessage(round, slot.index),
      {
        onReady: () => {
          slot.ready = true;
          this.#everReady = true;
          this.#failedStarts = 0;
        },
        onFatal: (message) => this.#fail(fatalError(message, round)),
        onOut: (message, body) => this.#answered(slot, message, body),
        onExit: (exit) => this.#exited(slot, exit),
      },
      this.#reaper,
      this.#spares.shift() ?? null,
    );
  }

  #logFile(slot: Slot): string {
    const { round } = this.#options;
    return join(round.dir, 'logs', `${round.writer}-${slot.index}.log`);
  }

  #answered(slot: Slot, message: OutMessage, body: Buffer[]): void {
    const out = slot.outstanding.find((o) => o.id === message.id);
    if (out === undefined) return;
    try {
      this.#options.round.journal.append(...withDigest(message, body, out));
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (message.at === undefined) {
      const first = out.batch.count - out.left;
      for (let i = 0; i < message.n; i++) out.answered[first + i] = true;
    } else {
      for (const position of message.at) out.answered[position] = true;
    }
    out.left -= message.n;
    slot.size.observe(message.n, message.busy);
    if (out.left === 0) slot.outstanding.splice(slot.outstanding.indexOf(out), 1);
    this.#feed(slot);
    if (slot.outstanding.length === 0) this.#settleWhenDone();
  }

  #exited(slot: Slot, exit: HostExit): void {
    this.#living--;
    const wasReady = slot.ready;
    slot.host = null;
    slot.ready = false;
    const { outstanding } = slot;
    slot.outstanding = [];
    if (this.#living === 0) this.#onGone();
    if (this.#settled || this.#stopping) {
      this.#settleWhenDone();
      return;
    }
    slot.size.reset();
    if (!wasReady && !this.#mayStartAgain(exit)) {
      this.#fail(
        startError(exit, this.#options.command(slot.index), this.#logFile(slot), this.#options.round),
      );
      return;
    }
    if (!wasReady) {
      // It died while it loaded the module: none of its tasks had begun.
      for (const { batch } of outstanding)
        (batch.alone === true ? this.#suspects : this.#returned).push(batch);
      this.#feedAll();
      return;
    }
    this.#judge(slot, outstanding, exit);
    this.#feedAll();
  }

  /** A module that has loaded before may fail to for a while (memory, a shared disk), but not again and again. */
  #mayStartAgain(exit: HostExit): boolean {
    return exit.spawnError === undefined && this.#everReady && ++this.#failedStarts < MAX_FAILED_STARTS;
  }

  /** Decides what becomes of the tasks that a dead host had. */
  #judge(slot: Slot, outstanding: Outstanding[], exit: HostExit): void {
    const { round } = this.#options;
    const { guilty, suspects, innocent } = blame(outstanding, round.spec.taskConcurrency === 1);
    this.#suspects.push(...suspects);
    this.#returned.push(...innocent);
    if (guilty === null) return;
    round.journal.append([crashRecord(guilty, exit, round.round, slot.index, fileSize(this.#logFile(slot)))]);
  }

  #settleWhenDone(): void {
    if (this.#settled) return;
    const idle = this.#slots.every(
      (slot) => slot.outstanding.length === 0 && (!slot.waiting || this.#stopping),
    );
    if (!idle) return;
    const nothingLeft = this.#exhausted && this.#suspects.length === 0 && this.#returned.length === 0;
    if (!nothingLeft && !this.#stopping) return;
    this.#settled = true;
    void this.#endHosts().then(this.#resolve);
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const slot of this.#slots) slot.host?.kill('SIGKILL');
    void this.#endHosts().then(() => this.#reject(error));
  }

  async #endHosts(): Promise<void> {
    for (const spare of this.#spares.splice(0)) spare.discard();
    for (const slot of this.#slots) slot.host?.end();
    if (this.#living > 0) {
      const timer = setTimeout(() => {
        for (const slot of this.#slots) slot.host?.kill('SIGKILL');
      }, END_GRACE_MS);
      await new Promise<void>((resolve) => {
        this.#onGone = resolve;
      });
      clearTimeout(timer);
    }
    this.#reaper.close();
  }
}
