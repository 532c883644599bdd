/** The file in which a host says what it is doing: see HOST_PROGRESS in contract/wire.ts. */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRESS_BYTES } from '../contract/wire.js';

/** What a host wrote last. */
export interface Progress {
  /** Batch id, or PROGRESS_ALIVE. */
  readonly batch: number;
  readonly position: number;
  /** When the task began, or the sign of life was given, on the clock of {@link monotonicMs}. */
  readonly startMs: number;
}

/** Milliseconds of the system's monotonic clock, which hosts read too. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** A host that begins a task at each look is not stuck. */
const MAX_LOOKS = 4;

export class ProgressFile {
  /** For a host that is our child; it gets a copy of its own. */
  readonly fd: number;
  readonly #bytes = Buffer.alloc(PROGRESS_BYTES);
  readonly #before = Buffer.alloc(PROGRESS_BYTES);
  #closed = false;

  /** @param otherFolder - used when the system's folder for such files takes none; a number is a file that is open */
  constructor(otherFolder: string | number) {
    this.fd = typeof otherFolder === 'number' ? otherFolder : openUnnamed(otherFolder);
  }

  /** A file with a name, for a host that can be given no descriptor. To be removed by who gave the name. */
  static named(path: string): ProgressFile {
    return new ProgressFile(openNew(path));
  }

  /** Null: the host has said nothing yet. */
  read(): Progress | null {
    if (this.#closed) return null;
    const bytes = this.#bytes;
    // Until it reads the same twice: once may meet the host while it writes.
    for (let look = 0; ; look++) {
      if (look === MAX_LOOKS || readSync(this.fd, bytes, 0, PROGRESS_BYTES, 0) < PROGRESS_BYTES) return null;
      if (bytes.equals(this.#before)) break;
      this.#before.set(bytes);
    }
    const batch = bytes.readUInt32LE(0);
    if (batch === 0) return null;
    return { batch, position: bytes.readUInt32LE(4), startMs: bytes.readDoubleLE(8) };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.fd);
  }
}

function openUnnamed(otherFolder: string): number {
  const name = `dl-jobs-${process.pid}-${Math.random().toString(36).slice(2)}`;
  try {
    return openIn(tmpdir(), name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') throw error;
    return openIn(otherFolder, name);
  }
}

function openIn(folder: string, name: string): number {
  const path = join(folder, name);
  const fd = openNew(path);
  unlinkSync(path);
  return fd;
}

function openNew(path: string): number {
  const fd = openSync(path, 'wx+', 0o600);
  try {
    // Written, not only made long: on a full disk the host could not write into a hole.
    writeSync(fd, Buffer.alloc(PROGRESS_BYTES), 0, PROGRESS_BYTES, 0);
    return fd;
  } catch (error) {
    closeSync(fd);
    unlinkSync(path);
    throw error;
  }
}
