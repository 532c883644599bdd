/** What a job is, as plain data: written to `run.json`, read by every platform and host. */
import type { Policy } from './policy.js';

/** Version of `run.json` and of the layout of the run folder. Readers refuse a higher one. */
export const RUN_VERSION = 1;

export type Language = 'node' | 'python';

/** What may run tasks inside their image. `auto`: the first that works of those that follow. */
export const CONTAINER_CHOICES = ['none', 'auto', 'podman', 'docker', 'apptainer', 'pyxis'] as const;
export type ContainerChoice = (typeof CONTAINER_CHOICES)[number];

export interface JobSpec {
  /** Dotted module of the task function, relative to the project root: `tiles.segment`. */
  readonly moduleName: string;
  readonly methodName: string;
  /** Where that module is, relative to the project root, `/` as separator. */
  readonly file: string;
  readonly language: Language;
  /** `single`: one call with `args`/`kwargs`. `each`: one call an element of the argument list. */
  readonly call: 'each' | 'single';
  /** `local`, or the platform the job runs on. */
  readonly platform: string;
  /** Name of the job: stands in the names of its output files. */
  readonly name: string;
  readonly cpuJob: boolean;
  /** The image that fits the job: `cpuImage` or `gpuImage`. */
  readonly image: string;
  /** What runs tasks inside that image. Runs of older versions do not say: `none`. */
  readonly container?: ContainerChoice;
  /** Cores a task may use. */
  readonly cpus: number;
  /** GPUs a task needs. */
  readonly gpus: number;
  /** Which GPUs, by the name that the platform has for them; null: any. */
  readonly gpuType: string | null;
  readonly gpuIds: readonly string[] | null;
  /** Tasks at a time; 0: as many as the machine has room for. */
  readonly workers: number;
  /** Tasks at a time inside one host. */
  readonly taskConcurrency: number;
  /** The Python interpreter: a name or a path. */
  readonly python: string;
  readonly groupedResults: boolean;
  readonly noisy: boolean;
  readonly printLogs: boolean;
  readonly suppress: readonly string[];
  readonly durability: 'batch' | 'record' | 'none';
  /** Run only this many tasks: the list ends there. */
  readonly limit: number | null;
  /** Try this many tasks first, picked from the whole list; the others are left for `resume`. */
  readonly sample: number | null;
  readonly policy: Policy;
  /** Results and errors are put into the order of the arguments when the run ends. */
  readonly ordered: boolean;
  /** Names of the environment variables that the job asks for. Their values are nowhere on disk. */
  readonly env: readonly string[];
  /** Those of {@link env} whose values the job gave itself, instead of leaving them to the environment. */
  readonly envGiven: readonly string[];
  /** Regular expressions; what they match in task output and in error records is replaced by asterisks. */
  readonly redact: readonly string[];
  readonly modules: readonly string[];
  readonly requirements: readonly string[] | string | null;
  readonly data: readonly string[];
  readonly taskKwargs: Readonly<Record<string, unknown>>;
  readonly slurm: SlurmSpec;
  /** Where EarthOne is. Runs of older versions do not say. */
  readonly earthone?: Readonly<Record<string, string | number | boolean>>;
}

/** What a job asks of Slurm. */
export interface SlurmSpec {
  /** Seconds that a worker may last; null: as long as the partition allows. */
  readonly time: number | null;
  readonly partition: string | null;
  readonly account: string | null;
  readonly qos: string | null;
  readonly constraint: string | null;
  readonly nodelist: string | null;
  readonly exclude: string | null;
  /** Tasks at a time, of all workers. */
  readonly maxWorkers: number;
  /** Tasks at a time of one worker: an array element asks for that many times a task's cpus, gpus and memory. */
  readonly hostsPerWorker: number;
  /** Further options of sbatch by their long names; false: not given. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** Lines of shell that run before a worker starts. */
  readonly setup: readonly string[];
  /** Node.js of the workers, a name or a path; empty: that of the submitting process where a node has it, else on PATH. */
  readonly node: string;
  /** A worker that gives no sign of life for so many seconds is gone, and others take its tasks. */
  readonly workerTimeout: number;
}

/** What a run asks of Slurm that was made before there was a word for it. */
export const NO_SLURM: SlurmSpec = {
  time: null,
  partition: null,
  account: null,
  qos: null,
  constraint: null,
  nodelist: null,
  exclude: null,
  maxWorkers: 16,
  hostsPerWorker: 1,
  options: {},
  setup: [],
  node: '',
  workerTimeout: 120,
};

/** Where a run's outputs go, absolute; null: not wanted. */
export interface OutputPaths {
  readonly results: string | null;
  readonly errors: string | null;
  readonly log: string | null;
  /** True when `results`/`errors` has a fixed name (no timestamp in it): an older file there is moved aside. */
  readonly fixedNames: boolean;
  /** True when `log` was named by the user: it is appended to. */
  readonly fixedLog: boolean;
}

/** `run.json`: written once, never changed. */
export interface RunFile {
  readonly version: number;
  readonly id: string;
  /** Jobs of one invocation share it. */
  readonly group: string;
  /** Position within the group, and the group's size. */
  readonly groupIndex: number;
  readonly groupSize: number;
  /** ISO 8601 in UTC. */
  readonly created: string;
  /** Where the run folder was made, absolute: when it is elsewhere, the project may have been moved. */
  readonly dir: string;
  readonly projectRoot: string;
  /** Root of the task's modules: the project's, or a folder of this package for the built-in test job. */
  readonly codeRoot: string;
  /** Where the user stood: working directory of the hosts. */
  readonly cwd: string;
  readonly spec: JobSpec;
  readonly code: string;
  /** The file to load, relative to the snapshot's root. */
  readonly entry: string;
  /** The file that the arguments are read from, absolute; null: they come from elsewhere. */
  readonly argsFile: string | null;
  readonly outputs: OutputPaths;
  /** How the job came to be; null for a job that a script made. */
  readonly origin: JobOrigin | null;
  readonly versions: { readonly dlJobs: string; readonly node: string };
}

/** The job function that made a job, and the words it was called with. */
export interface JobOrigin {
  /** Relative to the project root. */
  readonly file: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Those of the command line, and the options of the command line that the function reads. */
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Which of the jobs that it returned. */
  readonly job: number;
}
