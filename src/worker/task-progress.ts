/** Tells the worker what this host runs, in the file on {@link HOST_PROGRESS}. */
import { writeSync } from 'node:fs';
import { HOST_PROGRESS, PROGRESS_ALIVE, PROGRESS_BYTES } from '../contract/wire.js';

/** How often a host that runs several tasks at a time shows that its event loop turns, in milliseconds. */
const ALIVE_MS = 100;

export class TaskProgress {
  readonly #bytes = Buffer.alloc(PROGRESS_BYTES);
  /** `process.hrtime()` when `performance.now()` was 0: the clock that a worker reads too. */
  readonly #epoch = Number(process.hrtime.bigint()) / 1e6 - performance.now();

  /** Task at `position` of batch `batch` begins at `now`, a `performance.now()`. */
  write(batch: number, position: number, now: number): void {
    const bytes = this.#bytes;
    bytes.writeUInt32LE(batch, 0);
    bytes.writeUInt32LE(position, 4);
    bytes.writeDoubleLE(this.#epoch + now, 8);
    writeSync(HOST_PROGRESS, bytes, 0, PROGRESS_BYTES, 0);
  }

  /** From now on shows that the event loop turns. */
  keepAlive(): void {
    const show = (): void => this.write(PROGRESS_ALIVE, 0, performance.now());
    show();
    // Unreferenced: a host with nothing to do and no worker ends.
    setInterval(show, ALIVE_MS).unref();
  }
}
