/** `dl_jobs rm RUN…` */
import { formatSize } from '../../base/sizes.js';
import { DlJobsError, InfrastructureError, UsageError } from '../../base/errors.js';
import { cancelRun } from '../../job/cancel-run.js';
import { forgetRun } from '../../job/look-elsewhere.js';
import { outputsThere } from '../../outputs/outputs-there.js';
import { viewRun } from '../../outputs/run-state.js';
import { findRun } from '../../store/find-run.js';
import { lockState } from '../../store/lock.js';
import { refuseOtherFolder, removeRun } from '../../store/remove-run.js';
import { readRun, type RunPaths } from '../../store/run-folder.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { dlsRoot } from './run-word.js';

/** Deletes the folders of runs; their outputs stay. @returns the exit code. */
export async function runCommand({ words, options }: ParsedCommand, io: Io): Promise<number> {
  if (words.length === 0) {
    throw new UsageError('USAGE', 'expected RUN, got none', {
      hint: 'Name each run that is to be deleted; `dl_jobs runs` lists them.',
    });
  }
  const root = await dlsRoot(io);
  const runs = [
    ...new Map(words.map((word) => findRun(root, word, io.cwd)).map((paths) => [paths.dir, paths])),
  ];
  for (const [, paths] of runs) refuseOtherFolder(paths);
  // Before any is deleted it is known that all can be.
  if (options.force !== true) for (const [, paths] of runs) refuseControlled(paths);
  for (const [, paths] of runs) {
    if (options.force === true && (lockState(paths).state !== 'free' || goesOnElsewhere(paths))) {
      await cancelRun(paths, {
        onWait: ({ pid, host }) =>
          io.stderr.write(`waiting for process ${pid} on ${host} to end ${paths.dir} …\n`),
      });
    }
    if (options.remote === true)
      for (const text of await forgetRun(paths)) io.stderr.write(`removed ${text}\n`);
    const outputs = outputsOf(paths);
    const bytes = await removeRun(paths, {
      onWait: ({ pid, host }) => io.stderr.write(`looking whether process ${pid} on ${host} still lives …\n`),
    });
    io.stderr.write(`removed ${paths.dir} (${formatSize(bytes)})\n`);
    for (const path of outputs) io.stderr.write(`  kept ${path}\n`);
  }
  return 0;
}

/** True: workers may be at it though nobody controls it; false also for a run that cannot be read. */
function goesOnElsewhere(paths: RunPaths): boolean {
  try {
    return viewRun(paths).isUnwatched === true;
  } catch (error) {
    if (error instanceof DlJobsError) return false;
    throw error;
  }
}

function refuseControlled(paths: RunPaths): void {
  if (goesOnElsewhere(paths)) {
    throw new InfrastructureError(
      'RUN_LOCKED',
      `workers of ${paths.dir} may still be at it, on its platform`,
      {
        hint: 'Nothing was deleted. `dl_jobs rm --force` cancels it first.',
      },
    );
  }
  const { state, holder } = lockState(paths);
  // One on another machine is watched before it is believed: when the run is removed.
  if (state !== 'held' || holder === null) return;
  throw new InfrastructureError(
    'RUN_LOCKED',
    `${paths.dir} is controlled by process ${holder.pid} on ${holder.host}, since ${holder.since}`,
    { hint: 'Nothing was deleted. `dl_jobs rm --force` cancels it first.' },
  );
}

/** What stays; none of a run that cannot be read. */
function outputsOf(paths: RunPaths): string[] {
  try {
    return Object.values(outputsThere(paths, readRun(paths))).filter((path) => path !== null);
  } catch {
    return [];
  }
}
