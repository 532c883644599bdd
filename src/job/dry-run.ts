/** `--dry-run`: what a run would be, found out without making it. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Packages } from '../contract/packages.js';
import type { PlatformPlan } from '../contract/plan.js';
import type { JobSpec, OutputPaths } from '../contract/spec.js';
import type { Snapshot } from '../snapshot/snapshot.js';
import { runPaths, runsFolder } from '../store/run-folder.js';
import { newRunId } from '../store/run-id.js';
import { countList, type ListLength } from './count-list.js';
import { findJobFunction } from './job-function.js';
import { outputsOf, readJob, type PrepareContext } from './prepare.js';
import { processors } from './resolve-job.js';
import { callFound, type CallOptions } from './run.js';
import { prepareContexts, type InvocationOptions } from './run-jobs.js';
import type { Reporter } from './reporter.js';
import type { RunnableJob } from './runnable-job.js';

/** What a run of a job would be. */
export interface JobPlan {
  readonly spec: JobSpec;
  readonly list: ListLength;
  /** Tasks that would run now: fewer than the list has, where only a sample was asked for. */
  readonly tasks: number;
  readonly snapshot: SnapshotSize;
  /** What would be installed where it is not there yet; null: nothing. */
  readonly packages: Packages | null;
  readonly outputs: OutputPaths;
  /** As it would be called now. */
  readonly runFolder: string;
  /** What the platform would do; null: it does not tell. */
  readonly platform: PlatformPlan | null;
  readonly warnings: readonly string[];
}

export interface SnapshotSize {
  /** The user's files. */
  readonly files: number;
  /** Of them, and of what was made of them. */
  readonly bytes: number;
  readonly largest: readonly { readonly file: string; readonly bytes: number }[];
}

/** Files that a plan names. */
const LARGEST = 10;

export interface PlanOptions extends InvocationOptions {
  /** Aborting it ends the looking. */
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}

/** Calls the job function `method` and tells what its jobs would be. Throws as {@link callAndRun} does for broken ones. */
export async function callAndPlan(
  method: string,
  options: CallOptions & PlanOptions & Required<Pick<CallOptions, 'cwd' | 'base'>>,
): Promise<JobPlan[]> {
  return await withoutTraces(async (cacheRoot) => {
    const found = await findJobFunction(method, options.base, cacheRoot);
    const { jobs, invocation } = await callFound(found, method, options);
    return await plans(
      jobs,
      { ...invocation, signal: options.signal, reporter: options.reporter },
      cacheRoot,
    );
  });
}

/** What runs of these jobs would be. Throws for the first that is broken. */
export async function planJobs(jobs: readonly RunnableJob[], options: PlanOptions): Promise<JobPlan[]> {
  return await withoutTraces((cacheRoot) => plans(jobs, options, cacheRoot));
}

/** What is made on the way goes into a folder that is removed in the end. */
async function withoutTraces<T>(work: (cacheRoot: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'dl-jobs-dry-run-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function plans(
  jobs: readonly RunnableJob[],
  options: PlanOptions,
  cacheRoot: string,
): Promise<JobPlan[]> {
  const contexts = await prepareContexts(jobs.length, options);
  const made: JobPlan[] = [];
  for (const [at, job] of jobs.entries()) {
    made.push(await planJob(job, { ...(contexts[at] as PrepareContext), cacheRoot }, options.signal));
  }
  return made;
}

async function planJob(job: RunnableJob, context: PrepareContext, signal: AbortSignal): Promise<JobPlan> {
  const { settings, root, dlsRoot, platform, spec, list, env, packages, snapshot } = await readJob(
    job,
    context,
  );
  const length = await countList(list, spec.limit, signal);
  const tasks = Math.min(length.tasks, spec.sample ?? Infinity);
  const now = new Date();
  const runId = newRunId(`${spec.moduleName}.${spec.methodName}`, now);
  const { dir } = runPaths(join(runsFolder(dlsRoot), runId));
  return {
    spec,
    list: length,
    tasks,
    snapshot: sizeOf(snapshot),
    packages,
    outputs: outputsOf(job, settings, root, now, context.takenNames),
    runFolder: dir,
    platform: (await platform.plan?.({ spec, runId, dir, projectRoot: root, env, tasks })) ?? null,
    warnings: processors(settings).warnings,
  };
}

function sizeOf({ root, files }: Snapshot): SnapshotSize {
  const sizes = files.map(({ file, code, map }) => ({
    file,
    bytes: statSync(join(root, file)).size + Buffer.byteLength(code) + Buffer.byteLength(map),
  }));
  return {
    files: sizes.length,
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    largest: sizes.sort((a, b) => b.bytes - a.bytes).slice(0, LARGEST),
  };
}
