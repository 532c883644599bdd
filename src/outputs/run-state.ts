/**
 * `state.json`: a run at a glance, so that it can be looked at without reading its journal. Its controller writes it
 * about once a second, and when the round ends. Derived: where it is not there, or older than the journal of a run
 * that nobody controls, the same is worked out from the records.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { HostStatus, QueueStatus } from '../contract/platform.js';
import type { RunFile } from '../contract/spec.js';
import { ArgsReader, readSealed } from '../store/args-store.js';
import { writeAtomic } from '../store/atomic.js';
import { lockState, type LockFile } from '../store/lock.js';
import { readRounds } from '../store/rounds.js';
import { readRun, shardFiles, type RunPaths } from '../store/run-folder.js';
import { Collector } from './collector.js';
import { surveyRun, type Survey } from './survey.js';
import { Tally, type TallyData } from './tally.js';
import { TaskLogs } from './task-logs.js';
import { lookElsewhere, roundElsewhere } from './unwatched.js';
import { winningChunks } from './winning-ends.js';

/**
 * `preparing`: nothing was begun yet. `queued`: it waits for the jobs before it. `running`. `stalled`: its controller
 * lives but gives no sign. `interrupted`: by Ctrl-C, or because the controller died. `stopped`: a rule of the job
 * ended it, or only a part was asked for. `canceled`. `finished`: every task has an outcome.
 */
export type RunStatus =
  'preparing' | 'queued' | 'running' | 'stalled' | 'interrupted' | 'stopped' | 'canceled' | 'finished';

/** What is known of a run. Times are epoch milliseconds. */
export interface RunState extends TallyData {
  readonly version: 1;
  /** When this was written, or worked out. */
  readonly at: number;
  readonly status: RunStatus;
  /** Why it was stopped, or is broken. */
  readonly reason: string | null;
  /** The last round; 0: none was begun. */
  readonly round: number;
  readonly kind: 'run' | 'resume' | 'retry';
  /** Tasks of the run; null while the argument list has not ended and says no length. */
  readonly total: number | null;
  /** Start of the first round; null: not begun. */
  readonly started: number | null;
  /** Start of the last round. */
  readonly roundStarted: number | null;
  /** When the last round ended; null: it runs, or nobody saw its end. */
  readonly ended: number | null;
  /** How long all rounds worked, milliseconds. */
  readonly workedMs: number;
  /** Tasks that were done when the last round began: its rate is that of the others. */
  readonly doneBefore: number;
  /** What the workers' hosts are doing; empty when nothing runs. */
  readonly hosts: readonly HostStatus[];
  /** What the platform's scheduler says; null: there is none, or nothing waits for it. */
  readonly queue: QueueStatus | null;
  /** Sizes of the shards that this is made of, by file name; a torn last line counts, for it is not gone on with. */
  readonly shards: Readonly<Record<string, number>>;
}

/** A state, and what is known of who controls the run. */
export interface RunOverview {
  /** Name of the run folder, by which it is found. */
  readonly id: string;
  readonly paths: RunPaths;
  readonly run: RunFile;
  readonly state: RunState;
  /** Who controls the run now; null: nobody. */
  readonly controller: LockFile | null;
  /** Its last round goes on, or has come to its end, on a platform, and no controller has seen that. @default false */
  readonly isUnwatched?: boolean;
}

/** False: nothing of the run goes on, or is about to. */
export function isLive(status: RunStatus): boolean {
  return status === 'preparing' || status === 'queued' || status === 'running' || status === 'stalled';
}

/** A state that is older than this while its controller lives means that the controller does not get to write one. */
const STALLED_MS = 30_000;

export function writeState(paths: RunPaths, state: RunState): void {
  writeAtomic(paths.state, `${JSON.stringify(state)}\n`, false);
}

/** Throws STORE_FAILED, RUN_VERSION, JOURNAL_DAMAGED. */
export function viewRun(paths: RunPaths): RunOverview {
  const run = readRun(paths);
  const known = { id: basename(paths.dir), paths, run };
  const { state: lock, holder } = lockState(paths);
  if (lock !== 'free' && holder !== null) {
    return { ...known, state: liveState(run, readStateFile(paths), holder), controller: holder };
  }
  const state = stateAtRest(paths, run);
  if (state.status !== 'running') return { ...known, state, controller: null };
  return {
    ...known,
    state: { ...state, ...lookElsewhere(paths, state) },
    controller: null,
    isUnwatched: true,
  };
}

/** What is known of a run that nobody controls; `running`: a round of it goes on without a controller. Throws STORE_FAILED, JOURNAL_DAMAGED. */
export function stateAtRest(paths: RunPaths, run: RunFile): RunState {
  const file = readStateFile(paths);
  const isKnown = file !== null && (file.status !== 'running' || roundElsewhere(paths)?.round === file.round);
  if (isKnown && isCurrent(paths, file)) return file;
  const state = workOut(paths, run, file);
  keepState(paths, state);
  return state;
}

/**
 * So that a large run whose controller died is not read again each time it is looked at. Whoever controls the run
 * meanwhile writes its own a second later, and one that does not fit the journal is never believed.
 */
function keepState(paths: RunPaths, state: RunState): void {
  try {
    writeState(paths, state);
  } catch {
    // It may be another's, or on a full disk: it can be looked at all the same.
  }
}

function readStateFile(paths: RunPaths): RunState | null {
  try {
    const state = JSON.parse(readFileSync(paths.state, 'utf8')) as RunState;
    return state.version === 1 ? state : null;
  } catch {
    return null;
  }
}

function isCurrent(paths: RunPaths, { shards }: RunState): boolean {
  const sizes = shardSizes(paths);
  const names = Object.keys(sizes);
  return names.length === Object.keys(shards).length && names.every((name) => sizes[name] === shards[name]);
}

/** Sizes of the shards there are, by file name. */
export function shardSizes(paths: RunPaths): Record<string, number> {
  return Object.fromEntries(shardFiles(paths).map((path) => [basename(path), statSync(path).size]));
}

function liveState(run: RunFile, file: RunState | null, holder: LockFile): RunState {
  if (file === null || file.round === 0) {
    const status = run.groupIndex > 0 ? 'queued' : 'preparing';
    return { ...emptyState(), ...file, status };
  }
  if (file.status !== 'running') {
    // Its round has ended, and it is about to let go; or it is a new one, whose round has not begun.
    const hasEnded = file.ended !== null && Date.parse(holder.since) <= file.at;
    return hasEnded ? file : { ...file, status: 'preparing' };
  }
  return Date.now() - file.at > STALLED_MS ? { ...file, status: 'stalled' } : file;
}

export function emptyState(): RunState {
  return {
    version: 1,
    at: Date.now(),
    status: 'preparing',
    reason: null,
    round: 0,
    kind: 'run',
    total: null,
    started: null,
    roundStarted: null,
    ended: null,
    workedMs: 0,
    doneBefore: 0,
    hosts: [],
    queue: null,
    shards: {},
    ...new Tally().toData(),
  };
}

/** From the records, when the one who should have written the state has died. `file` is what it wrote last. */
function workOut(paths: RunPaths, run: RunFile, file: RunState | null): RunState {
  const sizes = shardSizes(paths);
  const survey = surveyRun(paths);
  const tally = tallyOf(paths, run, survey);
  const { last, ...times } = timesOf(survey);
  const rounds = readRounds(paths);
  // Of a round that nobody saw the end of: how long it had worked, and where it began.
  const unfinished = last === null && file?.round === rounds.at(-1)?.round ? file : null;
  return {
    ...emptyState(),
    ...tally.toData(),
    status:
      (last?.['status'] as RunStatus | undefined) ??
      (roundElsewhere(paths) === null ? 'interrupted' : 'running'),
    reason: typeof last?.['reason'] === 'string' ? last['reason'] : null,
    round: rounds.at(-1)?.round ?? 0,
    kind: rounds.at(-1)?.kind ?? 'run',
    total: readSealed(paths)?.count ?? null,
    doneBefore: unfinished?.doneBefore ?? tally.counts.done,
    shards: sizes,
    ...times,
    workedMs: Math.max(times.workedMs, unfinished?.workedMs ?? 0),
  };
}

/** What the tasks of a run add up to; no file is written. */
function tallyOf(paths: RunPaths, run: RunFile, survey: Survey): Tally {
  const args = new ArgsReader(paths);
  const logs = new TaskLogs(paths.logs, '');
  const collector = new Collector({
    spec: run.spec,
    files: { results: null, errors: null, log: null },
    args,
    logs,
    listener: {},
    describe: () => [],
  });
  for (const chunk of winningChunks(paths, survey)) {
    chunk((end, text, bytes) => collector.count(text, end, bytes));
  }
  args.close();
  return collector.tally;
}

function timesOf(survey: Survey): Pick<RunState, 'started' | 'roundStarted' | 'ended' | 'workedMs'> & {
  last: Survey['events'][number] | null;
} {
  const lastRound = survey.rounds.at(-1)?.round ?? 0;
  const starts = survey.events.filter(({ e }) => e === 'round-started');
  const ends = survey.events.filter(({ e }) => e === 'round-ended');
  const last = ends.find(({ r }) => r === lastRound) ?? null;
  const at = survey.rounds.map(({ started }) => Date.parse(started));
  return {
    last,
    started: starts[0]?.at ?? at[0] ?? null,
    roundStarted: starts.find(({ r }) => r === lastRound)?.at ?? at.at(-1) ?? null,
    ended: last?.at ?? null,
    workedMs: ends.reduce((sum, event) => sum + Number(event['ms'] ?? 0), 0),
  };
}

/** When the last round of a run ended, as far as that can be told at a glance; epoch milliseconds. */
export function endedAt(paths: RunPaths): number {
  const file = readStateFile(paths);
  if (file !== null && file.status !== 'running' && file.ended !== null) return file.ended;
  const written = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const shards = existsSync(paths.journal) ? shardFiles(paths) : [];
  return Math.max(written(paths.runFile), ...shards.map(written));
}

/** True for a folder that a run was to be made in, and that nobody is making now. */
export function isGarbage(paths: RunPaths): boolean {
  return !existsSync(join(paths.dir, 'run.json')) && lockState(paths).state === 'free';
}
