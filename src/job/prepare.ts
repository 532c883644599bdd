/** From a job to a run folder that is ready to be committed. */
import { existsSync, rmSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { DlJobsError, JobError } from '../base/errors.js';
import { packageRoot } from '../base/package-root.js';
import { toJson } from '../base/value-json.js';
import type { ResolvedSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import type { Platform } from '../contract/platform.js';
import {
  RUN_VERSION,
  type JobOrigin,
  type JobSpec,
  type OutputPaths,
  type RunFile,
} from '../contract/spec.js';
import type { Packages } from '../contract/packages.js';
import { readPackages } from '../envs/read-packages.js';
import { loadPlatform } from '../platforms/registry.js';
import { findModule } from '../snapshot/find-module.js';
import { loadedFile, realRoot, takeSnapshot, type Snapshot } from '../snapshot/snapshot.js';
import { takeLock } from '../store/lock.js';
import { resourcesOf } from '../store/rounds.js';
import { createRunFolder } from '../store/run-folder.js';
import { newRunId, preciseTimestamp } from '../store/run-id.js';
import { tracingPython } from '../worker/host-command.js';
import { argumentList, CALL_TEXTS } from './argument-list.js';
import { redactPatterns } from '../worker/redact.js';
import { taskEnvironment } from './environment.js';
import { installPackages, refuseInContainer, useEnvironment } from './environments.js';
import { firstSource, type FirstArguments } from './first-source.js';
import type { DLJobOptions } from './options.js';
import { pythonModule } from '../snapshot/python-module.js';
import { outputPaths, unusedPaths } from './output-paths.js';
import { jobPlatform, jobSettings, jobSpec, processors } from './resolve-job.js';
import type { PreparedRound } from './round.js';
import type { RunnableJob } from './runnable-job.js';
import { withTaskKwargs } from './task-settings.js';
import { writeCode } from './write-code.js';

declare const DL_JOBS_VERSION: string;

export interface PrepareContext {
  readonly base: ResolvedSettings;
  readonly commandLine: Partial<Settings>;
  readonly cwd: string;
  /** The command line and the `run` helper obey `is_dev`; a script obeys `platformJob` alone. */
  readonly obeysDev: boolean;
  readonly onPlatform: boolean;
  readonly limit: number | null;
  readonly sample: number | null;
  readonly group: string;
  readonly groupIndex: number;
  readonly groupSize: number;
  readonly origin: JobOrigin | null;
  /** Where the values of variables come from that `env` only names. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the task's modules are, when that is not the project. */
  readonly codeRoot: string | null;
  /** Names that runs of this invocation have. */
  readonly takenNames: Set<string>;
  /** Told what is installed, and what is passed over. */
  readonly notice: (text: string) => void;
  /** Aborted: nothing more is installed; the run exists all the same, to be resumed. */
  readonly signal: AbortSignal;
  /** Where `cache/` is, for who leaves nothing behind. Absolute. @default `dls_root` */
  readonly cacheRoot?: string;
}

/** A job that is known to be sound, before anything is written for it. */
export interface ReadJob {
  readonly settings: ResolvedSettings;
  /** Absolute, without symbolic links. */
  readonly root: string;
  /** Root of the task's modules. */
  readonly codeRoot: string;
  readonly dlsRoot: string;
  readonly platform: Platform;
  readonly spec: JobSpec;
  readonly list: FirstArguments;
  readonly env: Readonly<Record<string, string>>;
  /** What is to be installed; null: nothing. */
  readonly packages: Packages | null;
  readonly snapshot: Snapshot;
}

/** A new run and its first round. */
export interface PreparedRun {
  readonly job: RunnableJob;
  readonly first: PreparedRound;
}

/** Absolute path of `dls_root`. */
export function dlsRootOf(settings: ResolvedSettings): string {
  const { dls_root: root } = settings.values;
  return isAbsolute(root) ? root : join(realRoot(settings.project.root), root);
}

/** Throws a {@link DlJobsError} for all that makes a job broken before it starts. */
export async function readJob(job: RunnableJob, context: PrepareContext): Promise<ReadJob> {
  const options = job.options;
  const said = jobSettings(context.base, options, context.commandLine);
  const root = realRoot(said.project.root);
  const codeRoot = realRoot(context.codeRoot ?? guestRoot(options.moduleName, root) ?? root);
  const dlsRoot = dlsRootOf(said);
  const platform = await loadPlatform(
    context.onPlatform ? said.values.platform : jobPlatform(options, said, context.obeysDev),
  );
  const { settings, notices } = withTaskKwargs(said, options, platform);
  for (const notice of notices) context.notice(notice);
  const found = findModule(codeRoot, options.moduleName);
  const spec = jobSpec(options, settings, found, job.name, platform.name, {
    limit: smaller(options.limit ?? null, context.limit),
    sample: smaller(options.sample ?? null, context.sample),
  });
  refuseUnable(platform, spec);
  await platform.check?.(spec, context.environment);
  const packages = readPackages(spec.requirements, { language: spec.language, root, dlsRoot });
  refuseInContainer(packages, spec, settings.sources.container.where);
  const list = argumentsOf(options, spec, context.cwd);
  const env = taskEnvironment(settings.values.env, context.environment);

  const snapshot = await takeSnapshot({
    root: codeRoot,
    entries: [
      { file: found.file, language: found.language, module: options.moduleName },
      ...originEntry(context),
    ],
    modules: spec.modules,
    packages,
    dlsRoot,
    cacheRoot: context.cacheRoot,
    python: () => tracingPython(spec, root),
  });
  return { settings, root, codeRoot, dlsRoot, platform, spec, list, env, packages, snapshot };
}

/** Where the tasks of `dl_jobs.test_jobs` are, which no project has; null: the project has such a module. */
function guestRoot(moduleName: string, root: string): string | null {
  if (!moduleName.startsWith('dl_jobs.') || existsSync(join(root, 'dl_jobs', '__init__.py'))) return null;
  return join(packageRoot(), 'python');
}

/** As {@link readJob}, and then makes the run folder. Throws STORE_FAILED, too. */
export async function prepareRun(job: RunnableJob, context: PrepareContext): Promise<PreparedRun> {
  const options = job.options;
  const read = await readJob(job, context);
  const { settings, root, codeRoot, dlsRoot, platform, spec, list, env, packages, snapshot } = read;
  const { notice, signal } = context;
  const here = platform.capabilities.installsPackages === true ? null : packages;
  const environment = await installPackages(here, { root, dlsRoot, python: spec.python, notice, signal });
  const created = new Date();
  const id = newRunId(`${options.moduleName}.${spec.methodName}`, created);
  const paths = createRunFolder(dlsRoot, id);
  const lock = await takeLock(paths);
  try {
    return fill();
  } catch (error) {
    // Without its run.json a folder is no run.
    lock.release();
    rmSync(paths.dir, { recursive: true, force: true });
    throw error;
  }

  function fill(): PreparedRun {
    const code = writeCode(snapshot, paths.code);
    const run: RunFile = {
      version: RUN_VERSION,
      id,
      group: context.group,
      groupIndex: context.groupIndex,
      groupSize: context.groupSize,
      created: created.toISOString(),
      dir: paths.dir,
      projectRoot: root,
      codeRoot,
      cwd: context.cwd,
      spec,
      code: snapshot.hash,
      entry: loadedFile(snapshot, spec.file),
      argsFile: typeof options.argsList === 'string' ? resolve(context.cwd, options.argsList) : null,
      outputs: outputsOf(job, settings, root, created, context.takenNames),
      origin: context.origin,
      versions: {
        dlJobs: typeof DL_JOBS_VERSION === 'string' ? DL_JOBS_VERSION : '0.0.0-dev',
        node: process.versions.node,
      },
    };
    const first: PreparedRound = {
      paths,
      run,
      spec: useEnvironment(spec, environment, { code, root: codeRoot }),
      platform,
      lock,
      round: {
        version: 1,
        round: 1,
        kind: 'run',
        platform: platform.name,
        code: snapshot.hash,
        entry: run.entry,
        environment,
        again: 0,
        shuffle: spec.policy.shuffle || spec.sample !== null ? id : null,
        resources: resourcesOf(spec),
        policy: { ...spec.policy, durability: spec.durability },
      },
      work: null,
      code,
      survey: null,
      source: firstSource(list, paths, spec, id),
      lost: [],
      charged: new Map(),
      env,
      redact: redactPatterns(spec.redact, env),
      sample: spec.sample,
      warnings: processors(settings).warnings,
    };
    return { job, first };
  }
}

function refuseUnable(platform: Platform, spec: JobSpec): void {
  if (!platform.capabilities.languages.includes(spec.language)) {
    throw new JobError(
      'JOB_INVALID',
      `the platform ${platform.name} does not run ${spec.language} functions, got ${spec.file}`,
      {
        hint: `It runs: ${platform.capabilities.languages.join(', ')}.`,
      },
    );
  }
}

function argumentsOf(options: DLJobOptions, spec: JobSpec, cwd: string): FirstArguments {
  if (options.argsList !== undefined) return argumentList(options.argsList, cwd);
  const text = options.args === undefined ? undefined : CALL_TEXTS.get(options.args);
  if (text !== undefined) return { kind: 'single', line: text };
  try {
    return { kind: 'single', line: toJson({ args: options.args ?? [], kwargs: options.kwargs ?? {} }) };
  } catch (error) {
    if (!(error instanceof DlJobsError)) throw error;
    throw new JobError('ARGS_INVALID', `${spec.moduleName}: ${error.message.replace(/^result\.?/, '')}`, {
      hint: 'Arguments travel as JSON.',
    });
  }
}

/** Where the outputs of a run go that is made now. */
export function outputsOf(
  job: RunnableJob,
  settings: ResolvedSettings,
  root: string,
  created: Date,
  takenNames: Set<string>,
): OutputPaths {
  const options = job.options;
  const paths = outputPaths({
    root,
    settings: settings.values,
    name: job.name,
    nameHasTime: options.name === undefined,
    nameWithoutTime: job.name.replace(`-${job.startTimestamp}`, ''),
    time: preciseTimestamp(created),
    resultsTimestamp: options.resultsTimestamp ?? true,
  });
  return unusedPaths(paths, takenNames);
}

/** The job definition is part of the snapshot: an unfinished argument list is continued by calling it again. */
function originEntry({
  origin,
  codeRoot,
}: PrepareContext): { file: string; language: 'node' | 'python'; module: string }[] {
  if (origin === null || codeRoot !== null) return [];
  const { file, method } = origin;
  if (!file.endsWith('.py')) return [{ file, language: 'node', module: method }];
  const module = pythonModule(file);
  return module === null ? [] : [{ file, language: 'python', module }];
}

function smaller(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
