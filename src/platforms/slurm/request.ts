/** What is asked of Slurm for a round: how many workers, in which arrays, with which script. */
import { join } from 'node:path';
import type { JobSpec } from '../../contract/spec.js';
import { batchScript } from './batch-script.js';
import { elementSeconds, sbatchArguments } from './sbatch.js';

/** So long before its time is up a worker is told, at most: a tenth of the time. */
const GRACE_SECONDS = 60;

/** What the script of a worker is made for. */
export interface WorkerPlace {
  /** The run folder, absolute. */
  readonly dir: string;
  /** `checkup`: there is no run; `doctor` wants to know what the machine is like. */
  readonly round: number | 'checkup';
  readonly projectRoot: string;
}

export interface ArrayWish {
  /** Of the job, its own among all jobs of the user. */
  readonly name: string;
  /** The run folder, absolute. */
  readonly dir: string;
  readonly elements: number;
}

/** Tasks that one element runs at a time. */
export function tasksPerElement({ slurm, taskConcurrency }: JobSpec): number {
  return slurm.hostsPerWorker * taskConcurrency;
}

/** Elements that may run at a time. */
export function mostElements(spec: JobSpec): number {
  return Math.max(1, Math.floor(spec.slurm.maxWorkers / tasksPerElement(spec)));
}

/** Elements that there is work for. */
export function elementsFor(spec: JobSpec, tasks: number): number {
  return Math.min(mostElements(spec), Math.ceil(tasks / tasksPerElement(spec)));
}

/** Sizes of the arrays that they are submitted in, where the site allows `most` elements in one. */
export function arraySizes(elements: number, most: number): number[] {
  const sizes: number[] = [];
  for (let rest = elements; rest > 0; rest -= most) sizes.push(Math.min(rest, most));
  return sizes;
}

/** Names of jobs say which run they belong to; `nth` counts the submissions of a round from 1. */
export function jobName(runId: string, round: number, nth: number): string {
  return `dl_jobs:${runId}:${round}:${nth}`;
}

/** The copy of this program that workers run, absolute. */
export function toolOf(dir: string): string {
  return join(dir, 'tool');
}

export function workerScript(spec: JobSpec, place: WorkerPlace): string {
  const { node, setup } = spec.slurm;
  return batchScript({
    ...place,
    tool: toolOf(place.dir),
    node,
    ownNode: process.execPath,
    setup,
    seconds: elementSeconds(spec),
  });
}

/** The arguments of `sbatch`. */
export function arrayArguments(spec: JobSpec, wish: ArrayWish): string[] {
  const seconds = elementSeconds(spec);
  const graceSeconds = seconds === null ? GRACE_SECONDS : Math.min(GRACE_SECONDS, Math.ceil(seconds / 10));
  return sbatchArguments({ spec, ...wish, atATime: null, graceSeconds });
}
