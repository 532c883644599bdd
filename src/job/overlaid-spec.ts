import { resolveImage } from '../config/images.js';
import { notOverruled } from '../config/task-kwargs.js';
import type { Settings } from '../config/settings.js';
import type { JobSpec, SlurmSpec } from '../contract/spec.js';
import { gpusOf } from './resolve-job.js';

type Changes = Partial<Settings>;

/**
 * The job as a further round runs it: what `settings` say is other than before.
 *
 * @param base - settings of the project: a job that is given GPUs now, or none any more, needs the other image
 */
export function overlaidSpec(spec: JobSpec, settings: Changes, base: Settings): JobSpec {
  const { policy } = spec;
  return {
    ...spec,
    ...processorsOf(spec, settings, base),
    container: settings.container ?? spec.container ?? 'none',
    noisy: or(settings.noisy, spec.noisy),
    printLogs: or(settings.print_logs, spec.printLogs),
    workers: or(settings.workers, spec.workers),
    taskConcurrency: or(settings.task_concurrency, spec.taskConcurrency),
    policy: {
      retries: or(settings.retries, policy.retries),
      retryOn: or(settings.retry_on, policy.retryOn),
      retryDelay: or(settings.retry_delay, policy.retryDelay),
      timeout: or(settings.timeout, policy.timeout),
      memory: or(settings.memory, policy.memory),
      maxFailures: or(settings.max_failures, policy.maxFailures),
      failFast: or(settings.fail_fast, policy.failFast),
      shuffle: or(settings.shuffle, policy.shuffle),
    },
    taskKwargs: notOverruled(spec.taskKwargs, (key) => settings[key] !== undefined),
    slurm: slurmOf(spec.slurm, settings),
    earthone: { ...spec.earthone, ...settings.earthone },
  };
}

function or<T>(given: T | undefined, was: T): T {
  return given === undefined ? was : given;
}

function processorsOf(spec: JobSpec, settings: Changes, base: Settings): Partial<JobSpec> {
  const cpus = or(settings.cpus, spec.cpus);
  if (settings.gpus === undefined) return { cpus };
  const { gpus, gpuType } = gpusOf(settings.gpus);
  const cpuJob = gpus === 0;
  const { cpu_image: cpuImage, gpu_image: gpuImage } = { ...base, ...settings };
  const image = cpuJob === spec.cpuJob ? spec.image : resolveImage(cpuJob ? cpuImage : gpuImage);
  return { cpus, gpus, gpuType, cpuJob, image };
}

function slurmOf(slurm: SlurmSpec, settings: Changes): SlurmSpec {
  return {
    time: or(settings.time, slurm.time),
    partition: or(settings.partition, slurm.partition),
    account: or(settings.account, slurm.account),
    qos: or(settings.qos, slurm.qos),
    constraint: or(settings.constraint, slurm.constraint),
    nodelist: or(settings.nodelist, slurm.nodelist),
    exclude: or(settings.exclude, slurm.exclude),
    maxWorkers: or(settings.max_workers, slurm.maxWorkers),
    hostsPerWorker: or(settings.hosts_per_worker, slurm.hostsPerWorker),
    options: { ...slurm.options, ...settings.slurm },
    setup: or(settings.setup, slurm.setup),
    node: settings.node === undefined ? slurm.node : (settings.node ?? ''),
    workerTimeout: settings.worker_timeout ?? slurm.workerTimeout,
  };
}
