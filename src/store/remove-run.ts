/** Deletes run folders, so that a half-deleted one is never taken for a run. */
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DlJobsError, UsageError } from '../base/errors.js';
import { storeError } from './atomic.js';
import { lockState, takeLock, type HeldLock, type LockOptions } from './lock.js';
import { RUN_FOLDERS, runPaths, runsFolder, type RunPaths } from './run-folder.js';

/** What a run folder is called while it is being deleted: hidden, so that nobody lists it. */
const REMOVED = /^\..+\.removed-[0-9a-f]{8}$/;

/** Throws RUN_NOT_FOUND for a folder that has a `run.json` and is no run: a project may have a file of that name. */
export function refuseOtherFolder({ dir }: RunPaths): void {
  const missing = RUN_FOLDERS.find((name) => !existsSync(join(dir, name)));
  if (missing === undefined) return;
  throw new UsageError(
    'RUN_NOT_FOUND',
    `expected the folder of a run, got ${dir}, which has no ${missing}/`,
    {
      hint: 'Nothing was deleted. `dl_jobs runs` lists the runs of this project.',
    },
  );
}

/**
 * Deletes a run folder. Links in it are deleted and never followed: snapshots are full of links into the project.
 *
 * Throws RUN_LOCKED when somebody controls the run, STORE_FAILED. Returns how many bytes its files had.
 */
export async function removeRun(paths: RunPaths, options: LockOptions = {}): Promise<number> {
  // Where a link to the folder was named: the folder it is, and not the link.
  const dir = realFolder(paths.dir);
  const bytes = sizeOf(dir);
  const lock = await lockToRemove(runPaths(dir), options);
  try {
    const aside = join(dirname(dir), `.${basename(dir)}.removed-${randomBytes(4).toString('hex')}`);
    try {
      renameSync(dir, aside);
    } catch (error) {
      throw storeError('remove', dir, error);
    }
    removeTree(aside);
    return bytes;
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
