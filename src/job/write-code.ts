import { writeSnapshot, type Snapshot } from '../snapshot/snapshot.js';
import { storeError } from '../store/atomic.js';

/** Writes a snapshot to `<folder>/<hash>`, and returns that folder. Throws STORE_FAILED. */
export function writeCode(snapshot: Snapshot, folder: string): string {
  try {
    return writeSnapshot(snapshot, folder);
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error;
    throw storeError('write', folder, error);
  }
}
