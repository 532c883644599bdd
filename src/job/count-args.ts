import { closeSync, openSync } from 'node:fs';
import { storeError } from '../store/atomic.js';
import { wholeLines } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';

/** How many tasks of an argument list are recorded that has not ended. */
export function countArgs(paths: RunPaths): number {
  let fd: number;
  try {
    fd = openSync(paths.args, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw storeError('read', paths.args, error);
  }
  try {
    let count = 0;
    for (const lines of wholeLines(fd)) {
      for (let at = lines.indexOf(10); at >= 0; at = lines.indexOf(10, at + 1)) count++;
    }
    return count;
  } finally {
    closeSync(fd);
  }
}
