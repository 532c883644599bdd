/** The output files of a run, as its controller opens them. */
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RunFile } from '../contract/spec.js';
import { storeError } from '../store/atomic.js';
import type { RunPaths } from '../store/run-folder.js';
import { claimedFiles, claimFile, type OutputKind } from './checkpoint.js';
import { OutputFile, type FilePosition } from './output-file.js';

const KINDS: readonly OutputKind[] = ['results', 'errors', 'log'];

/** Where a file is that has not got its name yet: the same for each try, so that none is left behind. */
function tempPath(run: RunFile, path: string, kind: OutputKind): string {
  return join(dirname(path), `.${run.id}-${kind}.tmp`);
}

/** True: its name does not tell that it is this run's. */
export function isFixed({ outputs }: RunFile, kind: OutputKind): boolean {
  return kind !== 'log' && outputs.fixedNames;
}

/** Null: that output is not wanted. */
export function openOutput(
  paths: RunPaths,
  run: RunFile,
  kind: OutputKind,
  how: { readonly ours?: FilePosition | null; readonly anew?: boolean } = {},
): OutputFile | null {
  const path = run.outputs[kind];
  if (path === null) return null;
  const temp = tempPath(run, path, kind);
  // Others append to a log that the user named.
  if (kind === 'log' && run.outputs.fixedLog) return new OutputFile(path, { temp });
  const fixed = isFixed(run, kind)
    ? { made: claimedFiles(paths), claim: (inode: number) => claimFile(paths, inode) }
    : null;
  return new OutputFile(path, { ...how, temp, fixed });
}

/** Removes what a killed controller left half done. Throws STORE_FAILED. */
export function sweepTemps({ dir, rounds, args, code }: SweepFolders, run: RunFile): void {
  const sweep = (folder: string, isTemp: (name: string) => boolean): void => {
    let names: string[];
    try {
      names = readdirSync(folder);
    } catch {
      return;
    }
    for (const name of names) {
      if (isTemp(name)) rmSync(join(folder, name), { recursive: true, force: true });
    }
  };
  const isTemp = (name: string): boolean => name.endsWith('.tmp');
  sweep(dir, (name) => isTemp(name) && !name.startsWith('lock.'));
  sweep(dirname(args), isTemp);
  try {
    for (const round of readdirSync(rounds)) sweep(join(rounds, round), isTemp);
  } catch {
    // No round was begun.
  }
  // A snapshot that was being written.
  sweep(code, (name) => name.startsWith('.'));
  for (const kind of KINDS) {
    const path = run.outputs[kind];
    if (path === null) continue;
    try {
      rmSync(tempPath(run, path, kind), { force: true });
    } catch (error) {
      throw storeError('write', path, error);
    }
  }
}

type SweepFolders = Pick<RunPaths, 'dir' | 'rounds' | 'args' | 'code'>;
