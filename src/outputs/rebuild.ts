/** Makes the outputs of a run anew from its journal. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { ArgsReader } from '../store/args-store.js';
import { storeError } from '../store/atomic.js';
import { takeLock, type LockOptions } from '../store/lock.js';
import { readRun, type RunPaths } from '../store/run-folder.js';
import { checkpointOf, writeCheckpoint, type OutputKind } from './checkpoint.js';
import { eventDescriber } from './log-notes.js';
import { sweepTemps } from './outputs-of-run.js';
import { restoreCollector } from './restore.js';
import { stateAtRest, writeState } from './run-state.js';
import { surveyRun } from './survey.js';
import { TaskLogs } from './task-logs.js';

export interface RebuiltOutput {
  readonly kind: OutputKind;
  /** Null: not wanted. */
  readonly path: string | null;
  /** Null: there is no such file, since there is nothing to write. */
  readonly lines: number | null;
  /** False: other runs append to it, so it was left alone. */
  readonly rebuilt: boolean;
  /** Where a file of that name went which was not this run's. */
  readonly movedTo: string | null;
}

const KINDS: readonly OutputKind[] = ['results', 'errors', 'log'];

/**
 * Results and errors in the order of the tasks, the log as it came; whatever the files held before.
 * Throws RUN_LOCKED when the run is running, JOURNAL_DAMAGED, STORE_FAILED.
 */
export async function rebuildOutputs(paths: RunPaths, options: LockOptions = {}): Promise<RebuiltOutput[]> {
  const run = readRun(paths);
  const lock = await takeLock(paths, options);
  const args = new ArgsReader(paths);
  const logs = new TaskLogs(paths.logs, '');
  try {
    sweepTemps(paths, run);
    const survey = surveyRun(paths);
    const describe = eventDescriber(paths, run);
    const collector = restoreCollector({
      ...{ paths, run, survey, args, logs, describe },
      listener: {},
      work: null,
      anew: true,
      ordered: true,
    });
    try {
      collector.flush();
      await collector.sync();
      const shards: Record<string, number> = {};
      survey.shards.forEach((path, i) => (shards[basename(path)] = survey.lengths[i] as number));
      writeCheckpoint(paths, checkpointOf(collector.files, shards));
      writeState(paths, stateAtRest(paths, run));
    } finally {
      collector.abandon();
    }
    return KINDS.map((kind) => {
      const path = run.outputs[kind];
      return {
        kind,
        path,
        lines: path === null ? null : countLines(path),
        rebuilt: kind !== 'log' || !run.outputs.fixedLog,
        movedTo: collector.files[kind]?.movedTo ?? null,
      };
    });
  } finally {
    args.close();
    logs.close();
    lock.release();
  }
}

/** Null: there is no such file. */
function countLines(path: string): number | null {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return null;
  try {
    const fd = openSync(path, 'r');
    try {
      const part = Buffer.allocUnsafe(1_048_576);
      let lines = 0;
      for (let got = 1; got > 0;) {
        got = readSync(fd, part, 0, part.length, null);
        for (let at = part.indexOf(10); at >= 0 && at < got; at = part.indexOf(10, at + 1)) lines++;
      }
      return lines;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw storeError('read', path, error);
  }
}
