/** From a job's options and the settings to its plain description. */
import type { ResolvedSettings } from '../config/load.js';
import { compareLevels, overlay } from '../config/load.js';
import type { Gpus, Settings } from '../config/settings.js';
import { resolveImage } from '../config/images.js';
import { notOverruled } from '../config/task-kwargs.js';
import type { JobSpec, SlurmSpec } from '../contract/spec.js';
import type { FoundModule } from '../snapshot/find-module.js';
import { OPTION_SETTINGS, type DLJobOptions } from './options.js';

/** The settings of a job: the project's, then the job's own, then those of the command line. */
export function jobSettings(
  base: ResolvedSettings,
  options: DLJobOptions,
  commandLine: Partial<Settings>,
): ResolvedSettings {
  const own: Record<string, unknown> = {};
  for (const [option, setting] of Object.entries(OPTION_SETTINGS)) {
    const value = options[option as keyof typeof OPTION_SETTINGS];
    if (value !== undefined) own[setting] = value;
  }
  const said = overlay(base, 'job', own, `DLJob ${options.moduleName}`);
  return overlay(said, 'command line', commandLine, (key) => `--${key === 'is_dev' ? 'dev' : key}`);
}

/** `cpus`, `gpus`, `cpuJob` and the image after the rules that tie them together, with what to warn of. */
export interface Processors {
  readonly cpuJob: boolean;
  readonly cpus: number;
  readonly gpus: number;
  readonly gpuType: string | null;
  readonly image: string;
  readonly warnings: readonly string[];
}

/** The setting `gpus` in its two parts. */
export function gpusOf(gpus: Gpus): { readonly gpus: number; readonly gpuType: string | null } {
  if (typeof gpus === 'number') return { gpus, gpuType: null };
  const colon = gpus.lastIndexOf(':');
  return { gpus: Number(gpus.slice(colon + 1)), gpuType: gpus.slice(0, colon) };
}

/**
 * gpus > 0 means a GPU job, unless `cpu_job` was set at the same or a stronger level: then it stays a CPU job with
 * 0 gpus, and says so. A GPU job without gpus runs as a CPU job.
 */
export function processors(settings: ResolvedSettings): Processors {
  const { values, sources } = settings;
  let { cpu_job: cpuJob } = values;
  let { gpus, gpuType } = gpusOf(values.gpus);
  const warnings: string[] = [];
  if (cpuJob && gpus > 0) {
    const cpuJobLevel = sources.cpu_job.level;
    if (cpuJobLevel === 'default' || compareLevels(cpuJobLevel, sources.gpus.level) < 0) {
      cpuJob = false;
    } else {
      warnings.push(`cpu_job is true, so gpus is set from ${gpus} to 0`);
      gpus = 0;
      gpuType = null;
    }
  } else if (!cpuJob && gpus === 0) {
    warnings.push('cpu_job is false but gpus is 0: launched as a cpu job');
    cpuJob = true;
  }
  return {
    cpuJob,
    cpus: values.cpus,
    gpus,
    gpuType,
    image: resolveImage(cpuJob ? values.cpu_image : values.gpu_image),
    warnings,
  };
}

/** Everything about a job as plain data. */
export function jobSpec(
  options: DLJobOptions,
  settings: ResolvedSettings,
  found: FoundModule,
  name: string,
  platform: string,
  { limit, sample }: { readonly limit: number | null; readonly sample: number | null },
): JobSpec {
  const { values } = settings;
  const { cpuJob, cpus, gpus, gpuType, image } = processors(settings);
  return {
    moduleName: options.moduleName,
    methodName: options.methodName ?? 'task',
    file: found.file,
    language: found.language,
    call: options.argsList === undefined ? 'single' : 'each',
    platform,
    name,
    cpuJob,
    image,
    container: values.container,
    cpus,
    gpus,
    gpuType,
    gpuIds: values.gpu_ids,
    workers: values.workers,
    taskConcurrency: values.task_concurrency,
    python: values.python,
    groupedResults: options.groupedResults ?? false,
    noisy: values.noisy,
    printLogs: values.print_logs,
    suppress: values.suppress,
    durability: values.durability,
    limit,
    sample,
    policy: {
      retries: values.retries,
      retryOn: values.retry_on,
      retryDelay: values.retry_delay,
      timeout: values.timeout,
      memory: values.memory,
      maxFailures: values.max_failures,
      failFast: values.fail_fast,
      shuffle: values.shuffle,
    },
    ordered: values.ordered,
    env: Object.keys(values.env),
    envGiven: Object.entries(values.env).flatMap(([name, value]) => (value === null ? [] : [name])),
    redact: values.redact,
    modules: options.modules ?? [],
    requirements: options.requirements ?? null,
    data: options.data ?? [],
    taskKwargs: notOverruled(
      options.taskKwargs ?? {},
      (key) => settings.sources[key].level === 'command line',
    ),
    slurm: slurmSpec(values),
    earthone: values.earthone,
  };
}

function slurmSpec(values: Settings): SlurmSpec {
  const { time, partition, account, qos, constraint, nodelist, exclude } = values;
  return {
    time,
    partition,
    account,
    qos,
    constraint,
    nodelist,
    exclude,
    maxWorkers: values.max_workers,
    hostsPerWorker: values.hosts_per_worker,
    options: values.slurm,
    setup: values.setup,
    node: values.node ?? '',
    workerTimeout: values.worker_timeout,
  };
}

/**
 * Where a job runs. The command line's `is_dev` forces `local`; it never promotes a job. Without one (a script),
 * `platformJob` alone decides.
 */
export function jobPlatform(options: DLJobOptions, settings: ResolvedSettings, obeysDev: boolean): string {
  const { values, sources } = settings;
  if (obeysDev && values.is_dev) return 'local';
  const named = sources.platform.level === 'command line' && values.platform !== 'local';
  return options.platformJob === true || named ? values.platform : 'local';
}
