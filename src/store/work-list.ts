/** Which tasks a round works on: a bit for each task whose arguments are known, and perhaps all that follow. */
import { readFileSync } from 'node:fs';
import { storeError, writeAtomic } from './atomic.js';

/** As it stands in `round.json`; the bits are in the file beside it, the lowest bit of a byte first. */
export interface WorkFile {
  readonly file: 'work.bits';
  /** How many bits there are. */
  readonly of: number;
  /** How many of them are set: tasks of the round. */
  readonly tasks: number;
  /** True: all tasks from index `of` on belong to the round, too: the argument list had not ended. */
  readonly open: boolean;
}

export class WorkList {
  readonly bits: Uint8Array;
  /** Tasks below this index have a bit. */
  readonly of: number;
  readonly open: boolean;

  constructor(of: number, open: boolean, bits: Uint8Array = new Uint8Array(Math.ceil(of / 8))) {
    this.of = of;
    this.open = open;
    this.bits = bits;
  }

  add(task: number): void {
    this.bits[task >>> 3] = (this.bits[task >>> 3] as number) | (1 << (task & 7));
  }

  remove(task: number): void {
    this.bits[task >>> 3] = (this.bits[task >>> 3] as number) & ~(1 << (task & 7));
  }

  has(task: number): boolean {
    if (task >= this.of) return this.open;
    return ((this.bits[task >>> 3] as number) & (1 << (task & 7))) !== 0;
  }

  /** The first task from `task` on that has its bit set; -1: none. */
  next(task: number): number {
    for (let at = task; at < this.of;) {
      const byte = (this.bits[at >>> 3] as number) >>> (at & 7);
      // Eight at a time where none of them is set.
      if (byte === 0) at = (at | 7) + 1;
      else if ((byte & 1) !== 0) return at;
      else at++;
    }
    return -1;
  }

  /** The same work when it is known that there are `count` tasks: each has a bit. */
  closedAt(count: number): WorkList {
    if (count <= this.of) return this;
    const bits = new Uint8Array(Math.ceil(count / 8));
    bits.set(this.bits);
    const closed = new WorkList(count, false, bits);
    if (this.open) for (let task = this.of; task < count; task++) closed.add(task);
    return closed;
  }

  /** How many bits are set. */
  get size(): number {
    let size = 0;
    for (const byte of this.bits) for (let rest = byte; rest !== 0; rest &= rest - 1) size++;
    return size;
  }

  write(path: string): WorkFile {
    writeAtomic(path, this.bits, true);
    return { file: 'work.bits', of: this.of, tasks: this.size, open: this.open };
  }

  static read(path: string, { of, open }: WorkFile): WorkList {
    try {
      const bits = new Uint8Array(readFileSync(path));
      if (bits.length !== Math.ceil(of / 8))
        throw new Error(`expected ${Math.ceil(of / 8)} bytes, got ${bits.length}`);
      return new WorkList(of, open, bits);
    } catch (error) {
      throw storeError('read', path, error);
    }
  }
}
