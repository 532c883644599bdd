/** Finds runs by what a person types. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DlJobsError, UsageError } from '../base/errors.js';
import { existsSync } from 'node:fs';
import type { RunFile } from '../contract/spec.js';
import { storeError } from './atomic.js';
import { runPaths, runsFolder, readRun, type RunPaths } from './run-folder.js';

/** Ids of the runs below `dlsRoot`, oldest first. Folders without a `run.json` are no runs. */
export function listRuns(dlsRoot: string): string[] {
  return runFolders(dlsRoot).filter((id) => existsSync(join(runsFolder(dlsRoot), id, 'run.json')));
}

/** Names of all folders of runs, also of those that never became one; hidden ones are being removed. */
export function runFolders(dlsRoot: string): string[] {
  try {
    return readdirSync(runsFolder(dlsRoot), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storeError('read', runsFolder(dlsRoot), error);
  }
}

/**
 * The run that `wanted` names: an id, the beginning of one, or a path of a run folder; null: the latest.
 * Throws RUN_NOT_FOUND, RUN_AMBIGUOUS.
 */
export function findRun(dlsRoot: string, wanted: string | null, cwd: string): RunPaths {
  if (wanted?.includes('/') === true) {
    const paths = runPaths(join(wanted.startsWith('/') ? '' : cwd, wanted));
    if (existsSync(paths.runFile)) return paths;
    throw new UsageError('RUN_NOT_FOUND', `expected the folder of a run, got \`${wanted}\``, {
      hint: 'It must hold a run.json. `dl_jobs runs` lists the runs of this project.',
    });
  }
  const ids = listRuns(dlsRoot);
  if (wanted === null) {
    const latest = ids.at(-1);
    if (latest !== undefined) return runPaths(join(runsFolder(dlsRoot), latest));
    throw new UsageError('RUN_NOT_FOUND', `expected a run in ${runsFolder(dlsRoot)}, found none`, {
      hint: 'Start one with `dl_jobs run METHOD`, or go to the project that has it.',
    });
  }
  const matches = ids.includes(wanted)
    ? [wanted]
    : ids.filter((id) => id.startsWith(wanted) || id.endsWith(`-${wanted}`));
  const [match] = matches;
  if (match === undefined || wanted === '') {
    throw new UsageError('RUN_NOT_FOUND', `expected the id of a run or its beginning, got \`${wanted}\``, {
      hint: 'See `dl_jobs runs`.',
    });
  }
  if (matches.length > 1) {
    const shown = matches.slice(-5).join(', ');
    throw new UsageError(
      'RUN_AMBIGUOUS',
      `expected the beginning of one id, got \`${wanted}\`, with which ${matches.length} begin: ${matches.length > 5 ? '…, ' : ''}${shown}`,
      { hint: 'Type more of it.' },
    );
  }
  return runPaths(join(runsFolder(dlsRoot), match));
}

/** The runs of one invocation, in their order; those that cannot be read are left out. */
export function groupOf(dlsRoot: string, group: string): RunPaths[] {
  return listRuns(dlsRoot)
    .map((id) => runPaths(join(runsFolder(dlsRoot), id)))
    .map((paths) => ({ paths, run: readable(paths) }))
    .filter((one): one is { paths: RunPaths; run: RunFile } => one.run?.group === group)
    .sort((a, b) => a.run.groupIndex - b.run.groupIndex)
    .map(({ paths }) => paths);
}

/** The runs of the invocation whose group is, or alone begins with, `wanted`; none where there is no such. */
export function findGroup(dlsRoot: string, wanted: string): RunPaths[] {
  const groups = new Set(
    listRuns(dlsRoot)
      .map((id) => readable(runPaths(join(runsFolder(dlsRoot), id)))?.group ?? '')
      .filter((group) => wanted !== '' && group.startsWith(wanted)),
  );
  const [group] = groups;
  return group === undefined || groups.size > 1 ? [] : groupOf(dlsRoot, group);
}

function readable(paths: RunPaths): RunFile | null {
  try {
    return readRun(paths);
  } catch (error) {
    if (error instanceof DlJobsError) return null;
    throw error;
  }
}
