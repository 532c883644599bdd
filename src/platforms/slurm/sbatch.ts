/** How an array of workers is submitted: the arguments of `sbatch`. */
import { join } from 'node:path';
import type { JobSpec } from '../../contract/spec.js';
import { SOON_SIGNAL } from './batch-script.js';
import { sbatchOptions } from './options.js';
import { outputPattern } from './quote.js';

export interface ArraySubmission {
  readonly spec: JobSpec;
  /** Its own among all of the user's jobs, without a comma. */
  readonly name: string;
  /** The run folder, absolute. */
  readonly dir: string;
  readonly elements: number;
  /** Elements that run at a time; null: all. */
  readonly atATime: number | null;
  /** So long before its time is up a worker is told; Slurm tells up to half a minute sooner. */
  readonly graceSeconds: number;
}

/** Of the worker itself, besides its hosts. */
const WORKER_MEMORY = 256 * 1024 ** 2;
const MIB = 1024 ** 2;

/** Seconds that an element gets: whole minutes, for Slurm counts in these; null: what its partition gives. */
export function elementSeconds({ slurm }: JobSpec): number | null {
  return slurm.time === null ? null : Math.ceil(slurm.time / 60) * 60;
}

/** The arguments of `sbatch`; the script is its standard input. Throws CONFIG_INVALID for options that are not to be passed on. */
export function sbatchArguments(submission: ArraySubmission): string[] {
  const { spec, name, dir, elements, atATime, graceSeconds } = submission;
  const { slurm } = spec;
  const hosts = slurm.hostsPerWorker;
  const seconds = elementSeconds(spec);
  const { memory } = spec.policy;
  const given = sbatchOptions(slurm.options);
  const { gres, ...rest } = given;
  const gpus =
    spec.gpus === 0 ? null : `gpu:${spec.gpuType === null ? '' : `${spec.gpuType}:`}${spec.gpus * hosts}`;
  const allGres = [gpus, gres].filter((one) => typeof one === 'string').join(',');
  const own: Record<string, string | number | true | null> = {
    parsable: true,
    'job-name': name,
    array: `0-${elements - 1}${atATime === null || atATime >= elements ? '' : `%${atATime}`}`,
    nodes: 1,
    ntasks: 1,
    'cpus-per-task': spec.cpus * hosts,
    // Each host may have the memory of as many tasks as it runs at a time.
    mem:
      memory === null ? null : `${Math.ceil((memory * spec.taskConcurrency * hosts + WORKER_MEMORY) / MIB)}M`,
    gres: allGres === '' ? null : allGres,
    time: seconds === null ? null : seconds / 60,
    partition: slurm.partition,
    account: slurm.account,
    qos: slurm.qos,
    constraint: slurm.constraint,
    nodelist: slurm.nodelist,
    exclude: slurm.exclude,
    // What a worker has not finished others take, or the same element when it is started anew.
    requeue: true,
    signal: `B:${SOON_SIGNAL}@${graceSeconds}`,
    chdir: dir,
    // Of an element that is started anew the first part would be cut off otherwise.
    'open-mode': 'append',
    output: outputPattern(join(dir, 'logs'), 'slurm-%A_%a.out', `slurm-${name.replace(/^.*:/, '')}.out`),
    // Values of secret variables travel with it, and stand in no script and no argument.
    export: 'ALL',
    ...rest,
  };
  return Object.entries(own).flatMap(([option, value]) =>
    value === null ? [] : [value === true ? `--${option}` : `--${option}=${value}`],
  );
}
