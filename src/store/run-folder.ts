/** The run folder: `<dls_root>/runs/<run-id>/`. Its layout is in docs/run-folder.md. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RunFile } from '../contract/spec.js';
import { storeError, writeAtomic } from './atomic.js';
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
  };
}

/** Folder of all runs of a project. */
export function runsFolder(dlsRoot: string): string {
  return join(dlsRoot, 'runs');
}

/** Makes the folders of a new run. It is not a run until {@link commitRun} has written `run.json`. */
export function createRunFolder(dlsRoot: string, id: string): RunPaths {
  const paths = runPaths(join(runsFolder(dlsRoot), id));
  try {
    mkdirSync(runsFolder(dlsRoot), { recursive: true });
    mkdirSync(paths.dir);
    for (const folder of ['args', 'code', 'rounds', 'journal', 'logs', 'requests'])
      mkdirSync(join(paths.dir, folder));
  } catch (error) {
    throw storeError('create', paths.dir, error);
  }
  return paths;
}

/** The commit point of a new run: from here on it exists. */
export function commitRun(paths: RunPaths, run: RunFile): void {
  writeAtomic(paths.runFile, `${JSON.stringify(run, null, 2)}\n`, true);
}

/** What `rounds/<n>/round.json` holds. */
export interface RoundFile {
  readonly version: number;
  readonly round: number;
  readonly platform: string;
  /** Hash of the snapshot that the round executes. */
  readonly code: string;
  /** `all`, or the name of the work list beside it. */
  readonly work: 'all' | 'work.ndjson';
  readonly resources: {
    readonly cpus: number;
    readonly gpus: number;
    readonly workers: number;
    readonly taskConcurrency: number;
  };
  readonly policy: { readonly durability: string };
  /** ISO 8601 in UTC. */
  readonly started: string;
}

export function writeRound(paths: RunPaths, round: RoundFile): void {
  const dir = join(paths.rounds, String(round.round));
  try {
    mkdirSync(join(dir, 'claims'), { recursive: true });
  } catch (error) {
    throw storeError('create', dir, error);
  }
  writeAtomic(join(dir, 'round.json'), `${JSON.stringify(round, null, 2)}\n`, false);
}

/** A name for one writer: host name, pid, random. Never used twice. */
export function newWriterName(): string {
  return `${safeName(hostname()).slice(0, 40)}-${process.pid}-${randomBytes(3).toString('hex')}`;
}

/** The shards of a run, in a fixed order. */
export function shardFiles(paths: RunPaths): string[] {
  return readdirSync(paths.journal)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => join(paths.journal, name));
}
