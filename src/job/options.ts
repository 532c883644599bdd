/** What a user says of a job. */
import type { TaskArgs, TaskElement, TaskKwargs } from '../base/decorators.js';
import type { Settings } from '../config/settings.js';
import type { FailureType } from '../contract/record.js';
import type { ContainerChoice } from '../contract/spec.js';

/**
 * The argument list of a multi-task job: one element a task.
 *
 * An array, any (async) iterable, a count (`10` is 0 to 9), or a path to an `.ndjson`, `.json` or `.csv` file.
 * `[range]`, an array of one iterator, is that iterator. Consumed lazily.
 */
export type ArgsList<T> =
  Iterable<T> | AsyncIterable<T> | Iterator<T> | readonly [Iterable<T> | AsyncIterable<T>] | number | string;

/**
 * Arguments of {@link DLJob}. Only `moduleName` is required; what is left out comes from the configuration.
 * The type parameter is the task function's type: `DLJob<typeof import('../tiles/segment.js').segment>`.
 */
export interface DLJobOptions<F = unknown> {
  /** Dotted module of the task function, from the project root: `tiles.segment` is `tiles/segment.ts` or `.py`. */
  readonly moduleName: string;
  /** @default `task` */
  readonly methodName?: string | undefined;
  /** True: always on CPUs. False: on GPUs unless `gpus` is 0. @default the setting `cpu_job` */
  readonly cpuJob?: boolean | undefined;
  /** Address or one of `py27 py27_gpu py36 py36_gpu py37`. @default the setting `cpu_image` */
  readonly cpuImage?: string | undefined;
  /** Address or key, as `cpuImage`. @default the setting `gpu_image` */
  readonly gpuImage?: string | undefined;
  /** What runs tasks inside their image. @default the setting `container` */
  readonly container?: ContainerChoice | undefined;
  /** One element a task. Give this, or `args` and `kwargs`. */
  readonly argsList?: ArgsList<TaskElement<F>> | undefined;
  /** Positional arguments of a single-task job. */
  readonly args?: TaskArgs<F> | undefined;
  /** Keyword arguments of a single-task job. */
  readonly kwargs?: TaskKwargs<F> | undefined;
  /** Modules, packages or folders to add whole to the code snapshot. */
  readonly modules?: readonly string[] | undefined;
  /**
   * Packages to install for the tasks: lines of a requirements file, or what `npm install` takes; or the path of a
   * requirements file, or of a package.json.
   */
  readonly requirements?: readonly string[] | string | undefined;
  /** Paths of data that tasks use, relative to the project's root: containers show them. */
  readonly data?: readonly string[] | undefined;
  /** Cores a task may use. @default the setting `cpus` */
  readonly cpus?: number | undefined;
  /** GPUs a task needs: a number, or with a type `'a100:2'`. @default the setting `gpus` */
  readonly gpus?: number | string | undefined;
  /** True: run on the configured platform (unless `--dev true`). @default false */
  readonly platformJob?: boolean | undefined;
  /** Stands in the names of the output files. @default `dljob_<module>.<method>-<time>-local` (or `-platform`) */
  readonly name?: string | undefined;
  /** Print each result. @default the setting `noisy` */
  readonly noisy?: boolean | undefined;
  /** A task that returns a list has one result line (true), or one line an element (false). @default false */
  readonly groupedResults?: boolean | undefined;
  /** Save results, or the name of the file. @default the setting `save_results` */
  readonly saveResults?: boolean | string | undefined;
  /** Save errors, or the name of the file. @default the setting `save_errors` */
  readonly saveErrors?: boolean | string | undefined;
  /** @default the setting `results_dir` */
  readonly resultsDir?: string | undefined;
  /** @default the setting `errors_dir` */
  readonly errorsDir?: string | undefined;
  /** Add the time to the names of results and errors files. @default true */
  readonly resultsTimestamp?: boolean | undefined;
  /** Write a log file, or its name. @default the setting `log` */
  readonly log?: boolean | string | undefined;
  /** @default the setting `log_dir` */
  readonly logDir?: string | undefined;
  /** What Descartes Labs Tasks took, such as `{memory: '10Gi'}`; platforms count it as settings, this machine does not. @default none */
  readonly taskKwargs?: Readonly<Record<string, unknown>> | undefined;
  /** Print each task's output after the run. @default the setting `print_logs` */
  readonly printLogs?: boolean | undefined;
  /** Lines of task output that hold one of these are not shown. @default the setting `suppress` */
  readonly suppress?: readonly string[] | undefined;
  /** Tasks at a time; 0: as many as fit. @default the setting `workers` */
  readonly workers?: number | undefined;
  /** Tasks at a time inside one host, for async functions that wait. @default the setting `task_concurrency` */
  readonly taskConcurrency?: number | undefined;
  /** Python interpreter: a name or path. @default the setting `python` */
  readonly python?: string | undefined;
  /** GPUs to hand out. @default the setting `gpu_ids` */
  readonly gpuIds?: readonly string[] | undefined;
  /** How records reach the disk. @default the setting `durability` */
  readonly durability?: 'batch' | 'record' | 'none' | undefined;
  /** Run only the first tasks. @default all */
  readonly limit?: number | undefined;
  /** Try this many tasks first, picked from the whole list; `dl_jobs resume` runs the others. @default all */
  readonly sample?: number | undefined;
  /** Further tries of a task that failed in one of the ways of `retryOn`. @default the setting `retries` */
  readonly retries?: number | undefined;
  /** Failure types that are tried again. @default the setting `retry_on` */
  readonly retryOn?: readonly FailureType[] | undefined;
  /** Time before the second try, as `'5s'` or seconds; doubles with each. @default the setting `retry_delay` */
  readonly retryDelay?: number | string | undefined;
  /** Time that one try may take from its start, as `'10m'` or seconds. @default the setting `timeout` */
  readonly timeout?: number | string | null | undefined;
  /** Memory that one task may use, as `'8GB'` or bytes. @default the setting `memory` */
  readonly memory?: number | string | null | undefined;
  /** Begin no further tasks once more than this many (or `'5%'`) failed. @default the setting `max_failures` */
  readonly maxFailures?: number | string | null | undefined;
  /** The first failure stops the run. @default the setting `fail_fast` */
  readonly failFast?: boolean | undefined;
  /** Run tasks in a random order. @default the setting `shuffle` */
  readonly shuffle?: boolean | undefined;
  /** Put results and errors into the order of the arguments when the run ends. @default the setting `ordered` */
  readonly ordered?: boolean | undefined;
  /**
   * Environment variables of the tasks: names, whose values the environment has, or names with values.
   * Values are never written down. @default the setting `env`
   */
  readonly env?: readonly string[] | Readonly<Record<string, string | null>> | undefined;
  /** Regular expressions; what they match in task output and error records is masked. @default the setting `redact` */
  readonly redact?: readonly string[] | undefined;
  /** Tasks at a time on a platform. @default the setting `max_workers` */
  readonly maxWorkers?: number | undefined;
  /** Tasks at a time of one worker of a platform. @default the setting `hosts_per_worker` */
  readonly hostsPerWorker?: number | undefined;
  /** Time that a platform gives a worker, as `'4h'` or seconds. @default the setting `time` */
  readonly time?: number | string | null | undefined;
  /** Slurm partition. @default the setting `partition` */
  readonly partition?: string | null | undefined;
  /** Slurm account. @default the setting `account` */
  readonly account?: string | null | undefined;
  /** Slurm quality of service. @default the setting `qos` */
  readonly qos?: string | null | undefined;
  /** Features that Slurm nodes must have. @default the setting `constraint` */
  readonly constraint?: string | null | undefined;
  /** Slurm nodes to use. @default the setting `nodelist` */
  readonly nodelist?: string | null | undefined;
  /** Slurm nodes not to use. @default the setting `exclude` */
  readonly exclude?: string | null | undefined;
  /** Further options of sbatch by their long names; they add to those of the setting `slurm`. @default none */
  readonly slurm?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Lines of shell that run before a worker starts on a node. @default the setting `setup` */
  readonly setup?: readonly string[] | string | undefined;
  /** Node.js that workers of a platform run on: a name or a path. @default the setting `node` */
  readonly node?: string | null | undefined;
  /** Time after which a worker of a platform that gives no sign of life counts as gone. @default the setting `worker_timeout` */
  readonly workerTimeout?: number | string | undefined;
}

/** Options that are settings, and the settings they are. */
export const OPTION_SETTINGS = {
  cpuJob: 'cpu_job',
  cpuImage: 'cpu_image',
  gpuImage: 'gpu_image',
  container: 'container',
  cpus: 'cpus',
  gpus: 'gpus',
  noisy: 'noisy',
  saveResults: 'save_results',
  saveErrors: 'save_errors',
  resultsDir: 'results_dir',
  errorsDir: 'errors_dir',
  log: 'log',
  logDir: 'log_dir',
  printLogs: 'print_logs',
  suppress: 'suppress',
  workers: 'workers',
  taskConcurrency: 'task_concurrency',
  python: 'python',
  gpuIds: 'gpu_ids',
  durability: 'durability',
  retries: 'retries',
  retryOn: 'retry_on',
  retryDelay: 'retry_delay',
  timeout: 'timeout',
  memory: 'memory',
  maxFailures: 'max_failures',
  failFast: 'fail_fast',
  shuffle: 'shuffle',
  ordered: 'ordered',
  env: 'env',
  redact: 'redact',
  maxWorkers: 'max_workers',
  hostsPerWorker: 'hosts_per_worker',
  time: 'time',
  partition: 'partition',
  account: 'account',
  qos: 'qos',
  constraint: 'constraint',
  nodelist: 'nodelist',
  exclude: 'exclude',
  slurm: 'slurm',
  setup: 'setup',
  node: 'node',
  workerTimeout: 'worker_timeout',
} as const satisfies Partial<Record<keyof DLJobOptions, keyof Settings>>;

/** The other options, with what each must be. */
export const OWN_OPTIONS = {
  moduleName: 'string',
  methodName: 'string',
  argsList: 'any',
  args: 'array',
  kwargs: 'object',
  modules: 'strings',
  requirements: 'strings or string',
  data: 'strings',
  platformJob: 'boolean',
  name: 'string',
  groupedResults: 'boolean',
  resultsTimestamp: 'boolean',
  taskKwargs: 'object',
  limit: 'positive integer',
  sample: 'positive integer',
} as const satisfies Partial<Record<keyof DLJobOptions, string>>;
