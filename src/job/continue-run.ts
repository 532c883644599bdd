/**
 * Prepares a further round of a run: to finish it, or to run again what failed.
 * lines: all that such a round takes from the rounds before it.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { JobError, UsageError } from '../base/errors.js';
import type { ResolvedSettings } from '../config/load.js';
import type { Settings, Variables } from '../config/settings.js';
import type { RunFile } from '../contract/spec.js';
import { readCheckpoint } from '../outputs/checkpoint.js';
import { specOfRound } from '../store/rounds.js';
import { sweepTemps } from '../outputs/outputs-of-run.js';
import { surveyRun, type Survey } from '../outputs/survey.js';
import { roundElsewhere } from '../outputs/unwatched.js';
import { readPackages } from '../envs/read-packages.js';
import { loadPlatform } from '../platforms/registry.js';
import { findModule } from '../snapshot/find-module.js';
import { relinkSnapshot } from '../snapshot/relink.js';
import { loadedFile, packagesOf, takeSnapshot } from '../snapshot/snapshot.js';
import { readSealed } from '../store/args-store.js';
import { acceptDamage, acceptedDamage, type DamagedRegion } from '../store/damage.js';
import { takeLock, type HeldLock } from '../store/lock.js';
import { takeRequests } from '../store/requests.js';
import { resourcesOf, type RoundFile } from '../store/rounds.js';
import { readMove, readRun, type RunPaths } from '../store/run-folder.js';
import { LOST_AFTER } from '../store/unanswered.js';
import { tracingPython } from '../worker/host-command.js';
import { maskFolder } from '../worker/mask-log.js';
import { adoptedRound, availableVariables, hasEnded, stillRuns } from './adopt.js';
import { retryWork, unfinishedWork, type RetryChoice } from './choose-work.js';
import { redactPatterns } from '../worker/redact.js';
import { taskEnvironment } from './environment.js';
import { installPackages, refuseInContainer, useEnvironment } from './environments.js';
import { recallJob } from './recall.js';
import { recordedArguments, sourceOf } from './recorded-arguments.js';
import type { Reporter } from './reporter.js';
import { overlaidSpec } from './overlaid-spec.js';
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
  /** Aborted: nothing more is installed. */
  readonly signal: AbortSignal;
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
  const { retry, base, environment, reporter } = options;
  const elsewhere = roundElsewhere(paths);
  sweepTemps(paths, run);
  // What was asked of the controller before us is not meant for us.
  takeRequests(paths);
  let survey = readJournal(paths, options);
  const last = survey.rounds.at(-1);
  const spec = overlaidSpec(specOfRound(run.spec, last), options.settings, base.values);
  const platform = await loadPlatform(spec.platform);
  // Before anything of the round before is given up.
  if (!options.newCode) refuseInContainer(packagesOf(join(paths.code, last?.code ?? run.code)), spec, run.id);
  if (last !== undefined && last.platform !== 'local' && !hasEnded(survey, last)) {
    const isOver = survey.settled >= (readSealed(paths)?.count ?? Infinity);
    if (elsewhere !== null && retry === null && !isChanged(options)) {
      return await adoptedRound({
        paths,
        run,
        lock,
        survey,
        round: last,
        ...availableVariables(run, givenVariables(base, environment)),
        install: { notice: (text) => reporter.notice(text), signal: options.signal },
      });
    }
    if (elsewhere !== null && retry !== null && !isOver) throw stillRuns(run);
    await platform.check?.(spec, environment);
    await (await loadPlatform(last.platform)).discard?.(paths.dir, last.round);
    survey = readJournal(paths, options);
  }
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
    (retry !== null || (isFinished(survey) && isCollected(paths, run, survey)))
  ) {
    args.close();
    return null;
  }
  if (work.size > 0 || work.open) await platform.check?.(spec, environment);
  const variables = await variablesOf(paths, run, options);
  const env = taskEnvironment(variables, environment);
  const redact = redactPatterns(spec.redact, env);
  // A worker that was killed may not have got to it.
  if (redact.length > 0) maskFolder(paths.logs, redact);
  const code = await codeOf(paths, run, last, options.newCode);
  const packages = packagesOf(code.folder);
  refuseInContainer(packages, spec, run.id);
  // A round without tasks needs none.
  const installed =
    (work.size === 0 && !work.open) || platform.capabilities.installsPackages === true
      ? null
      : await installPackages(packages, {
          root: run.projectRoot,
          dlsRoot: rootOf(paths),
          python: run.spec.python,
          notice: (text) => options.reporter.notice(text),
          signal: options.signal,
        });
  const number = (last?.round ?? 0) + 1;
  const shuffle = spec.policy.shuffle ? `${run.id} ${number}` : null;
  const charged = retry === null ? survey.charged : new Map<number, number>();
  const { durability, policy } = spec;
  return {
    paths,
    run,
    spec: useEnvironment({ ...spec, python: run.spec.python }, installed, {
      code: code.folder,
      root: run.codeRoot,
    }),
    platform,
    lock,
    round: {
      version: 1,
      round: number,
      kind: retry === null ? 'resume' : 'retry',
      platform: spec.platform,
      code: code.hash,
      entry: code.entry,
      environment: installed,
      again: retry?.again === true ? number : retry === null ? (last?.again ?? 0) : 0,
      shuffle,
      resources: resourcesOf(spec),
      policy: { ...policy, durability },
    },
    work,
    code: code.folder,
    survey,
    source: sourceOf(paths, args, work, { shuffle, charged }),
    charged,
    lost,
    env,
    redact,
    sample: null,
    warnings: [],
  };
}

/** Some round came to the end of the list; else an empty one does, now that the list is what was recorded. */
function isFinished({ events }: Survey): boolean {
  return events.some(({ e, status }) => e === 'round-ended' && status === 'finished');
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

/** Variables as the environment has them, or as the configuration gives them. */
export function givenVariables(
  { values }: ResolvedSettings,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const given = Object.entries(values.env).filter(([, value]) => value !== null) as [string, string][];
  return { ...environment, ...Object.fromEntries(given) };
}

/** Settings that change how a round is shown, not what it does. */
const SHOWN_ONLY: ReadonlySet<string> = new Set(['noisy', 'print_logs', 'is_dev', 'platform']);

/** True: the round is to be another than the one that goes on. */
function isChanged({ settings, newCode }: ContinueOptions): boolean {
  return (
    newCode || Object.entries(settings).some(([name, value]) => value !== undefined && !SHOWN_ONLY.has(name))
  );
}

async function codeOf(
  paths: RunPaths,
  run: RunFile,
  last: RoundFile | undefined,
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
  const dlsRoot = rootOf(paths);
  const snapshot = await takeSnapshot({
    root: codeRoot,
    entries: [{ file: found.file, language: found.language, module: spec.moduleName }],
    modules: spec.modules,
    packages: readPackages(spec.requirements, { language: spec.language, root: run.projectRoot, dlsRoot }),
    dlsRoot,
    python: () => tracingPython(spec, run.projectRoot),
  });
  const folder = writeCode(snapshot, paths.code);
  return { hash: snapshot.hash, folder, entry: loadedFile(snapshot, found.file) };
}

/** `dls_root` of the project. */
function rootOf({ dir }: RunPaths): string {
  return join(dir, '..', '..');
}
