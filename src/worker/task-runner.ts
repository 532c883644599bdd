/** Runs the tasks of a node host, one at a time or several, and sends their records. */
import { isThenable } from '../base/thenable.js';
import type { BatchMessage, InitMessage, LateMessage } from '../contract/wire.js';
import { YoungHeap } from '../base/young-heap.js';
import { isExpanding } from '../base/decorators.js';
import { cleanStack } from './clean-stack.js';
import { logSize, mayPrint } from './host-output.js';
import { LateTasks } from './late-tasks.js';
import { RecordBatch } from './record-batch.js';
import { outcomeOfError, outcomeOfValue, type Outcome } from './task-outcome.js';
import { TaskProgress } from './task-progress.js';

export type TaskFunction = (...args: unknown[]) => unknown;

/** Records are sent once this many characters wait, */
const FLUSH_SIZE = 65_536;
/** or this many milliseconds after the last send, whichever comes first; and at the end of each batch. */
const FLUSH_MS = 20;
/**
 * After a task slower than this, in milliseconds, what waits is sent at once when the worker watches: it may kill us
 * over the next task, and then what ended and was not sent runs once more.
 */
const WORTH_SENDING_MS = 1;
/** After a task slower than this, in milliseconds, the next one's CPU, memory and output are measured. */
const SLOW_MS = 0.05;

interface Batch {
  readonly message: BatchMessage;
  readonly args: readonly unknown[];
  /** Index of the first task where they follow one another; else all of them. */
  readonly tasks: number | readonly number[];
  /** Position of the next task to begin. */
  next: number;
  /** Tasks that ended. */
  ended: number;
}

export class TaskRunner {
  readonly #init: InitMessage;
  readonly #send: (message: Buffer) => void;
  readonly #call: (arg: unknown) => unknown;
  readonly #batches: Batch[] = [];
  readonly #records: RecordBatch;
  #working = false;
  #active = 0;
  /** Batch that the waiting records belong to. */
  #pending: Batch | null = null;
  #positions: number[] = [];
  #busy = 0;
  #lastFlush = 0;
  #flushPlanned = false;
  /** The next task is measured: tasks are slow, or write by a way that JavaScript cannot see. */
  #careful = true;
  #nativeOutput = false;
  /** CPU time of this process, microseconds, when the last measured task ended; known: nothing ran since. */
  #cpu = 0;
  #cpuKnown = false;
  readonly #youngHeap = new YoungHeap();
  #tinyBatches = 0;
  #logSize = logSize();
  /** Null: nobody asks, or tasks overlap. */
  readonly #progress: TaskProgress | null = null;
  readonly #late: LateTasks | null = null;

  constructor(init: InitMessage, fn: TaskFunction, send: (message: Buffer) => void) {
    this.#init = init;
    this.#send = send;
    this.#records = new RecordBatch(init);
    this.#call = init.call === 'each' ? fn : singleCall(fn);
    const overlap = init.concurrency > 1;
    if (init.progress) {
      const progress = new TaskProgress();
      if (overlap) progress.keepAlive();
      else this.#progress = progress;
    }
    if (overlap && typeof init.timeoutMs === 'number') this.#late = this.#watch(init.timeoutMs);
  }

  add(message: BatchMessage, body: string): void {
    const text = body.endsWith('\n') ? body.slice(0, -1) : body;
    // No line holds a raw newline, so the lines become one list in a single parse.
    const args = JSON.parse(`[${text.replaceAll('\n', ',')}]`) as unknown[];
    this.#batches.push({ message, args, tasks: indexesOf(message), next: 0, ended: 0 });
    if (this.#init.concurrency > 1) this.#pump();
    else if (!this.#working) void this.#work();
  }

  /** Sends what waits. */
  flush(): void {
    const batch = this.#pending;
    if (batch !== null && this.#records.count > 0) {
      const done = batch.ended === batch.args.length;
      const message = this.#records.take(batch.message.id, this.#busy, done, this.#positions);
      this.#send(message);
      this.#positions = [];
      this.#busy = 0;
      this.#pending = null;
    }
    this.#lastFlush = performance.now();
  }

  /** One task at a time. */
  async #work(): Promise<void> {
    this.#working = true;
    let batch: Batch | undefined;
    while ((batch = this.#batches[0]) !== undefined) {
      await this.#runBatch(batch);
      this.#batches.shift();
      // The user's timers and sockets get their turn between batches.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#working = false;
  }

  async #runBatch(batch: Batch): Promise<void> {
    const { grouped } = this.#init;
    const { args, tasks } = batch;
    // Not as a method of ours: `this` is nothing in a task.
    const call = this.#call;
    const progress = this.#progress;
    let started = performance.now();
    for (let i = 0; i < args.length; i++) {
      const measured = this.#careful;
      if (measured && !this.#cpuKnown) this.#cpu = cpuTime(process.resourceUsage());
      let outcome: Outcome;
      if (progress !== null) progress.write(batch.message.id, i, started);
      try {
        let value = call(args[i]);
        if (isThenable(value)) {
          if (this.#records.count > 0) this.#planFlush();
          value = await value;
        }
        outcome = outcomeOfValue(value, grouped);
      } catch (error) {
        outcome = outcomeOfError(error, this.#cleanStack);
      }
      const ended = performance.now();
      const took = ended - started;
      this.#careful = took > SLOW_MS || this.#nativeOutput;
      const extra = measured || mayPrint() ? this.#measure(measured) : '';
      this.#cpuKnown = measured;
      batch.ended++;
      this.#pending = batch;
      this.#records.add(
        batch.message,
        typeof tasks === 'number' ? tasks + i : (tasks[i] as number),
        i,
        outcome,
        started,
        took,
        extra,
      );
      this.#busy += took;
      // What was measured took its own time, which is not the next task's.
      started = extra === '' ? ended : performance.now();
      const due =
        this.#records.size >= FLUSH_SIZE ||
        ended - this.#lastFlush >= FLUSH_MS ||
        (progress !== null && took > WORTH_SENDING_MS);
      if (due && batch.ended < args.length) {
        this.flush();
        started = performance.now();
      }
    }
    this.#lookForNativeOutput();
    this.#fitHeap(this.#busy / Math.max(1, this.#records.count) < SLOW_MS);
    this.flush();
  }

  /** Tiny tasks leave hardly anything behind; those that take their time get all the room that V8 would give them. */
  #fitHeap(tiny: boolean): void {
    if (!tiny) this.#youngHeap.release();
    else if ((++this.#tinyBatches & 7) === 0) this.#youngHeap.bound();
  }

  /** Several at a time: async functions that wait. Output of tasks that overlap cannot be told apart. */
  #pump(): void {
    while (this.#active < this.#init.concurrency) {
      const batch = this.#batches.find((b) => b.next < b.args.length);
      if (batch === undefined) return;
      const position = batch.next++;
      this.#active++;
      void this.#runOne(batch, position).then(() => {
        this.#active--;
        this.#pump();
      });
    }
  }

  async #runOne(batch: Batch, position: number): Promise<void> {
    const started = performance.now();
    const from = this.#logSize;
    const running = { batch: batch.message.id, position, started };
    this.#late?.begin(running);
    let outcome: Outcome;
    try {
      const call = this.#call;
      outcome = outcomeOfValue(await call(batch.args[position]), this.#init.grouped);
    } catch (error) {
      outcome = outcomeOfError(error, this.#cleanStack);
    }
    this.#late?.end(running);
    const took = performance.now() - started;
    // Records of one batch travel together.
    if (this.#pending !== batch) this.flush();
    this.#logSize = Math.min(this.#logSize, from);
    const extra = mayPrint() ? this.#measure(false) : '';
    this.#positions.push(position);
    batch.ended++;
    this.#pending = batch;
    this.#records.add(
      batch.message,
      typeof batch.tasks === 'number' ? batch.tasks + position : (batch.tasks[position] as number),
      position,
      outcome,
      started,
      took,
      extra,
    );
    this.#busy += took / this.#init.concurrency;
    if (batch.ended === batch.args.length) {
      this.#batches.splice(this.#batches.indexOf(batch), 1);
      this.flush();
    } else this.#planFlush();
  }

  /** The worker will kill this host for a task that is over its time: what its neighbours did must have left. */
  #watch(limitMs: number): LateTasks {
    return new LateTasks(limitMs, ({ batch, position }, ms) => {
      this.flush();
      const late: LateMessage = { type: 'late', id: batch, position, ms: Math.round(ms) };
      this.#send(Buffer.from(`${JSON.stringify(late)}\n`));
    });
  }

  /** `log` of the task that just ended; `cpu` and `rss` when it had the host to itself and its start was noted. */
  #measure(alone: boolean): string {
    let text = '';
    if (alone) {
      const usage = process.resourceUsage();
      const cpu = cpuTime(usage);
      text = `,"cpu":${(cpu - this.#cpu) / 1000},"rss":${usage.maxRSS}`;
      this.#cpu = cpu;
    }
    const from = this.#logSize;
    this.#logSize = logSize();
    return this.#logSize > from ? `${text},"log":[${this.#init.host},${from},${this.#logSize}]` : text;
  }

  /** Bytes that no task accounts for were written past JavaScript (a child process, native code): measure from now on. */
  #lookForNativeOutput(): void {
    if (this.#careful || mayPrint()) return;
    const size = logSize();
    if (size === this.#logSize) return;
    this.#nativeOutput = true;
    this.#careful = true;
    this.#logSize = size;
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.flush();
    });
  }

  readonly #cleanStack = (stack: string): string => cleanStack(stack, this.#init, import.meta.url);
}

/** Microseconds. */
function cpuTime({ userCPUTime, systemCPUTime }: NodeJS.ResourceUsage): number {
  return userCPUTime + systemCPUTime;
}

function singleCall(fn: TaskFunction): (arg: unknown) => unknown {
  return (arg) => {
    const { args, kwargs } = arg as { args: unknown[]; kwargs: Record<string, unknown> };
    if (isExpanding(fn)) return fn(args as never, kwargs as never);
    return Object.keys(kwargs).length > 0 ? fn(...args, kwargs) : fn(...args);
  };
}

function indexesOf({ tasks }: BatchMessage): number | number[] {
  const [only] = tasks;
  if (tasks.length === 1 && only !== undefined) return only[0];
  return tasks.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
}
