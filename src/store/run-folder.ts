/** The run folder: `<dls_root>/runs/<run-id>/`. Its layout is in docs/run-folder.md. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { NO_SLURM, RUN_VERSION, type JobSpec, type RunFile } from '../contract/spec.js';
import { InfrastructureError } from '../base/errors.js';
import { storeError, writeAtomic } from './atomic.js';
import { moveOf, relocated, type Move } from './relocate.js';
import { safeName } from './run-id.js';

/** Where everything in a run folder is. */
export interface RunPaths {
  readonly dir: string;
  readonly runFile: string;
  readonly args: string;
  readonly argsIndex: string;
  readonly sealed: string;
  readonly code: string;
  readonly rounds: string;
  readonly journal: string;
  readonly logs: string;
  readonly requests: string;
  readonly lock: string;
  /** What is known of the run at a glance: derived, see `outputs/run-state.ts`. */
  readonly state: string;
  /** How far the outputs are: derived, see `outputs/checkpoint.ts`. */
  readonly checkpoint: string;
}

export function runPaths(dir: string): RunPaths {
  return {
    dir,
    runFile: join(dir, 'run.json'),
    args: join(dir, 'args', 'args.ndjson'),
    argsIndex: join(dir, 'args', 'args.idx'),
    sealed: join(dir, 'args', 'sealed.json'),
    code: join(dir, 'code'),
    rounds: join(dir, 'rounds'),
    journal: join(dir, 'journal'),
    logs: join(dir, 'logs'),
    requests: join(dir, 'requests'),
    lock: join(dir, 'lock'),
    state: join(dir, 'state.json'),
    checkpoint: join(dir, 'checkpoint.json'),
  };
}

/** Folder of all runs of a project. */
export function runsFolder(dlsRoot: string): string {
  return join(dlsRoot, 'runs');
}

/** The folders that each run has. */
export const RUN_FOLDERS = ['args', 'code', 'rounds', 'journal', 'logs', 'requests'] as const;

/** Makes the folders of a new run. It is not a run until {@link commitRun} has written `run.json`. */
export function createRunFolder(dlsRoot: string, id: string): RunPaths {
  const paths = runPaths(join(runsFolder(dlsRoot), id));
  try {
    mkdirSync(runsFolder(dlsRoot), { recursive: true });
    mkdirSync(paths.dir);
    for (const folder of RUN_FOLDERS) mkdirSync(join(paths.dir, folder));
  } catch (error) {
    throw storeError('create', paths.dir, error);
  }
  return paths;
}

/** The commit point of a new run: from here on it exists. */
export function commitRun(paths: RunPaths, run: RunFile): void {
  writeAtomic(paths.runFile, `${JSON.stringify(run, null, 2)}\n`, true);
}

/** What a run is. Throws STORE_FAILED, and RUN_VERSION for a run of a later release. */
export function readRun(paths: RunPaths): RunFile {
  return relocated(readRunFile(paths), paths.dir);
}

/** Where the project of a run was when the run was made, and where it is now; null: there still. */
export function readMove(paths: RunPaths): Move | null {
  return moveOf(readRunFile(paths), paths.dir);
}

function readRunFile(paths: RunPaths): RunFile {
  let run: RunFile;
  try {
    run = JSON.parse(readFileSync(paths.runFile, 'utf8')) as RunFile;
    if (typeof run?.version !== 'number') throw new Error('it does not say what the run is');
  } catch (error) {
    throw storeError('read', paths.runFile, error);
  }
  if (run.version > RUN_VERSION) {
    throw new InfrastructureError(
      'RUN_VERSION',
      `${paths.dir}: expected a run of format ${RUN_VERSION} or older, got format ${run.version}`,
      { hint: `dl-jobs ${run.versions.dlJobs} made it: use that version, or a later one.` },
    );
  }
  // A run of an earlier release does not say all that there is to say now.
  const since: Pick<JobSpec, 'gpuType' | 'slurm'> = { gpuType: null, slurm: NO_SLURM };
  return { ...run, spec: { ...since, ...run.spec } };
}

/** A name for one writer: host name, pid, random. Never used twice. */
export function newWriterName(): string {
  return `${safeName(hostname()).slice(0, 40)}-${process.pid}-${randomBytes(3).toString('hex')}`;
}

/** The shards of a run, in a fixed order. */
export function shardFiles(paths: RunPaths): string[] {
  let names: string[];
  try {
    names = readdirSync(paths.journal);
  } catch (error) {
    throw storeError('read', paths.journal, error);
  }
  return names
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => join(paths.journal, name));
}
