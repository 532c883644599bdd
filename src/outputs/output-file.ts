/** One of the files a user gets: results, errors, log. Made when the first line comes. */
import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { ByteStore } from '../base/byte-store.js';
import { storeError, writeAll } from '../store/atomic.js';

/** Lines wait until there are this many characters, or until {@link OutputFile.flush}. */
const FLUSH_SIZE = 262_144;

const NEWLINE = Buffer.from('\n');

/** Which file it is, and how much of it is ours. */
export interface FilePosition {
  readonly inode: number;
  readonly size: number;
}

export interface OutputFileOptions {
  /** A file of this name that we did not make is another run's: move it aside. */
  readonly keepOld: boolean;
  /** The file that we made before; it is gone on with, at that size, or replaced. */
  readonly ours?: FilePosition | null;
  /** What is there is replaced, by {@link OutputFile.commit}; until then it is written to this path, in the same folder. */
  readonly anewBy?: string | null;
}

export class OutputFile {
  readonly path: string;
  readonly #keepOld: boolean;
  /** Null: it is written in its place, from the start or since {@link commit}. */
  #anewBy: string | null;
  readonly #ours: FilePosition | null;
  #fd = -1;
  /** Where it is written until {@link commit}. */
  #temp: string | null = null;
  #parts: string[] = [];
  /** Bytes that go before {@link #parts}. */
  readonly #bytes = new ByteStore();
  #waiting = 0;
  #written = 0;
  #movedTo: string | null = null;
  #dirty = false;
  #made = false;

  constructor(path: string, options: OutputFileOptions) {
    this.path = path;
    this.#keepOld = options.keepOld;
    this.#anewBy = options.anewBy ?? null;
    this.#ours = options.ours ?? null;
    if (this.#anewBy !== null || this.#ours === null) return;
    try {
      this.#fd = openSync(path, 'a');
      ftruncateSync(this.#fd, this.#ours.size);
      this.#written = this.#ours.size;
      this.#made = true;
    } catch (error) {
      throw storeError('write', path, error);
    }
  }

  /** True once there is a file. */
  get exists(): boolean {
    return this.#made || this.#waiting > 0;
  }

  /** Where the file that stood in the way went. */
  get movedTo(): string | null {
    return this.#movedTo;
  }

  /** What is written; null: there is no file yet. */
  get position(): FilePosition | null {
    return this.#fd < 0 ? null : { inode: fstatSync(this.#fd).ino, size: this.#written };
  }

  /** `text` is bytes as latin1, with its newlines. */
  write(text: string): void {
    this.#parts.push(text);
    this.#waiting += text.length;
    if (this.#waiting >= FLUSH_SIZE) this.flush();
  }

  /** Whole lines. */
  writeBytes(lines: Buffer): void {
    if (lines.length > 0) this.#append(lines);
  }

  /** One line, without its newline. */
  writeLine(line: Buffer): void {
    this.#append(line, NEWLINE);
  }

  /** All of it before any flush: what is written ends with a whole line. */
  #append(...pieces: readonly Buffer[]): void {
    this.#settleParts();
    for (const piece of pieces) {
      this.#bytes.append(piece);
      this.#waiting += piece.length;
    }
    if (this.#waiting >= FLUSH_SIZE) this.flush();
  }

  /** Throws STORE_FAILED; the file then ends with a whole line. */
  flush(): void {
    if (this.#waiting === 0) return;
    try {
      if (this.#fd < 0) this.#open();
      this.#settleParts();
      writeAll(this.#fd, this.#bytes.view());
    } catch (error) {
      this.#dropTornTail();
      throw storeError('write', this.path, error);
    }
    this.#dirty = true;
    this.#written += this.#bytes.length;
    this.#bytes.clear();
    this.#waiting = 0;
  }

  /** What was written anew takes the place of what is there; without a line nothing of ours stays. */
  commit(): void {
    if (this.#anewBy === null) return;
    this.flush();
    try {
      const there = statSync(this.path, { throwIfNoEntry: false });
      const isOurs = there !== undefined && (!this.#keepOld || there.ino === this.#ours?.inode);
      this.#anewBy = null;
      if (this.#temp === null) {
        if (isOurs) rmSync(this.path);
        return;
      }
      if (there !== undefined && !isOurs) this.#moveAside();
      renameSync(this.#temp, this.path);
      this.#temp = null;
    } catch (error) {
      throw storeError('write', this.path, error);
    }
  }

  /** Forces what is written to disk. */
  async sync(): Promise<void> {
    if (this.#fd < 0 || !this.#dirty) return;
    this.#dirty = false;
    await new Promise<void>((resolve, reject) => {
      fdatasync(this.#fd, (error) => {
        if (error === null) resolve();
        else reject(storeError('sync', this.path, error));
      });
    });
  }

  close(): void {
    this.flush();
    this.abandon();
  }

  /** Lets go of the file as it is; what was begun anew and not committed is removed. */
  abandon(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#waiting = 0;
    this.#parts = [];
    this.#bytes.clear();
    if (this.#temp !== null) rmSync(this.#temp, { force: true });
    this.#temp = null;
  }

  #settleParts(): void {
    if (this.#parts.length === 0) return;
    this.#bytes.append(Buffer.from(this.#parts.join(''), 'latin1'));
    this.#parts = [];
  }

  #open(): void {
    mkdirSync(dirname(this.path), { recursive: true });
    this.#made = true;
    if (this.#anewBy !== null) {
      this.#fd = openSync(this.#anewBy, 'w');
      this.#temp = this.#anewBy;
      return;
    }
    if (existsSync(this.path) && this.#keepOld) this.#moveAside();
    this.#fd = openSync(this.path, 'a');
    this.#written = fstatSync(this.#fd).size;
  }

  #moveAside(): void {
    const dot = this.path.lastIndexOf('.');
    const [stem, extension] =
      dot > this.path.lastIndexOf('/') ? [this.path.slice(0, dot), this.path.slice(dot)] : [this.path, ''];
    let n = 1;
    while (existsSync(`${stem}.${n}${extension}`)) n++;
    this.#movedTo = `${stem}.${n}${extension}`;
    renameSync(this.path, this.#movedTo);
  }

  /** A short write left a part of a line. */
  #dropTornTail(): void {
    try {
      if (this.#fd >= 0 && fstatSync(this.#fd).size > this.#written) ftruncateSync(this.#fd, this.#written);
    } catch {
      // The disk is gone; the file is derived, and can be made again.
    }
  }
}

/** Text of ours as the bytes that {@link OutputFile.write} takes. */
export function toLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The bytes of a file as text. */
export function fromLatin1(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
