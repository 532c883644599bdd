/** Prepares a further round of a run: to finish it, or to run again what failed. */
import { existsSync, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { JobError, UsageError } from '../base/errors.js';
import type { ResolvedSettings } from '../config/load.js';
import type { Settings, Variables } from '../config/settings.js';
import type { JobSpec, RunFile } from '../contract/spec.js';
import { readCheckpoint } from '../outputs/checkpoint.js';
import { specOfRound } from '../outputs/log-notes.js';
import { sweepTemps } from '../outputs/outputs-of-run.js';
import { surveyRun, type Survey } from '../outputs/survey.js';
import { loadPlatform } from '../platforms/registry.js';
import { findModule } from '../snapshot/find-module.js';
import { relinkSnapshot } from '../snapshot/relink.js';
import { loadedFile, takeSnapshot } from '../snapshot/snapshot.js';
import { acceptDamage, acceptedDamage, type DamagedRegion } from '../store/damage.js';
import { takeLock, type HeldLock } from '../store/lock.js';
import { takeRequests } from '../store/requests.js';
import type { RoundFile } from '../store/rounds.js';
import { readMove, readRun, type RunPaths } from '../store/run-folder.js';
import { tracingPython } from '../worker/host-command.js';
import { maskFolder } from '../worker/mask-log.js';
import { retryWork, unfinishedWork, type RetryChoice } from './choose-work.js';
import { redactPatterns, taskEnvironment } from './environment.js';
import { LOST_AFTER } from './lost-tasks.js';
import { recallJob } from './recall.js';
import { recordedArguments, sourceOf } from './recorded-arguments.js';
import type { Reporter } from './reporter.js';
import { jobSettings } from './resolve-job.js';
import type { PreparedRound } from './round.js';
import { writeCode } from './write-code.js';

export interface ContinueOptions {
  readonly base: ResolvedSettings;
  /** Settings that this round has anew. */
  readonly settings: Partial<Settings>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly reporter: Reporter;
  /** Null: finish the run. */
  readonly retry: RetryChoice | null;
  /** Take the code as it is now. */
  readonly newCode: boolean;
  /** Finish what was recorded of an argument list that cannot be continued. */
  readonly seal: boolean;
  readonly skipDamaged: boolean;
}

/**
 * The next round of a run, whose lock is held from here on; null: there is nothing to do.
 *
 * Throws RUN_LOCKED, JOURNAL_DAMAGED, ARGS_UNFINISHED, ARGS_CHANGED, ENV_MISSING, TASK_NOT_FOUND, and what makes a job
 * broken with `newCode`.
 */
export async function prepareContinuation(
  paths: RunPaths,
  options: ContinueOptions,
): Promise<PreparedRound | null> {
  const { reporter } = options;
  const run = readRun(paths);
  const lock = await takeLock(paths, {
    onWait: ({ host, pid, since }) =>
      reporter.notice(
        `${run.id} is controlled by process ${pid} on ${host} since ${since}: looking for a minute whether it lives`,
      ),
  });
  try {
    const round = await nextRound(paths, run, lock, options);
    if (round === null) lock.release();
    return round;
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function nextRound(
  paths: RunPaths,
  run: RunFile,
  lock: HeldLock,
  options: ContinueOptions,
): Promise<PreparedRound | null> {
  const { retry, base, environment } = options;
  sweepTemps(paths, run);
  // What was asked of the controller before us is not meant for us.
  takeRequests(paths);
  const survey = readJournal(paths, options);
  const last = survey.rounds.at(-1);
  const spec = overlaidSpec(specOfRound(run.spec, last), options.settings);
  const args = await recordedArguments(paths, run, options);
  const work =
    retry === null
      ? unfinishedWork(paths, survey, args.count, args.list !== null)
      : retryWork(paths, run, survey, args.count, retry);
  const lost = [...survey.vanished].flatMap(([task, times]) =>
    retry === null && times >= LOST_AFTER && work.has(task) ? [task] : [],
  );
  for (const task of lost) work.remove(task);
  if (
    work.size === 0 &&
    !work.open &&
    lost.length === 0 &&
    (retry !== null || isCollected(paths, run, survey))
  ) {
    args.close();
    return null;
  }
  const variables = await variablesOf(paths, run, options);
  const env = taskEnvironment(variables, environment);
  const redact = redactPatterns(spec.redact, env);
  // A worker that was killed may not have got to it.
  if (redact.length > 0) maskFolder(paths.logs, redact);
  const code = await codeOf(paths, run, last, base, options.newCode);
  const number = (last?.round ?? 0) + 1;
  const shuffle = spec.policy.shuffle ? `${run.id} ${number}` : null;
  const { durability, policy } = spec;
  return {
    paths,
    run,
    spec,
    platform: await loadPlatform(spec.platform),
    lock,
    round: {
      version: 1,
      round: number,
      kind: retry === null ? 'resume' : 'retry',
      platform: spec.platform,
      code: code.hash,
      entry: code.entry,
      again: retry?.again === true ? number : retry === null ? (last?.again ?? 0) : 0,
      shuffle,
      resources: {
        cpus: spec.cpus,
        gpus: spec.gpus,
        workers: spec.workers,
        taskConcurrency: spec.taskConcurrency,
      },
      policy: { ...policy, durability },
    },
    work,
    code: code.folder,
    survey,
    source: sourceOf(paths, args, work, {
      shuffle,
      charged: retry === null ? survey.charged : new Map(),
    }),
    lost,
    env,
    redact,
    sample: null,
    warnings: [],
  };
}

/**
 * False: somebody died after the last outcome was recorded and before the outputs had it, or a power failure has cut
 * them. A round without tasks mends that.
 */
function isCollected(paths: RunPaths, run: RunFile, { shards, lengths }: Survey): boolean {
  const checkpoint = readCheckpoint(paths, shards, lengths);
  if (checkpoint === null || shards.some((path, i) => checkpoint.shards[basename(path)] !== lengths[i]))
    return false;
  return (['results', 'errors'] as const).every((kind) => {
    const path = run.outputs[kind];
    const there = path === null ? undefined : statSync(path, { throwIfNoEntry: false });
    const position = checkpoint[kind];
    // What the user has taken away or replaced is the user's business: `dl_jobs outputs` makes it anew.
    return (
      there === undefined || position === null || there.ino !== position.inode || there.size >= position.size
    );
  });
}

function readJournal(paths: RunPaths, { skipDamaged, reporter }: ContinueOptions): Survey {
  if (!skipDamaged) return surveyRun(paths, { forNextRound: true });
  const regions = new Map<string, DamagedRegion>();
  const survey = surveyRun(paths, {
    forNextRound: true,
    onDamage: (region) => {
      regions.set(`${region.shard} ${region.from}`, region);
      return true;
    },
  });
  const known = acceptedDamage(paths);
  const fresh = [...regions.values()].filter(
    (region) => !known.some(({ shard, from }) => shard === region.shard && from === region.from),
  );
  if (fresh.length === 0) return survey;
  acceptDamage(paths, fresh);
  const bytes = fresh.reduce((sum, { from, to }) => sum + to - from, 0);
  reporter.warn(
    `${fresh.length} damaged parts of the journal (${bytes} bytes) are passed over; their tasks run again`,
  );
  return survey;
}

/** What this round says differently. */
function overlaidSpec(spec: JobSpec, settings: Partial<Settings>): JobSpec {
  const or = <T>(given: T | undefined, was: T): T => (given === undefined ? was : given);
  const { policy } = spec;
  return {
    ...spec,
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
  };
}

/** The variables that tasks get; values that the job gave are found where it gave them, for they were not written down. */
async function variablesOf(paths: RunPaths, run: RunFile, { base }: ContinueOptions): Promise<Variables> {
  const { env, envGiven } = run.spec;
  const variables: Record<string, string | null> = Object.fromEntries(env.map((name) => [name, null]));
  if (envGiven.length === 0) return variables;
  const job = await recallJob(paths, run, base);
  const given = job === null ? base.values.env : jobSettings(base, job.options, {}).values.env;
  for (const name of envGiven) variables[name] = given[name] ?? null;
  return variables;
}

async function codeOf(
  paths: RunPaths,
  run: RunFile,
  last: RoundFile | undefined,
  base: ResolvedSettings,
  isNew: boolean,
): Promise<{ readonly hash: string; readonly folder: string; readonly entry: string }> {
  if (!isNew) {
    const hash = last?.code ?? run.code;
    const folder = join(paths.code, hash);
    const move = readMove(paths);
    if (move !== null && existsSync(folder)) relinkSnapshot(folder, move);
    if (existsSync(folder)) return { hash, folder, entry: last?.entry ?? run.entry };
    throw new UsageError('RUN_STATE', `expected the code of the run in ${folder}, found none`, {
      hint: 'Run with the code as it is now: `--code new`.',
    });
  }
  const { spec, codeRoot } = run;
  const found = findModule(codeRoot, spec.moduleName);
  if (found.language !== spec.language) {
    throw new JobError(
      'JOB_INVALID',
      `expected ${spec.moduleName} to be ${spec.language} code, got ${found.file}`,
      {
        hint: 'A run keeps its language: start a new one.',
      },
    );
  }
  const { dls_root: dlsRoot } = base.values;
  const snapshot = await takeSnapshot({
    root: codeRoot,
    entries: [{ file: found.file, language: found.language, module: spec.moduleName }],
    modules: spec.modules,
    dlsRoot: isAbsolute(dlsRoot) ? dlsRoot : join(run.projectRoot, dlsRoot),
    python: () => tracingPython(spec, run.projectRoot),
  });
  const folder = writeCode(snapshot, paths.code);
  return { hash: snapshot.hash, folder, entry: loadedFile(snapshot, found.file) };
}
