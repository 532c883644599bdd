/**
 * Hands out the tasks of a run while its argument list is still being produced: what is taken has been written to
 * the run folder before. Only a window of arguments is ever in memory.
 */
import type { TaskBatch } from '../contract/platform.js';
import { ArgsReader, type ArgsWriter } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';
import { argumentLine, listThrew, type ArgumentList } from './argument-list.js';
import type { RoundSource } from './stored-source.js';

/** A block of arguments is written and kept ready; it ends at the first of these limits. */
const BLOCK_BYTES = 65_536;
const BLOCK_MS = 5;

/** Lines that are written before others get a turn. */
const SEAL_LINES = 1024;

interface Waiter {
  readonly max: number;
  readonly resolve: (batch: TaskBatch | null) => void;
  readonly reject: (error: unknown) => void;
}

export type ListedArguments = Exclude<ArgumentList, { kind: 'count' }>;

/** A list that is still being produced. */
export class ListSource implements RoundSource {
  readonly #list: ListedArguments;
  readonly #writer: ArgsWriter;
  readonly #written: ArgsReader;
  readonly #limit: number;
  readonly #onSealed: (count: number) => void;
  /** Written lines that nobody took yet. */
  #block = Buffer.alloc(0);
  /** Lines of the block that nobody took yet, the index of the first of them, and where it begins. */
  #left = 0;
  #next = 0;
  #offset = 0;
  /** Produced lines, not written yet. */
  #lines: string[] = [];
  #bytes = 0;
  #produced = 0;
  #ended = false;
  #closed = false;
  #error: { readonly cause: unknown } | null = null;
  #pumping = false;
  readonly #waiters: Waiter[] = [];

  /**
   * `onSealed` hears the number of tasks once the list has ended.
   *
   * @param writer - where the lines go; what it has already is not in `list` any more
   */
  constructor(
    list: ListedArguments,
    paths: RunPaths,
    writer: ArgsWriter,
    limit: number | null,
    onSealed: (count: number) => void,
  ) {
    this.#list = list;
    this.#writer = writer;
    this.#written = new ArgsReader(paths);
    this.#limit = limit ?? Infinity;
    this.#onSealed = onSealed;
    this.#next = writer.count;
    this.#produced = writer.count;
  }

  line(task: number): Buffer {
    return this.#written.lines(task, 1);
  }

  take(maxTasks: number): TaskBatch | null | Promise<TaskBatch | null> {
    const ready = this.#cut(maxTasks);
    if (ready !== null) return ready;
    if (this.#list.kind === 'sync') {
      this.#fillSync(this.#list.elements);
      return this.#cut(maxTasks);
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ max: maxTasks, resolve, reject });
      this.#pump();
      this.#serve();
    });
  }

  remaining(): number | null {
    const ready = this.#left + this.#lines.length;
    if (this.#ended) return ready;
    if (this.#list.kind === 'async' || this.#list.length === null) return null;
    return ready + Math.max(0, Math.min(this.#list.length, this.#limit) - this.#produced);
  }

  async seal(): Promise<void> {
    while (!this.#closed && (await this.take(SEAL_LINES)) !== null) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Lets go of the list, which may not have ended. */
  close(): void {
    this.#written.close();
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.close();
    if (this.#ended) return;
    const { elements } = this.#list;
    try {
      // A generator gets to run its `finally`; an async one may still be waiting for something.
      void Promise.resolve(elements.return?.()).catch(() => undefined);
    } catch {
      // It threw while it ended; nobody waits for it any more.
    }
  }

  #fillSync(elements: Iterator<unknown>): void {
    const until = performance.now() + BLOCK_MS;
    const room = this.#writer.roomInBlock;
    while (this.#lines.length < room && this.#bytes < BLOCK_BYTES) {
      if (this.#produced >= this.#limit) {
        this.#ended = true;
        elements.return?.();
        break;
      }
      let next: IteratorResult<unknown>;
      try {
        next = elements.next();
      } catch (error) {
        throw listThrew(error, this.#produced);
      }
      if (next.done === true) {
        this.#ended = true;
        break;
      }
      this.#push(next.value);
      // Every few elements: asking the clock costs as much as a small element.
      if ((this.#produced & 15) === 0 && performance.now() > until) break;
    }
    this.#writeBlock();
  }

  #push(value: unknown): void {
    const line = argumentLine(value, this.#produced);
    this.#lines.push(line);
    this.#bytes += line.length + 1;
    this.#produced++;
  }

  /** Produced lines go to disk and become the block to take from. Only when the block before is used up. */
  #writeBlock(): void {
    const lines = this.#lines.splice(0, this.#writer.roomInBlock);
    if (lines.length > 0) {
      this.#block = Buffer.from(`${lines.join('\n')}\n`, 'utf8');
      this.#left = lines.length;
      this.#offset = 0;
      this.#writer.append(this.#block, lines.length);
      this.#bytes = this.#lines.reduce((sum, line) => sum + line.length + 1, 0);
    }
    if (this.#ended && this.#lines.length === 0 && !this.#closed) {
      this.#closed = true;
      this.#writer.seal();
      this.#onSealed(this.#writer.count);
    }
  }

  #cut(maxTasks: number): TaskBatch | null {
    const max = Math.min(maxTasks, this.#left);
    if (max <= 0) return null;
    const from = this.#offset;
    let count = 0;
    let to = from;
    // At least one line, then no more than a block's worth of bytes.
    while (count < max) {
      const end = lineEnd(this.#block, to);
      if (count > 0 && end - from > BLOCK_BYTES) break;
      to = end;
      count++;
    }
    const first = this.#next;
    this.#next += count;
    this.#left -= count;
    this.#offset = to;
    return { tasks: [[first, count]], count, args: this.#block.subarray(from, to) };
  }

  /** Produces ahead, up to a block, while somebody waits or the block is not full. */
  #pump(): void {
    if (this.#pumping || this.#ended || this.#error !== null) return;
    this.#pumping = true;
    void this.#produceAsync()
      .catch((cause: unknown) => {
        this.#error = { cause };
      })
      .then(() => {
        this.#pumping = false;
        this.#serve();
      });
  }

  async #produceAsync(): Promise<void> {
    const { elements } = this.#list as { elements: AsyncIterator<unknown> };
    while (!this.#closed && this.#lines.length < 1024 && this.#bytes < BLOCK_BYTES) {
      if (this.#produced >= this.#limit) {
        this.#ended = true;
        void Promise.resolve(elements.return?.()).catch(() => undefined);
        return;
      }
      let next: IteratorResult<unknown>;
      try {
        next = await elements.next();
      } catch (error) {
        throw listThrew(error, this.#produced);
      }
      if (next.done === true) {
        this.#ended = true;
        return;
      }
      // Elements of a list can be promises.
      this.#push(await next.value);
      if (this.#waiters.length > 0) this.#serve();
    }
  }

  /** Gives what there is to those who wait. */
  #serve(): void {
    try {
      while (this.#waiters.length > 0) {
        const waiter = this.#waiters[0] as Waiter;
        let batch = this.#cut(waiter.max);
        if (batch === null) {
          if (this.#lines.length > 0 || this.#ended) this.#writeBlock();
          batch = this.#cut(waiter.max);
        }
        if (batch === null && this.#error !== null) {
          this.#waiters.shift();
          waiter.reject(this.#error.cause);
          continue;
        }
        if (batch === null && !this.#ended && !this.#closed) {
          this.#pump();
          return;
        }
        this.#waiters.shift();
        waiter.resolve(batch);
      }
    } catch (error) {
      for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
    }
  }
}

/** Offset after the newline that ends the line at `from`. Most lines are short: looking beats asking the system. */
function lineEnd(block: Buffer, from: number): number {
  for (let i = from; i < from + 32; i++) if (block[i] === 10) return i + 1;
  return block.indexOf(10, from + 32) + 1;
}
