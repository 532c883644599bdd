/** `rounds/<n>/round.json`: one go at a run's work. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../contract/packages.js';
import type { Policy } from '../contract/policy.js';
import type { JobSpec } from '../contract/spec.js';
import { storeError, writeAtomic } from './atomic.js';
import type { RunPaths } from './run-folder.js';
import { WorkList, type WorkFile } from './work-list.js';

/** Members of the job's description that a round may have otherwise than the one before. */
const RESOURCES = [
  'cpuJob',
  'image',
  'container',
  'cpus',
  'gpus',
  'gpuType',
  'workers',
  'taskConcurrency',
  'taskKwargs',
  'slurm',
  'earthone',
] as const satisfies readonly (keyof JobSpec)[];

export type RoundResources = Pick<JobSpec, (typeof RESOURCES)[number]>;

export function resourcesOf(spec: JobSpec): RoundResources {
  return Object.fromEntries(RESOURCES.map((key) => [key, spec[key]])) as unknown as RoundResources;
}

/** What `round.json` holds. */
export interface RoundFile {
  readonly version: number;
  readonly round: number;
  readonly kind: 'run' | 'resume' | 'retry';
  readonly platform: string;
  /** Hash of the snapshot that the round executes. */
  readonly code: string;
  /** The file to load, relative to the snapshot's root. */
  readonly entry: string;
  /** What was installed for its tasks. */
  readonly environment?: Environment | null;
  /** The tasks of the round. */
  readonly work: 'all' | WorkFile;
  /**
   * The first round of those that run tasks anew which are ok (`retry --again`); 0: none. Of results of one task
   * those of the highest count.
   */
  readonly again: number;
  /** Key of the order of tasks, where that is random. */
  readonly shuffle: string | null;
  readonly resources: RoundResources;
  readonly policy: Policy & { readonly durability: string };
  /** ISO 8601 in UTC. */
  readonly started: string;
}

/** The job as a round runs it. */
export function specOfRound(spec: JobSpec, round: RoundFile | undefined): JobSpec {
  if (round === undefined) return spec;
  const { durability, ...policy } = round.policy;
  const python = round.environment?.python ?? spec.python;
  return { ...spec, ...round.resources, python, policy, durability: durability as JobSpec['durability'] };
}

export function roundFolder(paths: RunPaths, round: number): string {
  return join(paths.rounds, String(round));
}

/** Writes a round, its work list first. `work` null: all tasks. */
export function writeRound(
  paths: RunPaths,
  round: Omit<RoundFile, 'work'>,
  work: WorkList | null,
): RoundFile {
  const dir = roundFolder(paths, round.round);
  try {
    mkdirSync(join(dir, 'claims'), { recursive: true });
  } catch (error) {
    throw storeError('create', dir, error);
  }
  const file: RoundFile = { ...round, work: work === null ? 'all' : work.write(join(dir, 'work.bits')) };
  rewriteRound(paths, file);
  return file;
}

/** Writes what is otherwise than before in a round that goes on. */
export function rewriteRound(paths: RunPaths, file: RoundFile): void {
  const path = join(roundFolder(paths, file.round), 'round.json');
  writeAtomic(path, `${JSON.stringify(file, null, 2)}\n`, false);
}

/** The rounds of a run that were begun, in order. One whose file is not there was about to begin and has done nothing. */
export function readRounds(paths: RunPaths): RoundFile[] {
  let names: string[];
  try {
    names = readdirSync(paths.rounds);
  } catch (error) {
    throw storeError('read', paths.rounds, error);
  }
  return names
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
    .flatMap((round) => {
      const path = join(roundFolder(paths, round), 'round.json');
      try {
        return [JSON.parse(readFileSync(path, 'utf8')) as RoundFile];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw storeError('read', path, error);
      }
    });
}

/** The tasks of a round; null: all. */
export function readWork(paths: RunPaths, round: RoundFile): WorkList | null {
  if (round.work === 'all') return null;
  return WorkList.read(join(roundFolder(paths, round.round), round.work.file), round.work);
}

/** Notes attempts at tasks that count in this round, too, for workers outside the controller. */
export function writeCharged(paths: RunPaths, round: number, charged: ReadonlyMap<number, number>): void {
  if (charged.size === 0) return;
  const path = join(roundFolder(paths, round), 'charged.json');
  writeAtomic(path, `${JSON.stringify([...charged])}\n`, true);
}

/** Attempts at tasks that count in this round, too; mostly none. */
export function readCharged(paths: RunPaths, round: number): ReadonlyMap<number, number> {
  const path = join(roundFolder(paths, round), 'charged.json');
  try {
    return new Map(JSON.parse(readFileSync(path, 'utf8')) as [number, number][]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw storeError('read', path, error);
  }
}
