/** A small file system of its own for a run, which can be filled. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, realpathSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE = '64m';
const FILLER_BYTES = 65_536;

export class Disk {
  /** Beside it: what must be written although it is full. */
  readonly space: string;
  /** Where it is mounted. */
  readonly dir: string;
  readonly #filler: string;
  readonly #onExit = (): void => this.remove();

  /** Must be made before the cluster whose nodes are to see it. */
  constructor() {
    this.space = realpathSync(mkdtempSync(join(tmpdir(), 'dl-jobs-chaos-disk-')));
    this.dir = join(this.space, 'disk');
    this.#filler = join(this.dir, 'filler');
    mkdirSync(this.dir);
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'none', this.dir]);
    if (status !== 0) throw new Error(`mount: ${String(stderr)}`);
    process.once('exit', this.#onExit);
  }

  /** Until not a byte more fits. */
  fill(): void {
    const fd = openSync(this.#filler, 'a');
    try {
      for (let bytes = FILLER_BYTES; bytes >= 1;) {
        try {
          writeSync(fd, Buffer.alloc(bytes));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          bytes = Math.floor(bytes / 16);
        }
      }
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  remove(): void {
    process.off('exit', this.#onExit);
    spawnSync('umount', ['-l', this.dir]);
    rmSync(this.space, { recursive: true, force: true });
  }
}
