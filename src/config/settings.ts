/**
 * The one table of settings. Types, validation, `--help`, `config --info`, the generated configuration file
 * and docs/configuration.md are all made from it.
 * lines: one table, read top to bottom.
 */
import { FAILURE_TYPES, type FailureType } from '../contract/record.js';
import { CONTAINER_CHOICES } from '../contract/spec.js';
import { IMAGES } from './images.js';

/** Platforms that a job can name. */
export const PLATFORM_NAMES: readonly string[] = ['local', 'slurm', 'earthone'];

interface Common {
  /** One sentence. */
  readonly description: string;
  /** Name of the command-line option that sets it, if there is one. */
  readonly option?: string;
}

/** What a setting may be, its default, and what it is for. */
export type SettingSpec = Common &
  (
    | { readonly kind: 'boolean'; readonly default: boolean }
    | { readonly kind: 'integer'; readonly default: number; readonly min: number }
    | { readonly kind: 'text'; readonly default: string }
    | { readonly kind: 'word'; readonly default: string | null }
    | { readonly kind: 'gpus'; readonly default: Gpus }
    | { readonly kind: 'image'; readonly default: string }
    | { readonly kind: 'switch'; readonly default: boolean | string }
    | { readonly kind: 'list'; readonly default: readonly string[] }
    | { readonly kind: 'lines'; readonly default: readonly string[] }
    | { readonly kind: 'ids'; readonly default: readonly string[] | null }
    | { readonly kind: 'choice'; readonly default: string; readonly choices: readonly string[] }
    | { readonly kind: 'choices'; readonly default: readonly string[]; readonly choices: readonly string[] }
    | { readonly kind: 'seconds'; readonly default: number }
    | { readonly kind: 'timeout'; readonly default: number | null }
    | { readonly kind: 'size'; readonly default: number | null }
    | { readonly kind: 'threshold'; readonly default: number | `${number}%` | null }
    | { readonly kind: 'patterns'; readonly default: readonly string[] }
    | { readonly kind: 'variables'; readonly default: Variables }
    | { readonly kind: 'options'; readonly default: PlatformOptions }
  );

/** Environment variables by name; null: the value is what the environment has. */
export type Variables = Readonly<Record<string, string | null>>;

/** How many GPUs, or of which type and how many: `a100:2`. */
export type Gpus = number | `${string}:${number}`;

/** Options of a platform's own command by their names; false leaves one out. */
export type PlatformOptions = Readonly<Record<string, string | number | boolean>>;

export const SETTINGS = {
  cpus: {
    kind: 'integer',
    default: 1,
    min: 1,
    option: 'cpus',
    description: 'CPU cores that one task may use.',
  },
  gpus: {
    kind: 'gpus',
    default: 0,
    option: 'gpus',
    description:
      'GPUs that one task needs, with their type if a platform has several; more than 0 makes the job a GPU job.',
  },
  cpu_job: {
    kind: 'boolean',
    default: true,
    option: 'cpu_job',
    description:
      'Whether the job runs on CPUs with cpu_image (true), or with gpu_image when gpus is more than 0 (false).',
  },
  cpu_image: {
    kind: 'image',
    default: IMAGES.py36,
    option: 'cpu_image',
    description: 'Container image of CPU jobs.',
  },
  gpu_image: {
    kind: 'image',
    default: IMAGES.py36_gpu,
    option: 'gpu_image',
    description: 'Container image of GPU jobs.',
  },
  dls_root: {
    kind: 'text',
    default: 'dl_jobs',
    description: "Folder for the records of runs, relative to the project's root.",
  },
  is_dev: {
    kind: 'boolean',
    default: true,
    option: 'dev',
    description:
      'Whether the command line runs every job on this machine (true), or where the job says (false).',
  },
  module_dir: {
    kind: 'text',
    default: 'run',
    description: "Folder of the job functions, relative to the project's root.",
  },
  print_logs: {
    kind: 'boolean',
    default: true,
    option: 'print_logs',
    description: 'Whether the output of each task is printed after the run.',
  },
  default_method: {
    kind: 'text',
    default: 'task',
    description: 'Job function that `dl_jobs run MODULE` calls when it names none.',
  },
  noisy: {
    kind: 'boolean',
    default: true,
    option: 'noisy',
    description: 'Whether each result is printed as it comes.',
  },
  suppress: {
    kind: 'list',
    default: ['DeprecationWarning', 'FutureWarning'],
    description: 'Lines of task output that hold one of these texts are not shown.',
  },
  save_results: {
    kind: 'switch',
    default: true,
    description: 'Whether results are saved, or the name of the file.',
  },
  save_errors: {
    kind: 'switch',
    default: true,
    description: 'Whether errors are saved, or the name of the file.',
  },
  results_dir: {
    kind: 'text',
    default: 'results',
    description: "Folder for results, relative to the project's root.",
  },
  errors_dir: {
    kind: 'text',
    default: 'errors',
    description: "Folder for errors, relative to the project's root.",
  },
  log: {
    kind: 'switch',
    default: true,
    description: 'Whether a log file is written, or its name.',
  },
  log_dir: {
    kind: 'text',
    default: 'logs',
    description: "Folder for log files, relative to the project's root.",
  },
  workers: {
    kind: 'integer',
    default: 0,
    min: 0,
    option: 'workers',
    description: 'Tasks that run at a time on this machine; 0 means as many as fit.',
  },
  task_concurrency: {
    kind: 'integer',
    default: 1,
    min: 1,
    option: 'task_concurrency',
    description: 'Tasks at a time inside one process, for functions that mostly wait.',
  },
  platform: {
    kind: 'choice',
    default: 'local',
    choices: PLATFORM_NAMES,
    option: 'platform',
    description: 'Where jobs run.',
  },
  max_workers: {
    kind: 'integer',
    default: 16,
    min: 1,
    option: 'max_workers',
    description: 'Tasks that run at a time on a platform.',
  },
  hosts_per_worker: {
    kind: 'integer',
    default: 1,
    min: 1,
    option: 'hosts_per_worker',
    description:
      'Tasks that one worker of a platform runs at a time; it asks for that many times cpus, gpus and memory.',
  },
  time: {
    kind: 'timeout',
    default: null,
    option: 'time',
    description: "Time that a platform gives a worker; null: the platform's own limit.",
  },
  partition: {
    kind: 'word',
    default: null,
    option: 'partition',
    description: 'Slurm partition, or several with commas between; null: the default of the cluster.',
  },
  account: {
    kind: 'word',
    default: null,
    option: 'account',
    description: 'Slurm account that the time is charged to.',
  },
  qos: {
    kind: 'word',
    default: null,
    option: 'qos',
    description: 'Slurm quality of service.',
  },
  constraint: {
    kind: 'word',
    default: null,
    option: 'constraint',
    description: 'Features that Slurm nodes must have.',
  },
  nodelist: {
    kind: 'word',
    default: null,
    option: 'nodelist',
    description: 'Slurm nodes to use.',
  },
  exclude: {
    kind: 'word',
    default: null,
    option: 'exclude',
    description: 'Slurm nodes not to use.',
  },
  slurm: {
    kind: 'options',
    default: {},
    option: 'slurm',
    description:
      'Further options of sbatch by their long names; a stronger place adds to them, and takes one away with false.',
  },
  earthone: {
    kind: 'options',
    default: {},
    description:
      'EarthOne Compute: env (production), compute_url, iam_url, catalog_url, token_path; variables EARTHONE_* do the same.',
  },
  setup: {
    kind: 'lines',
    default: [],
    description:
      "Lines of shell that run on a node before a worker starts there, as `module load`, in the project's root.",
  },
  node: {
    kind: 'word',
    default: null,
    description:
      'Node.js that workers of a platform run on, a name or a path; null: this one where a node has it, else the one on PATH.',
  },
  worker_timeout: {
    kind: 'seconds',
    default: 120,
    description:
      'Time after which a worker of a platform that gives no sign of life counts as gone; others then take its tasks.',
  },
  python: {
    kind: 'text',
    default: 'python3',
    description: 'Python interpreter for Python tasks: a name or a path.',
  },
  gpu_ids: {
    kind: 'ids',
    default: null,
    description: 'GPUs that tasks may use, as a list of their ids; null asks nvidia-smi.',
  },
  container: {
    kind: 'choice',
    default: 'none',
    choices: CONTAINER_CHOICES,
    option: 'container',
    description:
      'Program that runs tasks inside their image; auto takes the first that works; none runs them without one.',
  },
  durability: {
    kind: 'choice',
    default: 'batch',
    choices: ['batch', 'record', 'none'],
    description: 'When outcomes are forced to disk: for each batch, for each record, or never.',
  },
  retries: {
    kind: 'integer',
    default: 0,
    min: 0,
    option: 'retries',
    description: 'Further tries of a task that failed in one of the ways of retry_on.',
  },
  retry_on: {
    kind: 'choices',
    default: ['crash', 'oom', 'timeout'],
    choices: FAILURE_TYPES,
    option: 'retry_on',
    description: 'Failure types that are tried again.',
  },
  retry_delay: {
    kind: 'seconds',
    default: 1,
    option: 'retry_delay',
    description:
      'Time before the second try; it doubles with each further one, give or take a half, up to a minute.',
  },
  timeout: {
    kind: 'timeout',
    default: null,
    option: 'timeout',
    description: 'Time that one try of a task may take, from its start.',
  },
  memory: {
    kind: 'size',
    default: null,
    option: 'memory',
    description: 'Memory that one task may use.',
  },
  max_failures: {
    kind: 'threshold',
    default: null,
    option: 'max_failures',
    description: 'When more tasks than this have failed, no further ones are begun.',
  },
  fail_fast: {
    kind: 'boolean',
    default: false,
    option: 'fail_fast',
    description: 'Whether the first failure stops the run.',
  },
  shuffle: {
    kind: 'boolean',
    default: false,
    option: 'shuffle',
    description: 'Whether tasks run in a random order.',
  },
  ordered: {
    kind: 'boolean',
    default: false,
    option: 'ordered',
    description: 'Whether results and errors are in the order of the arguments once the run has ended.',
  },
  env: {
    kind: 'variables',
    default: {},
    description: 'Environment variables that tasks need: their names, or names with values.',
  },
  redact: {
    kind: 'patterns',
    default: [],
    description: 'Regular expressions; what they match in task output and error records is masked.',
  },
} as const satisfies Record<string, SettingSpec>;

export type SettingKey = keyof typeof SETTINGS;

interface KindValues {
  word: string | null;
  gpus: Gpus;
  lines: readonly string[];
  options: PlatformOptions;
  boolean: boolean;
  integer: number;
  text: string;
  image: string;
  switch: boolean | string;
  list: readonly string[];
  ids: readonly string[] | null;
  seconds: number;
  timeout: number | null;
  size: number | null;
  threshold: number | `${number}%` | null;
  patterns: readonly string[];
  variables: Variables;
}

type ValueOf<S> = S extends { kind: 'choice'; choices: readonly (infer C)[] }
  ? C
  : S extends { kind: 'choices' }
    ? readonly FailureType[]
    : S extends { kind: keyof KindValues }
      ? KindValues[S['kind']]
      : never;

/** A value for every setting. Images are addresses, never keys. */
export type Settings = { readonly [K in SettingKey]: ValueOf<(typeof SETTINGS)[K]> };

/** The names of all settings, in the order of the table. */
export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

/** True for the name of a setting (never for names that every object has, as `constructor`). */
export function isSettingKey(name: string): name is SettingKey {
  return Object.hasOwn(SETTINGS, name);
}

/** The table's entry for `key`, as the general type. */
export function settingSpec(key: SettingKey): SettingSpec {
  return SETTINGS[key];
}

/** The environment variable that sets `key`. */
export function environmentName(key: SettingKey): string {
  return `DL_JOBS_${key.toUpperCase()}`;
}

/** All settings at their defaults. */
export function defaultSettings(): Settings {
  return Object.fromEntries(SETTING_KEYS.map((key) => [key, SETTINGS[key].default])) as unknown as Settings;
}
