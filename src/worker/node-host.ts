/**
 * The node host: the child process in which the user's JavaScript runs. An entry point of its own.
 *
 * It talks over descriptor 3 (see `contract/wire.ts`). Reads go through the thread pool, so that the user's timers
 * and sockets live while it waits; writes are synchronous, so that a record has left before the next task can crash.
 * Its stdout and stderr are its log file.
 */
import { fstatSync, read, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { sealLines, UNSEALED, VERSION_PREFIX } from '../contract/record-line.js';
import {
  HOST_FD,
  type BatchMessage,
  type FatalMessage,
  type InitMessage,
  type OutMessage,
  type ReadyMessage,
} from '../contract/wire.js';
import { errorInfo, outcomeOfError, outcomeOfValue, type Outcome } from './task-outcome.js';

type TaskFunction = (...args: unknown[]) => unknown;

/** Records are sent once this many characters wait, */
const FLUSH_SIZE = 65_536;
/** or this many milliseconds after the last send, whichever comes first; and at the end of each batch. */
const FLUSH_MS = 5;
/** Tasks slower than this, in milliseconds, have their CPU, memory and output measured one by one. */
const SLOW_MS = 0.05;

const EXPANDING = Symbol.for('dl-jobs.expandArgs');

interface Batch {
  readonly message: BatchMessage;
  readonly args: readonly unknown[];
  /** Position of the next task to begin. */
  next: number;
  /** Tasks that ended. */
  ended: number;
}

class NodeHost {
  readonly #init: InitMessage;
  readonly #call: (arg: unknown) => unknown;
  readonly #batches: Batch[] = [];
  #working = false;
  /** Lines of ended tasks of {@link #pendingBatch}, not sent yet. */
  #lines = '';
  #count = 0;
  #positions: number[] = [];
  #pendingBatch: Batch | null = null;
  #busy = 0;
  #lastFlush = 0;
  #flushPlanned = false;
  /** Measure every task: tasks are slow, or print by a way that JavaScript cannot see. */
  #careful = true;
  #logSize = fstatSync(1).size;
  #active = 0;

  constructor(init: InitMessage, fn: TaskFunction) {
    this.#init = init;
    this.#call = init.call === 'each' ? (fn as (arg: unknown) => unknown) : singleCall(fn);
    // process.exit() in a task: what ended before it must not be lost. The worker may be gone by then.
    process.on('exit', () => {
      try {
        this.#flush();
      } catch {
        // Nobody is left to tell.
      }
    });
  }

  add(message: BatchMessage, body: string): void {
    const text = body.endsWith('\n') ? body.slice(0, -1) : body;
    // No line holds a raw newline, so the lines become one list in a single parse.
    const args = JSON.parse(`[${text.replaceAll('\n', ',')}]`) as unknown[];
    this.#batches.push({ message, args, next: 0, ended: 0 });
    if (this.#init.concurrency > 1) this.#pump();
    else if (!this.#working) void this.#work();
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
    const indexes = taskIndexes(batch.message);
    let started = performance.now();
    for (let i = 0; i < batch.args.length; i++) {
      const careful = this.#careful || printing;
      const cpu = careful ? process.cpuUsage() : undefined;
      const from = this.#logSize;
      let outcome: Outcome;
      try {
        let value = this.#call(batch.args[i]);
        if (isThenable(value)) {
          if (this.#count > 0) this.#planFlush();
          value = await value;
        }
        outcome = outcomeOfValue(value, grouped);
      } catch (error) {
        outcome = outcomeOfError(error, this.#cleanStack);
      }
      const ended = performance.now();
      this.#careful = ended - started > SLOW_MS || nativeOutput;
      let extra = '';
      if (cpu !== undefined || printing) extra = this.#measure(cpu, from);
      this.#record(batch, indexes[i] as number, outcome, started, ended - started, extra);
      this.#busy += ended - started;
      if (this.#lines.length >= FLUSH_SIZE || ended - this.#lastFlush >= FLUSH_MS) {
        if (batch.ended < batch.args.length) this.#flush();
        started = performance.now();
      } else {
        started = ended;
      }
    }
    this.#endOfBatchLogCheck();
    this.#flush();
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
        if (batch.ended === batch.args.length) this.#batches.splice(this.#batches.indexOf(batch), 1);
        this.#pump();
      });
    }
  }

  async #runOne(batch: Batch, position: number): Promise<void> {
    const started = performance.now();
    const from = this.#logSize;
    let outcome: Outcome;
    try {
      outcome = outcomeOfValue(await this.#call(batch.args[position]), this.#init.grouped);
    } catch (error) {
      outcome = outcomeOfError(error, this.#cleanStack);
    }
    const ended = performance.now();
    if (this.#pendingBatch !== batch) this.#flush();
    const extra = printing ? this.#measure(undefined, from) : '';
    this.#positions.push(position);
    this.#record(
      batch,
      taskIndexes(batch.message)[position] as number,
      outcome,
      started,
      ended - started,
      extra,
    );
    this.#busy += (ended - started) / this.#init.concurrency;
    if (batch.ended === batch.args.length) this.#flush();
    else this.#planFlush();
  }

  #record(batch: Batch, task: number, outcome: Outcome, started: number, took: number, extra: string): void {
    const { message } = batch;
    this.#pendingBatch = batch;
    const status =
      outcome.failure === null ? ',"s":"ok","at":' : `,"s":"error","ft":"${outcome.failure}","at":`;
    this.#lines +=
      `${UNSEALED}${VERSION_PREFIX}"end","t":${task},"r":${message.round},"a":${message.attempt}${status}` +
      `${Math.floor(performance.timeOrigin + started)},"d":${Math.round(took * 1000) / 1000}${extra}` +
      `,"${outcome.key}":${outcome.json}}\n`;
    this.#count++;
    batch.ended++;
  }

  /** `cpu`, `rss` and `log` of the task that just ended. */
  #measure(cpu: NodeJS.CpuUsage | undefined, from: number): string {
    let text = '';
    if (cpu !== undefined) {
      const used = process.cpuUsage(cpu);
      text = `,"cpu":${(used.user + used.system) / 1000},"rss":${process.resourceUsage().maxRSS}`;
    }
    const size = fstatSync(1).size;
    this.#logSize = size;
    return size > from ? `${text},"log":[${this.#init.host},${from},${size}]` : text;
  }

  /** Bytes that nobody accounts for were written past JavaScript (a child process, native code): measure from now on. */
  #endOfBatchLogCheck(): void {
    if (this.#careful || printing) return;
    const size = fstatSync(1).size;
    if (size !== this.#logSize) {
      nativeOutput = true;
      this.#careful = true;
      this.#logSize = size;
    }
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#lastFlush = performance.now();
    const batch = this.#pendingBatch;
    if (batch === null || this.#count === 0) return;
    const body = sealLines(this.#lines);
    const out: OutMessage = {
      type: 'out',
      id: batch.message.id,
      n: this.#count,
      bytes: body.length,
      busy: Math.round(this.#busy * 1000) / 1000,
      ...(this.#positions.length > 0 && { at: this.#positions }),
      ...(batch.ended === batch.args.length && { done: true as const }),
    };
    this.#lines = '';
    this.#count = 0;
    this.#positions = [];
    this.#busy = 0;
    this.#pendingBatch = null;
    send(out, body);
    this.#lastFlush = performance.now();
  }

  readonly #cleanStack = (stack: string): string => cleanStack(stack, this.#init);
}

/** True once user code touched process.stdout or process.stderr. */
let printing = false;
/** True once output appeared that user code wrote past them. */
let nativeOutput = false;

function watchPrinting(): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const original = Object.getOwnPropertyDescriptor(process, name);
    if (original?.get === undefined) continue;
    const get = original.get.bind(process);
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: true,
      get: () => {
        printing = true;
        Object.defineProperty(process, name, original);
        return get() as unknown;
      },
    });
  }
}

function singleCall(fn: TaskFunction): (arg: unknown) => unknown {
  const expanding = (fn as unknown as Record<symbol, unknown>)[EXPANDING] === true;
  return (arg) => {
    const { args, kwargs } = arg as { args: unknown[]; kwargs: Record<string, unknown> };
    if (expanding) return fn(args, kwargs);
    return Object.keys(kwargs).length > 0 ? fn(...args, kwargs) : fn(...args);
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

const indexCache = new WeakMap<BatchMessage, number[]>();

function taskIndexes(message: BatchMessage): number[] {
  let indexes = indexCache.get(message);
  if (indexes === undefined) {
    indexes = [];
    for (const [first, count] of message.tasks) for (let i = 0; i < count; i++) indexes.push(first + i);
    indexCache.set(message, indexes);
  }
  return indexes;
}

/** The stack in the user's own files: no frames of ours, snapshot paths as project paths. */
function cleanStack(stack: string, init: InitMessage): string {
  const here = import.meta.url;
  const lines = stack
    .replaceAll('file://', '')
    .split('\n')
    .filter(
      (line) =>
        !/^\s+at /.test(line) ||
        !(
          line.includes(decodeURI(here).slice(7)) ||
          line.includes(here.slice(7)) ||
          line.includes('(node:internal/') ||
          line.includes('at node:internal/')
        ),
    )
    .join('\n');
  return lines
    .replaceAll(pathToFileURL(init.root).href.slice(7), init.projectRoot)
    .replaceAll(init.root, init.projectRoot);
}

function send(header: OutMessage | ReadyMessage | FatalMessage, body?: Buffer): void {
  const head = Buffer.from(JSON.stringify(header) + '\n');
  const bytes = body === undefined ? head : Buffer.concat([head, body]);
  for (let sent = 0; sent < bytes.length;) sent += writeSync(HOST_FD, bytes, sent);
}

async function load(init: InitMessage): Promise<TaskFunction | FatalMessage> {
  let namespace: Record<string, unknown>;
  try {
    namespace = (await import(pathToFileURL(init.file).href)) as Record<string, unknown>;
  } catch (error) {
    const { type, message, stack } = errorInfo(error, (text) => cleanStack(text, init));
    return { type: 'fatal', reason: 'load', error: { type, message, ...(stack !== undefined && { stack }) } };
  }
  const found = lookUp(namespace, init.method);
  if (found !== undefined) return found;
  return {
    type: 'fatal',
    reason: 'missing',
    error: { type: 'TaskFunctionNotFound', message: `${init.module} has no function ${init.method}` },
    names: functionNames(namespace),
  };
}

function lookUp(namespace: Record<string, unknown>, name: string): TaskFunction | undefined {
  for (const holder of [namespace, namespace['default']]) {
    if (
      (typeof holder === 'object' || typeof holder === 'function') &&
      holder !== null &&
      Object.hasOwn(holder, name)
    ) {
      const found = (holder as Record<string, unknown>)[name];
      if (typeof found === 'function') return found as TaskFunction;
    }
  }
  return undefined;
}

function functionNames(namespace: Record<string, unknown>): string[] {
  const names = new Set<string>();
  for (const holder of [namespace, namespace['default']]) {
    if (typeof holder !== 'object' || holder === null) continue;
    for (const [name, value] of Object.entries(holder)) if (typeof value === 'function') names.add(name);
  }
  return [...names];
}

/** Reads frames from the worker for as long as the pipe is open; its end is the end of this process. */
function listen(onFrame: (header: InitMessage | BatchMessage, body: string) => void): void {
  const chunk = Buffer.allocUnsafe(131_072);
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** Bytes needed before the next frame can be whole; 0: unknown. */
  let need = 0;

  const take = (): void => {
    let bytes = held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held, heldBytes);
    for (;;) {
      const end = bytes.indexOf(10);
      if (end < 0) break;
      const header = JSON.parse(bytes.toString('utf8', 0, end)) as InitMessage | BatchMessage;
      const bodyBytes = header.type === 'batch' ? header.bytes : 0;
      need = end + 1 + bodyBytes;
      if (bytes.length < need) break;
      const body = bytes.toString('utf8', end + 1, need);
      bytes = bytes.subarray(need);
      need = 0;
      onFrame(header, body);
    }
    held = bytes.length > 0 ? [bytes] : [];
    heldBytes = bytes.length;
  };

  const next = (): void => {
    read(HOST_FD, chunk, 0, chunk.length, null, (error, size) => {
      // EOF or a broken pipe: the worker is gone, and so are we, whatever the user's code still has open.
      if (error !== null || size === 0) process.exit(0);
      held.push(Buffer.from(chunk.subarray(0, size)));
      heldBytes += size;
      if (heldBytes >= need) take();
      next();
    });
  };
  next();
}

let host: NodeHost | undefined;
const early: [BatchMessage, string][] = [];

listen((header, body) => {
  if (header.type === 'batch') {
    if (host === undefined) early.push([header, body]);
    else host.add(header, body);
    return;
  }
  watchPrinting();
  process.argv = [process.argv[0] as string, header.file];
  void load(header).then((loaded) => {
    if (typeof loaded !== 'function') {
      send(loaded);
      process.exit(0);
    }
    host = new NodeHost(header, loaded);
    send({ type: 'ready', runtime: `node ${process.versions.node}` });
    for (const [message, text] of early.splice(0)) host.add(message, text);
  });
});
