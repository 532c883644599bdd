/** `clean`: deletes old runs, and what crashes left below `dls_root`. */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DlJobsError } from '../base/errors.js';
import { endedAt, isGarbage, viewRun } from '../outputs/run-state.js';
import { listRuns, runFolders } from '../store/find-run.js';
import { unusedIn } from '../envs/environment.js';
import { lockState, type LockPlace } from '../store/lock.js';
import { isThere } from '../store/process-identity.js';
import { halfRemoved, removeRun, removeTree } from '../store/remove-run.js';
import { runPaths, runsFolder, type RunPaths } from '../store/run-folder.js';
import { isRunId } from '../store/run-id.js';

/** What nobody has touched for this long is no work in progress. */
const IDLE_MS = 3_600_000;
/** A lock of another machine is watched this long before it is taken for dead: its counter is raised every 5 seconds. */
const WATCH_MS = 12_000;

export interface Cleaned {
  /** Ids of the runs that are gone. */
  readonly runs: string[];
  /** Folders that never became a run, and runs that were half deleted. */
  folders: number;
  /** Files and folders of the cache. */
  cached: number;
  bytes: number;
  /** What could not be removed, and why. */
  readonly failures: string[];
}

/** Deletes the runs that ended longer ago than `olderThanMs`; those that somebody controls stay. */
export async function clean(dlsRoot: string, olderThanMs: number): Promise<Cleaned> {
  const cleaned: Cleaned = { runs: [], folders: 0, cached: 0, bytes: 0, failures: [] };
  const now = Date.now();
  const folder = (id: string): RunPaths => runPaths(join(runsFolder(dlsRoot), id));
  for (const id of listRuns(dlsRoot)) {
    await attempt(cleaned, async () => {
      const paths = folder(id);
      if (isInUse(paths, now) || now - endedAt(paths) < olderThanMs) return;
      // Workers elsewhere may be at it.
      if (viewRun(paths).isUnwatched === true) return;
      cleaned.bytes += await removeRun(paths, { staleMs: WATCH_MS });
      cleaned.runs.push(id);
    });
  }
  for (const id of runFolders(dlsRoot)) {
    if (!isRunId(id)) continue;
    await attempt(cleaned, async () => {
      const paths = folder(id);
      const made = statSync(paths.dir, { throwIfNoEntry: false })?.mtimeMs ?? now;
      if (!isGarbage(paths) || now - made < IDLE_MS) return;
      cleaned.bytes += await removeRun(paths);
      cleaned.folders++;
    });
  }
  for (const path of halfRemoved(dlsRoot)) {
    await attempt(cleaned, () => {
      cleaned.bytes += removeTree(path);
      cleaned.folders++;
    });
  }
  for (const path of leftInCache(join(dlsRoot, 'cache'), now)) {
    await attempt(cleaned, () => {
      cleaned.bytes += removeTree(path);
      cleaned.cached++;
    });
  }
  return cleaned;
}

/** One that cannot be removed does not keep the others. */
async function attempt(cleaned: Cleaned, work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DlJobsError)) throw error;
    // Somebody took it up in this moment.
    if (error.code !== 'RUN_LOCKED') cleaned.failures.push(error.message);
  }
}

/** What has its lock on another machine is in use unless that lock has not been written to for long. */
function isInUse(paths: LockPlace, now: number): boolean {
  const { state } = lockState(paths);
  if (state !== 'unknown') return state === 'held';
  const written = statSync(paths.lock, { throwIfNoEntry: false })?.mtimeMs ?? now;
  return now - written < IDLE_MS;
}

/** What attempts at environments left that were cut off. */
function leftOfEnvironments(folder: string, now: number): string[] {
  return namesIn(folder).flatMap((name) => {
    const home = join(folder, name);
    if (!statSync(home).isDirectory() || isInUse({ dir: home, lock: join(home, 'lock') }, now)) return [];
    return unusedIn(home).filter(
      (path) => now - (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now) >= IDLE_MS,
    );
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Files and snapshots of the cache that were never finished, and output of spare hosts that nobody claimed. Not those
 * of the last hour: who writes them may be on another machine.
 */
function leftInCache(folder: string, now: number): string[] {
  const [code, environments] = [join(folder, 'code'), join(folder, 'envs')];
  const left = leftOfEnvironments(environments, now);
  const look = (dir: string): void => {
    for (const name of namesIn(dir)) {
      const path = join(dir, name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      const spare = /^spare-(\d+)-.*\.log$/.exec(name);
      const unfinished = name.endsWith('.tmp') || (dir === code && name.startsWith('.'));
      const isLeft = spare === null ? unfinished : dir === folder && !isThere(Number(spare[1]));
      if (isLeft && now - stat.mtimeMs >= IDLE_MS) left.push(path);
      // Snapshots and environments are looked into no further: what they hold is not ours.
      else if (stat.isDirectory() && dir !== code && path !== environments) look(path);
    }
  };
  look(folder);
  return left;
}
