import { findRun, groupOf } from '../store/find-run.js';
import { lockState } from '../store/lock.js';
import { readRun, type RunPaths } from '../store/run-folder.js';
import { viewRun } from './run-state.js';

/**
 * The run that `wanted` names, as `findRun`. Without a name: the latest; while that is queued, the one of its
 * invocation that runs, for that is the one that somebody wants to see.
 */
export function currentRun(dlsRoot: string, wanted: string | null, cwd: string): RunPaths {
  const found = findRun(dlsRoot, wanted, cwd);
  if (wanted !== null || lockState(found).state === 'free') return found;
  if (viewRun(found).state.status !== 'queued') return found;
  return (
    groupOf(dlsRoot, readRun(found).group).find(
      (paths) => lockState(paths).state !== 'free' && viewRun(paths).state.status !== 'queued',
    ) ?? found
  );
}
