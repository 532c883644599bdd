/** Takes the place of a controller that is gone, in a round that goes on elsewhere. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../base/errors.js';
import type { RunFile } from '../contract/spec.js';
import { sweepTemps } from '../outputs/outputs-of-run.js';
import { surveyRun, type Survey } from '../outputs/survey.js';
import { roundElsewhere } from '../outputs/unwatched.js';
import { loadPlatform } from '../platforms/registry.js';
import { packagesOf } from '../snapshot/snapshot.js';
import { readSealed } from '../store/args-store.js';
import { takeLock, type HeldLock, type LockOptions } from '../store/lock.js';
import { takeRequests } from '../store/requests.js';
import { readCharged, readWork, rewriteRound, specOfRound, type RoundFile } from '../store/rounds.js';
import { readRun, type RunPaths } from '../store/run-folder.js';
import { redactPatterns } from '../worker/redact.js';
import { unfinishedWork } from './choose-work.js';
import { installPackages, useEnvironment, type InstallOptions } from './environments.js';
import type { PreparedRound } from './round.js';
import { sourceOf } from './recorded-arguments.js';

/** False: no controller saw the end of the round. */
export function hasEnded(survey: Survey, round: RoundFile): boolean {
  return survey.events.some(({ e, r }) => e === 'round-ended' && r === round.round);
}

export interface AdoptOptions {
  readonly paths: RunPaths;
  readonly run: RunFile;
  readonly lock: HeldLock;
  readonly survey: Survey;
  readonly round: RoundFile;
  /** Those that tasks need, as far as this process has them. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of those that it has not. */
  readonly missing: readonly string[];
  /** Packages of the round that were deleted are installed again. @default they are not */
  readonly install?: Pick<InstallOptions, 'notice' | 'signal'>;
}

/** Throws what installing packages does. */
export async function adoptedRound(options: AdoptOptions): Promise<PreparedRound> {
  const { paths, run, lock, survey, env, missing } = options;
  let { round } = options;
  const count = readSealed(paths)?.count ?? 0;
  const work = unfinishedWork(paths, survey, count, false);
  const ofRound = readWork(paths, round)?.closedAt(count);
  if (ofRound !== undefined) {
    for (let task = work.next(0); task >= 0; task = work.next(task + 1)) {
      if (!ofRound.has(task)) work.remove(task);
    }
  }
  if (work.size > 0) round = await withPackages(options);
  const spec = specOfRound(run.spec, round);
  const isSample = round.kind === 'run' && spec.sample !== null;
  const charged = readCharged(paths, round.round);
  const { started: _started, work: _work, ...rest } = round;
  return {
    paths,
    run,
    spec,
    platform: await loadPlatform(round.platform),
    lock,
    round: rest,
    adopted: true,
    mayStart: missing.length === 0,
    work,
    code: join(paths.code, round.code),
    survey,
    source: sourceOf(paths, { count, list: null, close: () => undefined }, work, {
      shuffle: round.shuffle,
      charged,
    }),
    charged,
    lost: [],
    env,
    redact: redactPatterns(spec.redact, env),
    sample: isSample ? Math.max(0, spec.sample - survey.settled) : null,
    warnings:
      missing.length === 0
        ? []
        : [
            `${run.id} needs the environment variables ${missing.join(', ')}, which are not set here: ` +
              'no further workers are started from this shell',
          ],
  };
}

/** The round, whose packages are there: workers that start yet read of them in its file. */
async function withPackages({ paths, run, round, install }: AdoptOptions): Promise<RoundFile> {
  const { environment } = round;
  if (
    install === undefined ||
    environment === undefined ||
    environment === null ||
    existsSync(environment.folder)
  )
    return round;
  const code = join(paths.code, round.code);
  const made = await installPackages(packagesOf(code), {
    ...install,
    root: run.projectRoot,
    dlsRoot: join(paths.dir, '../..'),
    python: run.spec.python,
  });
  if (made === null) return round;
  useEnvironment(run.spec, made, { code, root: run.codeRoot });
  const mended = { ...round, environment: made };
  rewriteRound(paths, mended);
  return mended;
}

export interface AdoptRunOptions {
  /** Where the variables are that tasks need: those that are not there are missed only by further workers. */
  readonly variables: Readonly<Record<string, string | null | undefined>>;
  readonly onWait?: LockOptions['onWait'];
  readonly install?: AdoptOptions['install'];
}

/**
 * The last round of a run, when it goes on elsewhere and nobody controls it; its lock is held from here on. Null: there
 * is no such round. Throws RUN_LOCKED, JOURNAL_DAMAGED, and what installing packages does.
 */
export async function adoptRun(paths: RunPaths, options: AdoptRunOptions): Promise<PreparedRound | null> {
  const run = readRun(paths);
  const lock = await takeLock(paths, options.onWait === undefined ? {} : { onWait: options.onWait });
  try {
    const round = roundElsewhere(paths);
    const survey = round === null ? null : surveyRun(paths, { forNextRound: true });
    if (round === null || survey === null || hasEnded(survey, round)) {
      lock.release();
      return null;
    }
    sweepTemps(paths, run);
    takeRequests(paths);
    return await adoptedRound({
      paths,
      run,
      lock,
      survey,
      round,
      ...availableVariables(run, options.variables),
      ...(options.install && { install: options.install }),
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The variables that further workers of a round would need, as far as they are here. */
export function availableVariables(
  run: RunFile,
  variables: AdoptRunOptions['variables'],
): Pick<AdoptOptions, 'env' | 'missing'> {
  const env: Record<string, string> = {};
  const missing: string[] = [];
  for (const name of run.spec.env) {
    const value = variables[name];
    if (typeof value === 'string') env[name] = value;
    else missing.push(name);
  }
  return { env, missing };
}

/** Its failed tasks cannot run again while others of it run. */
export function stillRuns(run: RunFile): UsageError {
  return new UsageError(
    'RUN_STATE',
    `expected a run that has ended, got ${run.id}, whose workers are at it`,
    {
      hint: `Watch it to its end with \`dl_jobs attach ${run.id}\`, or end it with \`dl_jobs cancel ${run.id}\`.`,
    },
  );
}
