/** One shard of the journal, as its only writer sees it. */
import { closeSync, fdatasync, fdatasyncSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { RECORD_VERSION } from '../contract/record.js';
import { recordLine } from '../contract/record-line.js';
import { ByteStore } from '../base/byte-store.js';
import type { Digest, JournalSink, TaskSpan } from '../contract/platform.js';
import { storeError, writeAll } from './atomic.js';
import { ShardIndexWriter } from './shard-index.js';
import type { RunPaths } from './run-folder.js';

/** Records are written this many milliseconds after the first of them came, */
const GROUP_MS = 20;
/** or at once when this many bytes wait. */
const GROUP_BYTES = 262_144;

/** Whole lines, and what they mean for the outputs where that is known. */
export interface JournalEntry {
  readonly lines: Buffer;
  readonly digest: Digest | undefined;
}

type Range = readonly [from: number, to: number];

/** Where an entry's bytes are kept until they are written. */
interface PendingEntry {
  readonly lines: Range;
  readonly digest:
    (Omit<Digest, 'results' | 'log'> & { readonly results: Range; readonly log: Range }) | undefined;
}

export interface JournalOptions {
  readonly durability: 'batch' | 'record' | 'none';
  /** Called once a group is written, with what it was made of, in order; its bytes are used again after. */
  readonly onWritten: (group: readonly JournalEntry[]) => void;
  /** A group that was due by the clock could not be written, or not be handled. */
  readonly onError: (error: unknown) => void;
}

/**
 * Appends whole lines, in groups. `batch`: each group is followed by fdatasync, which does not hold up the next
 * group; `record`: nothing is handed on before it is synced; `none`: the system decides.
 */
export class JournalWriter implements JournalSink {
  readonly path: string;
  readonly #fd: number;
  readonly #index: ShardIndexWriter;
  readonly #options: JournalOptions;
  /** Records that wait; copied, since what hosts sent would pin the memory it was read into. */
  readonly #group = new ByteStore();
  /** Digests that wait. */
  readonly #aside = new ByteStore();
  #pending: PendingEntry[] = [];
  #timer: NodeJS.Timeout | null = null;
  #syncing = false;
  /** Calls of {@link sync} that are not answered yet: a checkpoint may be written while the round ends. */
  #syncs = 0;
  #dirty = false;
  #length = 0;
  #closed = false;
  #lowest = Infinity;
  #highest = -1;

  constructor(paths: RunPaths, run: string, writer: string, options: JournalOptions) {
    this.path = join(paths.journal, `${writer}.ndjson`);
    this.#options = options;
    try {
      this.#fd = openSync(this.path, 'ax');
    } catch (error) {
      throw storeError('create', this.path, error);
    }
    this.#index = new ShardIndexWriter(this.path);
    this.append([recordLine({ v: RECORD_VERSION, k: 'shard', run, w: writer, at: Date.now() })], null);
    this.flush();
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Forces what is written to disk, unless `durability` is none. */
  async sync(): Promise<void> {
    if (this.#options.durability === 'none' || this.#closed) return;
    await new Promise<void>((resolve, reject) => {
      this.#syncs++;
      fdatasync(this.#fd, (error) => {
        this.#syncs--;
        if (error === null) resolve();
        else reject(storeError('sync', this.path, error));
      });
    });
  }

  append(lines: readonly Buffer[], span: TaskSpan | null, digest?: Digest): void {
    const from = this.#group.length;
    if (span !== null) {
      if (span[0] < this.#lowest) this.#lowest = span[0];
      if (span[1] > this.#highest) this.#highest = span[1];
    }
    for (const piece of lines) this.#group.append(piece);
    this.#pending.push({
      lines: [from, this.#group.length],
      digest: digest && {
        ...digest,
        results: this.#setAside(digest.results),
        log: this.#setAside(digest.log),
      },
    });
    if (this.#group.length >= GROUP_BYTES || this.#options.durability === 'record') this.flush();
    else this.#timer ??= setTimeout(this.#onTimer, GROUP_MS);
  }

  /** Writes what waits. Throws STORE_FAILED; the shard then ends with its last whole group. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#write();
    if (this.#dirty && this.#options.durability === 'batch') this.#sync();
  }

  /** Throws STORE_FAILED, as {@link flush}. It is synced with the next group: syncing has no hurry. */
  writeNow(): void {
    this.#write();
    this.#timer ??= setTimeout(this.#onTimer, GROUP_MS);
  }

  #write(): void {
    const bytes = this.#group.length;
    if (bytes === 0) return;
    try {
      writeAll(this.#fd, this.#group.view());
      if (this.#options.durability === 'record') fdatasyncSync(this.#fd);
    } catch (error) {
      this.#dropTornTail();
      this.#forget();
      throw storeError('write', this.path, error);
    }
    this.#length += bytes;
    this.#index.add(this.#length, this.#lowest, this.#highest);
    this.#lowest = Infinity;
    this.#highest = -1;
    this.#dirty = true;
    try {
      this.#options.onWritten(this.#pending.map((entry) => this.#entryOf(entry)));
    } finally {
      this.#forget();
    }
  }

  #forget(): void {
    this.#pending = [];
    this.#group.clear();
    this.#aside.clear();
  }

  #setAside(bytes: Buffer): Range {
    const from = this.#aside.append(bytes);
    return [from, from + bytes.length];
  }

  #entryOf({ lines, digest }: PendingEntry): JournalEntry {
    return {
      lines: this.#group.view(...lines),
      digest: digest && {
        ...digest,
        results: this.#aside.view(...digest.results),
        log: this.#aside.view(...digest.log),
      },
    };
  }

  /** Writes and syncs what waits, and closes the shard. */
  async close(): Promise<void> {
    this.flush();
    while (this.#syncing || this.#syncs > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    try {
      if (this.#dirty && this.#options.durability !== 'none') fdatasyncSync(this.#fd);
      this.#closed = true;
      closeSync(this.#fd);
      this.#index.close();
    } catch (error) {
      throw storeError('sync', this.path, error);
    }
  }

  readonly #onTimer = (): void => {
    this.#timer = null;
    try {
      this.flush();
    } catch (error) {
      this.#options.onError(error);
    }
  };

  #sync(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    this.#dirty = false;
    fdatasync(this.#fd, (error) => {
      this.#syncing = false;
      if (error !== null) this.#options.onError(storeError('sync', this.path, error));
    });
  }

  /** A short write left a part of a line: cut it off, so that readers need not wait for the rest. */
  #dropTornTail(): void {
    try {
      if (fstatSync(this.#fd).size > this.#length) ftruncateSync(this.#fd, this.#length);
    } catch {
      // The disk is gone; readers treat the tail as not yet written.
    }
  }
}
