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

/** What is to be known of a file whose name does not tell that it is ours. */
export interface FixedName {
  /** Inodes of files that we made before; another file of the name is another run's, and moved aside. */
  readonly made: readonly number[];
  /** Told of each file before it gets the name. */
  readonly claim: (inode: number) => void;
}

export interface OutputFileOptions {
  /** A path in the same folder, for a file that does not have its name yet. */
  readonly temp: string;
  /** The file that we made before, to be gone on with at that size. */
  readonly ours?: FilePosition | null;
  /** What is there is replaced, by {@link OutputFile.commit}. */
  readonly anew?: boolean;
  /** Given for a fixed name. */
  readonly fixed?: FixedName | null;
}

export class OutputFile {
  readonly path: string;
  readonly #options: OutputFileOptions;
  readonly #made: number[];
  /** It is written beside the name until {@link commit}. */
  #anew: boolean;
  #fd = -1;
  #isTemp = false;
  #parts: string[] = [];
  /** Bytes that go before {@link #parts}. */
  readonly #bytes = new ByteStore();
  #waiting = 0;
  #written = 0;
  #movedTo: string | null = null;
  #dirty = false;
  #exists = false;

  constructor(path: string, options: OutputFileOptions) {
    this.path = path;
    this.#options = options;
    this.#made = [...(options.fixed?.made ?? [])];
    this.#anew = options.anew === true;
    const { ours } = options;
    if (this.#anew || ours === null || ours === undefined) return;
    try {
      this.#fd = openSync(path, 'a');
      ftruncateSync(this.#fd, ours.size);
      this.#written = ours.size;
      this.#exists = true;
    } catch (error) {
      throw storeError('write', path, error);
    }
  }

  /** True once there is a file. */
  get exists(): boolean {
    return this.#exists || this.#waiting > 0;
  }

  /** Where the file that stood in the way went. */
  get movedTo(): string | null {
    return this.#movedTo;
  }

  /** Inodes of the files of a fixed name that are ours. */
  get made(): readonly number[] {
    return this.#made;
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
    if (!this.#anew) return;
    this.flush();
    try {
      this.#anew = false;
      if (this.#isTemp) this.#takeName();
      else if (this.#isOurs()) rmSync(this.path);
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
    if (this.#isTemp) rmSync(this.#options.temp, { force: true });
    this.#isTemp = false;
  }

  #settleParts(): void {
    if (this.#parts.length === 0) return;
    this.#bytes.append(Buffer.from(this.#parts.join(''), 'latin1'));
    this.#parts = [];
  }

  #open(): void {
    mkdirSync(dirname(this.path), { recursive: true });
    this.#exists = true;
    if (!this.#anew && (this.#options.fixed ?? null) === null) {
      this.#fd = openSync(this.path, 'a');
      this.#written = fstatSync(this.#fd).size;
      return;
    }
    this.#fd = openSync(this.#options.temp, 'w');
    this.#isTemp = true;
    if (!this.#anew) this.#takeName();
  }

  /** True when something has the name, and it is ours. */
  #isOurs(): boolean {
    const there = statSync(this.path, { throwIfNoEntry: false });
    const isKept = (this.#options.fixed ?? null) !== null;
    return there !== undefined && (!isKept || this.#made.includes(there.ino));
  }

  #takeName(): void {
    const { fixed, temp } = this.#options;
    if (existsSync(this.path) && !this.#isOurs()) this.#moveAside();
    const inode = fstatSync(this.#fd).ino;
    this.#made.push(inode);
    // Before it has the name: killed in between, we would take it for another run's.
    fixed?.claim(inode);
    renameSync(temp, this.path);
    this.#isTemp = false;
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
