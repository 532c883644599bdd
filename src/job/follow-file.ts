import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** How often the file is looked at. */
const LOOK_MS = 50;
/** What was appended is passed on in pieces of at most this size. */
const PIECE = 1_048_576;

export interface Follower {
  /** Passes on what is there now; nothing once it was stopped. */
  look(): void;
  stop(): void;
}

/**
 * Passes on what a file holds and what is appended to it, as it comes, until it is stopped; then once more what is
 * there. The file may come into being later. `onBytes` gets a buffer of its own each time.
 */
export function followFile(
  path: string,
  onBytes: (bytes: Buffer) => void,
  everyMs: number = LOOK_MS,
): Follower {
  let fd = -1;
  let at = 0;
  const look = (): void => {
    try {
      if (fd < 0) fd = openSync(path, 'r');
      const { size } = fstatSync(fd);
      while (at < size) {
        const bytes = Buffer.allocUnsafe(Math.min(PIECE, size - at));
        const got = readSync(fd, bytes, 0, bytes.length, at);
        if (got === 0) return;
        at += got;
        onBytes(bytes.subarray(0, got));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  };
  const timer = setInterval(look, everyMs);
  let stopped = false;
  return {
    look: () => {
      if (!stopped) look();
    },
    stop: () => {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      look();
      if (fd >= 0) closeSync(fd);
    },
  };
}

/** How often a folder on a network file system is looked at. */
const FOLDER_LOOK_MS = 300;

/** Passes on what is written to logs of first hosts that come into being in a folder from now on. */
export function followNewLogs(folder: string, onBytes: (bytes: Buffer) => void): Follower {
  const names = (): string[] => readdirSync(folder).filter((name) => name.endsWith('-0.log'));
  const known = new Set(names());
  const followed: Follower[] = [];
  const look = (): void => {
    for (const name of names()) {
      if (known.has(name)) continue;
      known.add(name);
      followed.push(followFile(join(folder, name), onBytes, FOLDER_LOOK_MS));
    }
  };
  const timer = setInterval(look, FOLDER_LOOK_MS);
  let stopped = false;
  return {
    look: () => {
      if (stopped) return;
      look();
      for (const file of followed) file.look();
    },
    stop: () => {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      look();
      for (const file of followed) file.stop();
    },
  };
}
