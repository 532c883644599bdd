/** One of the files a user gets: results, errors, log. Made when the first line comes. */
import { closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { ByteStore } from '../base/byte-store.js';
import { storeError, writeAll } from '../store/atomic.js';

/** Lines wait until there are this many characters, or until {@link OutputFile.flush}. */
const FLUSH_SIZE = 262_144;

const NEWLINE = Buffer.from('\n');

export class OutputFile {
  readonly path: string;
  readonly #keepOld: boolean;
  #fd = -1;
  #parts: string[] = [];
  /** Bytes that go before {@link #parts}. */
  readonly #bytes = new ByteStore();
  #size = 0;
  #movedTo: string | null = null;

  /** @param keepOld - a file of this name is another run's: move it aside. */
  constructor(path: string, keepOld: boolean) {
    this.path = path;
    this.#keepOld = keepOld;
  }

  /** True once there is a file. */
  get exists(): boolean {
    return this.#fd >= 0 || this.#size > 0;
  }

  /** Where the file that stood in the way went. */
  get movedTo(): string | null {
    return this.#movedTo;
  }

  /** `text` is bytes as latin1, with its newlines. */
  write(text: string): void {
    this.#parts.push(text);
    this.#size += text.length;
    if (this.#size >= FLUSH_SIZE) this.flush();
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
      this.#size += piece.length;
    }
    if (this.#size >= FLUSH_SIZE) this.flush();
  }

  /** Throws STORE_FAILED. */
  flush(): void {
    if (this.#size === 0) return;
    try {
      if (this.#fd < 0) this.#open();
      this.#settleParts();
      writeAll(this.#fd, this.#bytes.view());
    } catch (error) {
      throw storeError('write', this.path, error);
    }
    this.#bytes.clear();
    this.#size = 0;
  }

  #settleParts(): void {
    if (this.#parts.length === 0) return;
    this.#bytes.append(Buffer.from(this.#parts.join(''), 'latin1'));
    this.#parts = [];
  }

  close(): void {
    this.flush();
    if (this.#fd >= 0) closeSync(this.#fd);
  }

  #open(): void {
    mkdirSync(dirname(this.path), { recursive: true });
    if (existsSync(this.path) && this.#keepOld) this.#moveAside();
    this.#fd = openSync(this.path, 'a');
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
}

/** Text of ours as the bytes that {@link OutputFile.write} takes. */
export function toLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The bytes of a file as text. */
export function fromLatin1(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
