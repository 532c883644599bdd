/**
 * `rounds/<n>/claims/`: which worker has which chunk. `<chunk>.<generation>` is a hard link to a file of the worker
 * that holds its name. `link` makes it for one worker only, on a network file system too; of a worker that is gone the
 * next generation is claimed.
 */
import { closeSync, linkSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { storeError, writeAll } from './atomic.js';
import { roundFolder } from './rounds.js';
import type { RunPaths } from './run-folder.js';

/** File systems allow a file only so many names: ext4 65,000, others fewer. */
const NAMES_PER_FILE = 1_000;

/** What can be claimed besides chunks: to stay and watch over those who still work. */
export const GUARD = 'guard';
export type Claimed = number | typeof GUARD;

export class Claims {
  readonly #folder: string;
  readonly #writer: string;
  #own = '';
  #files = 0;
  #names = NAMES_PER_FILE;

  constructor(paths: RunPaths, round: number, writer: string) {
    this.#folder = join(roundFolder(paths, round), 'claims');
    this.#writer = writer;
  }

  /** True: it is ours now. False: another has that generation. */
  claim(what: Claimed, generation: number): boolean {
    if (this.#names >= NAMES_PER_FILE) this.#newFile();
    const path = join(this.#folder, `${what}.${generation}`);
    try {
      linkSync(this.#own, path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EMLINK') {
        this.#newFile();
        return this.claim(what, generation);
      }
      if (code !== 'EEXIST') throw storeError('create', path, error);
      // A server that answers twice says "it exists" of the link that it has just made for us.
      if (!this.#isOwn(path)) return false;
    }
    this.#names++;
    return true;
  }

  #isOwn(path: string): boolean {
    try {
      return statSync(path).ino === statSync(this.#own).ino;
    } catch (error) {
      throw storeError('read', path, error);
    }
  }

  #newFile(): void {
    this.#own = join(this.#folder, `${this.#writer}-${this.#files++}.writer`);
    this.#names = 0;
    try {
      const fd = openSync(this.#own, 'wx');
      try {
        writeAll(fd, Buffer.from(`${this.#writer}\n`));
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw storeError('create', this.#own, error);
    }
  }
}

/** The last generation of each claim there is. */
export function readClaims(paths: RunPaths, round: number): Map<Claimed, number> {
  const folder = join(roundFolder(paths, round), 'claims');
  const claims = new Map<Claimed, number>();
  try {
    for (const name of readdirSync(folder)) {
      const [, what, generation] = /^(\d+|guard)\.(\d+)$/.exec(name) ?? [];
      if (what === undefined) continue;
      const key = what === GUARD ? GUARD : Number(what);
      claims.set(key, Math.max(claims.get(key) ?? 0, Number(generation)));
    }
  } catch (error) {
    throw storeError('read', folder, error);
  }
  return claims;
}

/** The writer that claimed it. */
export function holderOf(paths: RunPaths, round: number, what: Claimed, generation: number): string {
  const path = join(roundFolder(paths, round), 'claims', `${what}.${generation}`);
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw storeError('read', path, error);
  }
}
