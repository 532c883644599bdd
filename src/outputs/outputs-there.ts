/** Which of a run's outputs are there. */
import { statSync } from 'node:fs';
import type { RunFile } from '../contract/spec.js';
import type { RunPaths } from '../store/run-folder.js';
import { claimedFiles, type OutputKind } from './checkpoint.js';
import { isFixed } from './outputs-of-run.js';

/** Paths of those that are there; null: not wanted, or there was nothing to write. */
export function outputsThere(paths: RunPaths, run: RunFile): Record<OutputKind, string | null> {
  const of = (kind: OutputKind): string | null =>
    outputInode(paths, run, kind) === null ? null : run.outputs[kind];
  return { results: of('results'), errors: of('errors'), log: of('log') };
}

/** Inode of an output; null: there is none, or the file of that name is another run's. */
export function outputInode(paths: RunPaths, run: RunFile, kind: OutputKind): number | null {
  const path = run.outputs[kind];
  if (path === null) return null;
  const there = inodeAt(path);
  if (there === null) return null;
  return !isFixed(run, kind) || claimedFiles(paths).includes(there) ? there : null;
}

function inodeAt(path: string): number | null {
  try {
    return statSync(path).ino;
  } catch {
    return null;
  }
}
