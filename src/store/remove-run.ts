/** Deletes run folders, so that a half-deleted one is never taken for a run. */
import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DlJobsError } from '../base/errors.js';
import { storeError } from './atomic.js';
import { lockState, takeLock, type HeldLock, type LockOptions } from './lock.js';
import { runPaths, runsFolder, type RunPaths } from './run-folder.js';

/** What a run folder is called while it is being deleted: hidden, so that nobody lists it. */
const REMOVED = /^\..+\.removed-[0-9a-f]{8}$/;

/**
 * Deletes a run folder. Links in it are deleted and never followed: snapshots are full of links into the project.
 *
 * Throws RUN_LOCKED when somebody controls the run, STORE_FAILED. Returns how many bytes its files had.
 */
export async function removeRun(paths: RunPaths, options: LockOptions = {}): Promise<number> {
  // Where a link to the folder was named: the folder it is, and not the link.
  const dir = realFolder(paths.dir);
  const lock = await lockToRemove(runPaths(dir), options);
  try {
    const aside = join(dirname(dir), `.${basename(dir)}.removed-${randomBytes(4).toString('hex')}`);
    try {
      renameSync(dir, aside);
    } catch (error) {
      throw storeError('remove', dir, error);
    }
    return removeTree(aside);
  } finally {
    lock?.release();
  }
}

function realFolder(dir: string): string {
  try {
    return realpathSync(dir);
  } catch (error) {
    throw storeError('remove', dir, error);
  }
}

/** Nobody can go on with the run while it is deleted. Null: it has no lock, but nobody else has it either. */
async function lockToRemove(paths: RunPaths, options: LockOptions): Promise<HeldLock | null> {
  try {
    return await takeLock(paths, options);
  } catch (error) {
    // On a full disk no lock can be written, and that is when runs are deleted.
    const cannotWrite = error instanceof DlJobsError && error.code === 'STORE_FAILED';
    if (cannotWrite && lockState(paths).state === 'free') return null;
    throw error;
  }
}

/** Deletes a folder or file and all below it, following no links. Returns how many bytes the files had. */
export function removeTree(path: string): number {
  try {
    const bytes = sizeOf(path);
    rmSync(path, { recursive: true, force: true });
    return bytes;
  } catch (error) {
    throw storeError('remove', path, error);
  }
}

function sizeOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.isFile() ? stat.size : 0;
  return namesIn(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

/** None where there is no such folder: another process may be deleting it too. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storeError('read', folder, error);
  }
}

/** Folders below `dlsRoot` that somebody began to delete. */
export function halfRemoved(dlsRoot: string): string[] {
  const folder = runsFolder(dlsRoot);
  return namesIn(folder)
    .filter((name) => REMOVED.test(name))
    .map((name) => join(folder, name));
}
