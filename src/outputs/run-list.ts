/** The runs of a project, a line each. */
import { join } from 'node:path';
import { DlJobsError } from '../base/errors.js';
import { listRuns } from '../store/find-run.js';
import { runPaths, runsFolder } from '../store/run-folder.js';
import { isLive, viewRun, type RunOverview, type RunStatus } from './run-state.js';

/** A run as `dl_jobs runs --json` prints it. Times are ISO 8601 in UTC. */
export interface RunRow {
  readonly id: string;
  /** Those of one invocation share it. */
  readonly group: string;
  /** Module and function of the tasks. */
  readonly job: string;
  readonly platform: string;
  readonly status: RunStatus;
  readonly reason: string | null;
  /** The last round; 0: none was begun. */
  readonly round: number;
  /** Tasks with an outcome. */
  readonly done: number;
  /** Tasks of the run; null: not known yet. */
  readonly total: number | null;
  readonly ok: number;
  readonly errors: number;
  readonly created: string;
  readonly started: string | null;
  readonly ended: string | null;
  /** How long all its rounds worked. */
  readonly durationMs: number;
  /** The run folder. */
  readonly path: string;
}

/** A run that cannot be told about. `damaged`: records of it are not what was written. */
export interface BadRunRow {
  readonly id: string;
  readonly status: 'damaged' | 'unreadable';
  readonly reason: string;
  readonly path: string;
}

/**
 * Oldest first. One that cannot be read is listed as such.
 *
 * @param look - finds out what the run folder alone does not tell
 */
export async function* listRunRows(
  dlsRoot: string,
  look: (overview: RunOverview) => Promise<RunOverview>,
): AsyncGenerator<RunRow | BadRunRow> {
  for (const id of listRuns(dlsRoot)) {
    const paths = runPaths(join(runsFolder(dlsRoot), id));
    try {
      yield rowOf(await look(viewRun(paths)));
    } catch (error) {
      // Whatever is wrong with one folder, the others are listed.
      const isDamage = error instanceof DlJobsError && error.code === 'JOURNAL_DAMAGED';
      const reason = error instanceof Error ? error.message : String(error);
      yield { id, status: isDamage ? 'damaged' : 'unreadable', reason, path: paths.dir };
    }
  }
}

function rowOf({ id, paths, run, state }: RunOverview): RunRow {
  const { moduleName, methodName, platform } = run.spec;
  const { done, ok, errors } = state.counts;
  return {
    id,
    group: run.group,
    job: `${moduleName}.${methodName}`,
    platform,
    status: state.status,
    reason: state.reason,
    round: state.round,
    done,
    total: state.total,
    ok,
    errors,
    created: run.created,
    started: isoTime(state.started),
    ended: isoTime(state.ended),
    durationMs: workedMs(state),
    path: paths.dir,
  };
}

/** Null stays null. */
export function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** How long all rounds worked up to now. */
export function workedMs(state: {
  readonly status: RunStatus;
  readonly at: number;
  readonly ended: number | null;
  readonly round: number;
  readonly workedMs: number;
}): number {
  const isWorking = isLive(state.status) && state.round > 0 && state.ended === null;
  return Math.round(state.workedMs + (isWorking ? Math.max(0, Date.now() - state.at) : 0));
}
