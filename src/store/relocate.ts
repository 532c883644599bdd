/** A project that was moved or copied takes its runs with it: paths in `run.json` are those of where it was made. */
import { relative, sep } from 'node:path';
import type { RunFile } from '../contract/spec.js';

/** Where the project was, and where it is now. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

/**
 * Null: the run is where it was made, or its folder alone was taken out of its project.
 *
 * @param dir - where the run folder is now
 */
export function moveOf(run: Pick<RunFile, 'dir' | 'projectRoot'>, dir: string): Move | null {
  if (run.dir === dir) return null;
  const inside = relative(run.projectRoot, run.dir);
  if (inside.startsWith('..') || !dir.endsWith(`${sep}${inside}`)) return null;
  return { from: run.projectRoot, to: dir.slice(0, -inside.length - 1) };
}

/** `path` where it is after the move; paths outside of the project stay. */
function moved<P extends string | null>(path: P, { from, to }: Move): P {
  if (path === null) return path;
  if (path === from) return to as P;
  return (path.startsWith(`${from}${sep}`) ? `${to}${path.slice(from.length)}` : path) as P;
}

/** The run as it is where its folder is now. */
export function relocated(run: RunFile, dir: string): RunFile {
  const move = moveOf(run, dir);
  if (move === null) return run;
  const { outputs } = run;
  return {
    ...run,
    dir,
    projectRoot: move.to,
    codeRoot: moved(run.codeRoot, move),
    cwd: moved(run.cwd, move),
    argsFile: moved(run.argsFile, move),
    outputs: {
      ...outputs,
      results: moved(outputs.results, move),
      errors: moved(outputs.errors, move),
      log: moved(outputs.log, move),
    },
  };
}
