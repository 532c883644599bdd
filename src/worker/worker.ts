/**
 * The worker: takes tasks from a source, feeds its hosts, journals what they answer.
 * The same on every platform; on `local` it lives inside the controller.
 * lines: what may happen to a host, and what follows from it, in one place.
 */
import { recordLine } from '../contract/record-line.js';
import type { HostStatus, RoundContext, TaskBatch, WorkerStatus } from '../contract/platform.js';
import { isFinal } from '../contract/policy.js';
import type { OutMessage } from '../contract/wire.js';
import { Backlog } from './backlog.js';
import { chargedTask, chargeRecord, type Charge } from './charge.js';
import { withDigest } from './digest.js';
import { HostProcess, type HostExit } from './host-process.js';
import { HostStarts } from './host-starts.js';
import { hostStatus } from './host-status.js';
import { judge } from './judge.js';
import { lastLogByte } from './log-ranges.js';
import { attemptOf, fileSize, markAnswered, outstanding, taskAt, type Outstanding } from './outstanding.js';
import { Patterns } from './patterns.js';
import { KernelKills } from './proc.js';
import { monotonicMs } from './progress-file.js';
import { Reaper } from './reaper.js';
import { endIfAnswered, endLate, endNow } from './sentence.js';
import { hasRoom, initMessage, newSlot, type Slot } from './slot.js';
import type { SpareHost } from './spare-host.js';
import { fatalError } from './start-errors.js';
import type { HostCommand } from './host-body.js';
import { Watch } from './watch.js';

export interface WorkerOptions {
  readonly round: RoundContext;
  /** At most this many hosts, fewer when there are fewer tasks. */
  readonly hosts: number;
  /** The program for host number `slot`. */
  readonly command: (slot: number) => HostCommand;
  /** Hosts that were started ahead of time; the worker's from here on. */
  readonly spares?: readonly SpareHost[];
  /**
   * Who ends this worker by SIGTERM ends its hosts by it, too, perhaps earlier: one that ends so is judged a moment
   * later, when it is known whether all end. @default false
   */
  readonly endsWithUs?: boolean;
}

/** The signal that ends a worker reaches it at most so long after it reached the hosts. */
const SAME_SIGNAL_MS = 500;

/** After this long an idle host that does not end by itself is killed. */
const END_GRACE_MS = 2_000;

export class Worker {
  readonly done: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #round: RoundContext;
  readonly #slots: Slot[] = [];
  readonly #reaper = new Reaper();
  readonly #kernelKills = new KernelKills();
  readonly #watch: Watch;
  readonly #backlog: Backlog;
  readonly #starts: HostStarts;
  readonly #patterns: Patterns | null;
  readonly #spares: SpareHost[];
  #nextBatch = 1;
  #stopping = false;
  #killTimer: NodeJS.Timeout | undefined;
  #killAt = Infinity;
  #settled = false;
  #living = 0;
  #onGone: () => void = () => undefined;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(options: WorkerOptions) {
    const { round } = options;
    this.#options = options;
    this.#round = round;
    this.#spares = [...(options.spares ?? [])];
    this.done = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#patterns = round.redact.length > 0 ? new Patterns(round.redact) : null;
    for (let index = 0; index < Math.max(1, options.hosts); index++)
      this.#slots.push(newSlot(round, index, this.#patterns));
    this.#starts = new HostStarts(round, this.#patterns);
    this.#backlog = new Backlog(round, this.#slots.length, {
      onMore: (slot) => {
        if (slot !== null) this.#feed(slot);
        this.#feedAll();
      },
      onError: (error) => this.#fail(error),
    });
    this.#watch = new Watch(this.#slots, round, this.#kernelKills, (error) => this.#fail(error));
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

  hosts(): HostStatus[] {
    return this.#slots.map(hostStatus).filter((status) => status !== null);
  }

  /**
   * Hands out nothing more; what runs may end within `graceMs` (Infinity: in its own time), then it is killed, and
   * gets no outcome. The shortest patience of several calls counts.
   */
  stop(graceMs: number): void {
    this.#stopping = true;
    this.#backlog.close();
    if (graceMs <= 0) {
      for (const slot of this.#slots) endNow(slot, { why: 'stop' });
    } else if (Date.now() + graceMs < this.#killAt) {
      this.#killAt = Date.now() + graceMs;
      clearTimeout(this.#killTimer);
      this.#killTimer = setTimeout(() => this.stop(0), graceMs).unref();
    }
    this.#settleWhenDone();
  }

  #feedAll(): void {
    for (const slot of this.#slots) this.#feed(slot);
    this.#settleWhenDone();
  }

  #feed(slot: Slot): void {
    try {
      while (!this.#settled && hasRoom(slot)) {
        const batch = this.#backlog.take(slot);
        if (batch === null) break;
        this.#send(slot, batch);
      }
    } catch (error) {
      this.#fail(error);
    }
    slot.host?.flush();
  }

  #send(slot: Slot, batch: TaskBatch): void {
    const { round, journal } = this.#round;
    const { tasks, args } = batch;
    if (slot.host === null) this.#startHost(slot);
    if (slot.outstanding.length === 0) slot.heardAt = monotonicMs();
    const id = this.#nextBatch++;
    const attempt = attemptOf(batch);
    const out = outstanding(id, batch, fileSize(slot.logFile));
    const { span, sentAt: at } = out;
    slot.outstanding.push(out);
    const start = { v: 1, k: 'start', r: round, h: slot.index, b: id, p: tasks, a: attempt, at } as const;
    journal.append([recordLine(start)], span);
    // A task that takes us with it the moment it begins must be known to have begun, or every resume begins it again.
    // Of several in a batch none could be blamed, and those are too many to write one by one.
    if (batch.count === 1) journal.writeNow();
    slot.host?.send({ type: 'batch', id, round, attempt, tasks, bytes: args.length }, args);
  }

  #startHost(slot: Slot): void {
    slot.ready = false;
    slot.sentence = null;
    slot.answers = 0;
    this.#watch.forget(slot);
    this.#living++;
    slot.host = new HostProcess(
      this.#options.command(slot.index),
      slot.logFile,
      initMessage(this.#round, slot.index),
      {
        onReady: () => {
          slot.ready = true;
          slot.heardAt = monotonicMs();
          this.#starts.succeeded();
        },
        onFatal: (message) => this.#fail(fatalError(message, this.#round, this.#patterns)),
        onOut: (message, body) => this.#answered(slot, message, body),
        onLate: (message) => endLate(slot, message),
        onExit: (exit) => {
          this.#exited(slot, exit);
        },
      },
      this.#reaper,
      this.#spares.shift() ?? null,
    );
  }

  #answered(slot: Slot, message: OutMessage, body: Buffer[]): void {
    const out = slot.outstanding.find((o) => o.id === message.id);
    if (out === undefined) return;
    const [records, digest] = withDigest(message, body, out);
    try {
      // What comes with a digest has printed nothing.
      if (slot.mask !== null && digest === undefined) slot.mask.upTo(lastLogByte(records));
      this.#round.journal.append(records, out.span, digest);
    } catch (error) {
      this.#fail(error);
      return;
    }
    markAnswered(out, message);
    slot.answers += message.n;
    slot.heardAt = monotonicMs();
    slot.size.observe(message.n, message.busy);
    if (out.left === 0) slot.outstanding.splice(slot.outstanding.indexOf(out), 1);
    if (slot.sentence !== null) endIfAnswered(slot);
    if (message.again !== undefined) this.#tryAgain(out, message.again);
    else this.#feed(slot);
    if (slot.outstanding.length === 0) this.#settleWhenDone();
  }

  #tryAgain({ batch }: Outstanding, positions: readonly number[]): void {
    for (const position of positions)
      this.#backlog.retry(taskAt(batch.tasks, position), attemptOf(batch), false);
    this.#feedAll();
  }

  #exited(slot: Slot, exit: HostExit): void {
    if (this.#options.endsWithUs === true && exit.signal === 'SIGTERM' && slot.sentence === null) {
      slot.sentence = { why: 'signal' };
      setTimeout(() => {
        if (slot.sentence?.why === 'signal') slot.sentence = this.#stopping ? { why: 'stop' } : null;
        this.#reckon(slot, exit);
      }, SAME_SIGNAL_MS);
    } else this.#reckon(slot, exit);
  }

  #reckon(slot: Slot, exit: HostExit): void {
    try {
      this.#gone(slot, exit);
    } catch (error) {
      this.#fail(error);
    }
  }

  #gone(slot: Slot, exit: HostExit): void {
    this.#living--;
    const wasReady = slot.ready;
    const { outstanding: unanswered, sentence, logFile } = slot;
    const peak = this.#watch.peak(slot);
    slot.host = null;
    slot.ready = false;
    slot.outstanding = [];
    slot.sentence = null;
    if (this.#living === 0) this.#onGone();
    if (!this.#settled && sentence?.why !== 'stop') {
      slot.size.reset();
      slot.mask?.upTo();
      if (wasReady) {
        const logTo = fileSize(logFile);
        const host = { exit, sentence, outstanding: unanswered, logFile, logTo, peak };
        const judgement = judge(host, this.#round.spec, this.#kernelKills);
        for (const charge of judgement.charges) this.#charge(slot, charge, logTo);
        this.#backlog.giveBack(judgement);
      } else {
        this.#backlog.giveBackUnbegun(unanswered);
        const others = this.#slots.filter(({ host }) => host?.pid !== undefined).length;
        const error = this.#starts.failed(slot, exit, sentence, others, this.#options.command(slot.index));
        if (error !== null && !this.#stopping) this.#fail(error);
      }
    }
    this.#feedAll();
  }

  /** Records what a task did to its host, and tries it again if the policy says so. */
  #charge(slot: Slot, charge: Charge, logTo: number): void {
    const { round, spec, journal } = this.#round;
    const { batch } = charge.place.out;
    const task = chargedTask(charge);
    const attempt = attemptOf(batch);
    const final = isFinal(spec.policy, charge.failure, attempt);
    journal.append([chargeRecord(charge, round, slot.index, logTo, final)], [task, task]);
    if (!final) this.#backlog.retry(task, attempt, charge.failure !== 'timeout');
  }

  #settleWhenDone(): void {
    if (this.#settled) return;
    const idle = this.#slots.every(
      (slot) => slot.outstanding.length === 0 && (!slot.waiting || this.#stopping),
    );
    if (!idle) return;
    if (!this.#backlog.isEmpty && !this.#stopping) return;
    this.#settled = true;
    void this.#endHosts().then(this.#resolve, this.#reject);
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const slot of this.#slots) slot.host?.kill('SIGKILL');
    const reject = (): void => this.#reject(error);
    void this.#endHosts().then(reject, reject);
  }

  async #endHosts(): Promise<void> {
    this.#backlog.close();
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
    this.#watch.end();
    clearTimeout(this.#killTimer);
    this.#reaper.close();
    for (const slot of this.#slots) slot.mask?.upTo();
  }
}
