import type { TaskResult } from '../base/decorators.js';
import { Timer } from '../base/timer.js';
import { jobDefaults } from './ambient.js';
import { checkOptions } from './check-options.js';
import type { DLJobOptions } from './options.js';
import { jobPlatform, jobSettings, processors } from './resolve-job.js';
import type { RunContextOptions } from './run-jobs.js';
import type { RunSummary } from '../outputs/summary.js';
import { preciseTimestamp } from '../store/run-id.js';

/** Set on each job, whichever copy of the package made it. */
const BRAND = Symbol.for('dl-jobs.DLJob');

/** True for a {@link DLJob}, also one that another copy of the package made. */
export function isDLJob(value: unknown): value is DLJob {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

/**
 * A job: a task function, and the arguments to run it over.
 *
 * ```ts
 * const job = new DLJob<typeof import('../tiles/segment.js').segment>({
 *   moduleName: 'tiles.segment',
 *   methodName: 'segment',
 *   argsList: tiles(),
 * });
 * const summary = await job.run();
 * ```
 *
 * The attributes that the configuration decides (`cpus`, `noisy`, `resultsDir` …) show what is in force inside a job
 * function; in a script they are settled when {@link run} reads the configuration.
 */
export class DLJob<F = unknown> {
  /** As given. */
  readonly options: DLJobOptions<F>;
  /** Module of the task function, dotted. */
  readonly moduleName: string;
  /** The task function. */
  readonly methodName: string;
  /** `module.method` */
  readonly method: string;
  /** True: it runs on the configured platform, unless `--dev true`. */
  readonly platformJob: boolean;
  /** Time the job was made, `20261123T031455.123`. */
  readonly startTimestamp: string;
  /** Stands in the names of the output files. */
  readonly name: string;
  /** A list that a task returns is one line (true), or one line an element. */
  readonly groupedResults: boolean;
  /** The time stands in the names of results and errors files. */
  readonly resultsTimestamp: boolean;
  /** Of a single task; empty otherwise. */
  readonly args: unknown;
  /** Of a single task; empty otherwise. */
  readonly kwargs: unknown;
  /** One element a task; undefined for a single task. */
  readonly argsList: DLJobOptions<F>['argsList'];
  /** More modules in the snapshot of the code. */
  readonly modules: readonly string[];
  /** Requirements, or the path of their file. */
  readonly requirements: readonly string[] | string | null;
  /** Data files for platforms. */
  readonly data: readonly string[];
  /** Further settings for platforms. */
  readonly taskKwargs: Readonly<Record<string, unknown>>;
  /** Runs while the job does. */
  readonly timer = new Timer();
  cpus: number;
  gpus: number;
  cpuJob: boolean;
  cpuImage: string;
  gpuImage: string;
  noisy: boolean;
  saveResults: boolean | string;
  saveErrors: boolean | string;
  resultsDir: string;
  errorsDir: string;
  log: boolean | string;
  logDir: string;
  /** Paths of the last run, absolute; null before, or when nothing was written. */
  resultsPath: string | null = null;
  errorsPath: string | null = null;
  logFile: string | null = null;
  /** The last run, which {@link printLogs} prints from. */
  summary: RunSummary<Awaited<TaskResult<F>>> | null = null;

  /** Throws JOB_INVALID for an option that is unknown, of the wrong type, or at odds with another. */
  constructor(options: DLJobOptions<F>) {
    checkOptions(options);
    Object.defineProperty(this, BRAND, { value: true });
    this.options = options;
    this.moduleName = options.moduleName;
    this.methodName = options.methodName ?? 'task';
    this.method = DLJob.fullMethodName(this.moduleName, this.methodName);
    this.platformJob = options.platformJob ?? false;
    this.startTimestamp = preciseTimestamp(new Date());
    this.groupedResults = options.groupedResults ?? false;
    this.resultsTimestamp = options.resultsTimestamp ?? true;
    this.args = options.args ?? [];
    this.kwargs = options.kwargs ?? {};
    this.argsList = options.argsList;
    this.modules = options.modules ?? [];
    this.requirements = options.requirements ?? null;
    this.data = options.data ?? [];
    this.taskKwargs = options.taskKwargs ?? {};
    const { base, commandLine, obeysDev } = jobDefaults();
    const settings = jobSettings(base, options, commandLine);
    const { values } = settings;
    const where = jobPlatform(options, settings, obeysDev) === 'local' ? 'local' : 'platform';
    this.name = options.name ?? `dljob_${this.method}-${this.startTimestamp}-${where}`;
    const { cpuJob, cpus, gpus } = processors(settings);
    this.cpus = cpus;
    this.gpus = gpus;
    this.cpuJob = cpuJob;
    this.cpuImage = values.cpu_image;
    this.gpuImage = values.gpu_image;
    this.noisy = values.noisy;
    this.saveResults = values.save_results;
    this.saveErrors = values.save_errors;
    this.resultsDir = values.results_dir;
    this.errorsDir = values.errors_dir;
    this.log = values.log;
    this.logDir = values.log_dir;
  }

  /** `a.b` */
  static fullMethodName(moduleName: string, methodName: string): string {
    return `${moduleName}.${methodName}`;
  }

  /**
   * Runs the job and resolves to its summary. A failed task is counted in it.
   *
   * Rejects only for a broken job: a module or function that is not there or does not load, a wrong setting,
   * arguments that are no JSON, a disk that cannot be written.
   */
  async run(options: RunContextOptions = {}): Promise<RunSummary<Awaited<TaskResult<F>>>> {
    const { runOneJob } = await import('./run-jobs.js');
    this.timer.start();
    const summary = await runOneJob(this, options);
    this.timer.stop();
    this.summary = summary as RunSummary<Awaited<TaskResult<F>>>;
    return this.summary;
  }

  /** Runs the job here, whatever `platformJob` says. */
  async localRun(options: RunContextOptions = {}): Promise<RunSummary<Awaited<TaskResult<F>>>> {
    return await this.run({ ...options, settings: { ...options.settings, is_dev: true } });
  }

  /** Runs the job on the configured platform, whatever `platformJob` says. */
  async platformRun(options: RunContextOptions = {}): Promise<RunSummary<Awaited<TaskResult<F>>>> {
    return await this.run({ ...options, onPlatform: true });
  }

  /** Prints what the tasks of the last run wrote, task by task. */
  async printLogs(options: RunContextOptions = {}): Promise<void> {
    const { printRunLogs } = await import('./print-logs.js');
    if (this.summary !== null) printRunLogs(this.summary, options);
  }
}
