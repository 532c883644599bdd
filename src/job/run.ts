/** The `run` helper: finds a job function, calls it, and runs the jobs it returns. The command line is built on it. */
import { DlJobsError, describeValue, JobError } from '../base/errors.js';
import { loadSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import type { JobOrigin } from '../contract/spec.js';
import { bindWords, unreadKeywords, usageLine, type FunctionSignature } from '../snapshot/signature.js';
import { withJobDefaults } from './ambient.js';
import { consoleReporter } from './console-reporter.js';
import { DLJob, isDLJob } from './dl-job.js';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ExpectedRun } from '../contract/platform.js';
import { loadPlatform } from '../platforms/registry.js';
import { note, noted } from '../snapshot/trace-cache.js';
import { dlsRootOf } from './prepare.js';
import { isAbort, orAborted } from './or-aborted.js';
import { findJobFunction, type JobFunction } from './job-function.js';
import { callPythonJob, type PythonPlace } from './python-job.js';
import { runJobs, type InvocationOptions } from './run-jobs.js';
import type { RunSummary } from '../outputs/summary.js';

export interface CallOptions extends InvocationOptions {
  /** Positional words. */
  readonly args: readonly unknown[];
  /** Keyword words. */
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Options that were given, by their names: a job function that takes keywords gets them too. */
  readonly givenOptions?: Readonly<Record<string, unknown>>;
}

/**
 * Calls job function `method` (`tiles.segment`) and runs what it returns: one job, an array (in order), or nothing,
 * which gives a notice.
 */
export async function callAndRun(method: string, options: CallOptions): Promise<RunSummary[]> {
  const cwd = options.cwd ?? process.cwd();
  const base = options.base ?? (await loadSettings({ cwd, env: options.env ?? process.env }));
  const reporter = options.reporter ?? consoleReporter();
  const local = base.values.is_dev && options.settings?.is_dev !== false ? await loadPlatform('local') : null;
  // A run is mostly like the last one of that name: its processes boot while the job is looked for.
  const dlsRoot = dlsRootOf(base);
  const hint = `processes of ${method}`;
  const expected = expectedRun(noted(dlsRoot, hint));
  if (expected !== null) local?.prepare?.(join(dlsRoot, 'cache'), cwd, expected);
  try {
    const found = await findJobFunction(method, base);
    const { jobs, invocation } = await callFound(found, method, { ...options, cwd, base, reporter });
    const summaries = jobs.length === 0 ? [] : await runJobs(jobs, invocation);
    const [last] = summaries;
    if (last !== undefined) {
      const { language, python, container = 'none' } = last.spec;
      const hosts = container === 'none' ? Math.min(last.counts.done, availableParallelism()) : 0;
      note(dlsRoot, hint, JSON.stringify({ language, python, hosts } satisfies ExpectedRun));
    }
    return summaries;
  } finally {
    local?.release?.();
  }
}

/** From a note of an earlier run; null without one. */
function expectedRun(noted: string): ExpectedRun | null {
  try {
    return JSON.parse(noted) as ExpectedRun;
  } catch {
    return null;
  }
}

type Called = CallOptions & Required<Pick<CallOptions, 'cwd' | 'base' | 'reporter'>>;

/** What a job function returned, and how it is to be run. */
export interface CalledJobs {
  readonly jobs: readonly DLJob[];
  readonly invocation: InvocationOptions;
}

/** Calls the job function `found`, which is `method` as it was typed; no job gives a notice. */
export async function callFound(found: JobFunction, method: string, options: Called): Promise<CalledJobs> {
  const { base, reporter } = options;
  if (found.python !== undefined) return await callPython(found, found.python, method, options);
  const { signature } = found;
  const takesKeywords = signature.params.at(-1)?.kind === 'object';
  const passed = Object.fromEntries(
    Object.entries(options.givenOptions ?? {}).filter(
      ([name]) => takesKeywords && readsKeyword(signature, name),
    ),
  );
  const ignored = unreadKeywords(signature, options.kwargs);
  if (ignored.length > 0) {
    reporter.warn(
      `${method} does not read the keyword ${ignored.join(', ')}: ${usageLine(signature, method)}`,
    );
  }
  const bound = bindWords(signature, options.args, mergeOwn(passed, options.kwargs), method);
  const fn = await found.load();
  const commandLine = options.settings ?? {};
  let returned: unknown;
  try {
    returned = await withJobDefaults({ base, commandLine, obeysDev: true }, () =>
      orAborted(options.signal, async () => fn(...bound)),
    );
  } catch (error) {
    if (error instanceof DlJobsError || isAbort(error, options.signal)) throw error;
    const text = error instanceof Error ? (error.stack ?? String(error)) : describeValue(error);
    throw new JobError('JOB_INVALID', `${method} threw: ${found.mapStack(text)}`, {
      hint: 'No task was run.',
      cause: error,
    });
  }
  return calledJobs(jobsOf(returned, method), passed, found, method, options);
}

/** As {@link callFound}: words and options become arguments by Python's own rules. */
async function callPython(
  found: JobFunction,
  place: PythonPlace,
  method: string,
  options: Called,
): Promise<CalledJobs> {
  const { base, cwd, args, kwargs, givenOptions = {} } = options;
  const commandLine = options.settings ?? {};
  const settings = { ...base.values, ...commandLine };
  const call = { args, kwargs, options: givenOptions, settings, cwd, label: method };
  const { jobs, taken } = await withJobDefaults({ base, commandLine, obeysDev: true }, () =>
    orAborted(options.signal, () => callPythonJob(place, call)),
  );
  const passed = Object.fromEntries(taken.map((option) => [option, givenOptions[option]]));
  return calledJobs(jobs, passed, found, method, options);
}

/** @param passed - options that the job function was given */
function calledJobs(
  jobs: readonly DLJob[],
  passed: Readonly<Record<string, unknown>>,
  found: JobFunction,
  method: string,
  options: Called,
): CalledJobs {
  if (jobs.length === 0) {
    options.reporter.notice(`no job was found for ${method}: it returned nothing, so nothing was run`);
  }
  // A job function that reads `args_list` decides what becomes of it; else it replaces what the jobs have.
  const argsList = Object.hasOwn(passed, 'args_list') ? undefined : options.givenOptions?.['args_list'];
  const origin: JobOrigin = {
    file: found.file,
    method: found.method,
    args: options.args,
    kwargs: mergeOwn(passed, options.kwargs),
    job: 0,
  };
  return {
    jobs: isArgsList(argsList) ? jobs.map((job) => withArgsList(job, argsList)) : jobs,
    invocation: { ...options, origin, obeysDev: true },
  };
}

/** True when the function can see a keyword of that name. */
function readsKeyword(signature: FunctionSignature, name: string): boolean {
  return unreadKeywords(signature, { [name]: true }).length === 0;
}

/** Own properties of both, the second winning; `__proto__` is a name like any other. */
function mergeOwn(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  for (const [name, value] of [...Object.entries(a), ...Object.entries(b)]) {
    Object.defineProperty(merged, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return merged;
}

function isArgsList(value: unknown): value is string | readonly unknown[] {
  return typeof value === 'string' || Array.isArray(value);
}

function withArgsList(job: DLJob, argsList: string | readonly unknown[]): DLJob {
  const { args: _args, kwargs: _kwargs, ...rest } = job.options;
  return new DLJob({ ...rest, argsList });
}

/** `null` and `undefined` in a list are passed over, as in the original. */
export function jobsOf(returned: unknown, method: string): DLJob[] {
  const list = Array.isArray(returned) ? (returned as unknown[]) : [returned];
  return list.flatMap((item) => {
    if (item === null || item === undefined) return [];
    if (isDLJob(item)) return [item];
    throw new JobError(
      'JOB_INVALID',
      `${method}: expected a DLJob, an array of them or nothing, got ${describeValue(item)}`,
      {
        hint: 'Return new DLJob({ moduleName, … }).',
      },
    );
  });
}

/** Arguments of {@link run}. */
export interface RunOptions extends Omit<
  InvocationOptions,
  'base' | 'settings' | 'origin' | 'codeRoot' | 'obeysDev'
> {
  /** Module of the job function, dotted, in `moduleDir`. */
  readonly moduleName: string;
  /** @default the setting `default_method` */
  readonly methodName?: string;
  /** Positional arguments of the job function. @default none */
  readonly args?: readonly unknown[];
  /** Keyword arguments, for its last parameter. @default none */
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** @default the setting `is_dev`: true forces `local` */
  readonly dev?: boolean;
  /** Cores a task may use; wins over the job. @default what the job says, else the setting `cpus` */
  readonly cpus?: number;
  /** GPUs a task needs, as `2` or `'a100:2'`; wins over the job. @default what the job says, else the setting `gpus` */
  readonly gpus?: number | string;
  /** True: on CPUs; wins over the job. @default what the job says, else the setting `cpu_job` */
  readonly cpuJob?: boolean;
  /** Address or key; wins over the job. @default what the job says, else the setting `cpu_image` */
  readonly cpuImage?: string;
  /** Address or key; wins over the job. @default what the job says, else the setting `gpu_image` */
  readonly gpuImage?: string;
  /** The path of a file of arguments, or the arguments, instead of those the job has. */
  readonly argsList?: string | readonly unknown[];
  /** Print each task's output after the run. @default what the job says, else the setting `print_logs` */
  readonly printLogs?: boolean;
  /** Print each result. @default what the job says, else the setting `noisy` */
  readonly noisy?: boolean;
  /** @default the setting `module_dir` */
  readonly moduleDir?: string;
}

/**
 * Finds a job function, calls it with `args` and `kwargs`, and runs the jobs it returns, in order.
 * Resolves to their summaries; none when it returned nothing.
 *
 * @throws DlJobsError when the function is not found, or a job is broken.
 */
export async function run(options: RunOptions): Promise<RunSummary[]> {
  const { moduleName, methodName, args, kwargs, dev, moduleDir, argsList, ...rest } = options;
  const { cpus, gpus, cpuJob, cpuImage, gpuImage, printLogs, noisy, ...invocation } = rest;
  const given = { cpus, gpus, cpu_job: cpuJob, cpu_image: cpuImage, gpu_image: gpuImage, noisy };
  const settings = definedOnly({
    ...given,
    is_dev: dev,
    print_logs: printLogs,
    module_dir: moduleDir,
  }) as Partial<Settings>;
  const cwd = options.cwd ?? process.cwd();
  let base = await loadSettings({ cwd, env: options.env ?? process.env });
  if (moduleDir !== undefined) base = { ...base, values: { ...base.values, module_dir: moduleDir } };
  const method = methodName ?? base.values.default_method;
  return await callAndRun(`${moduleName}.${method}`, {
    ...invocation,
    base,
    cwd,
    settings,
    args: args ?? [],
    kwargs: kwargs ?? {},
    givenOptions: definedOnly({ ...given, args_list: argsList }),
  });
}

function definedOnly(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
