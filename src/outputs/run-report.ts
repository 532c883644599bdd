/** All that is known of a run at a glance, as `dl_jobs status --json` prints it. */
import { Histogram } from '../base/histogram.js';
import { FAILURE_TYPES, type FailureType } from '../contract/record.js';
import type { HostStatus, QueueStatus } from '../contract/platform.js';
import { readRounds, type RoundFile } from '../store/rounds.js';
import { outputsThere } from './outputs-there.js';
import { isoTime, workedMs } from './run-list.js';
import { isLive, type RunOverview, type RunState, type RunStatus } from './run-state.js';
import type { SlowTask } from './tally.js';

/** Half, 95 % and all of the tasks stay below, within 5 %. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Keys are only ever added. Times are ISO 8601 in UTC. */
export interface RunReport {
  readonly id: string;
  /** Runs of one invocation share it. */
  readonly group: string;
  /** Position within the invocation, from 0, and how many runs it has. */
  readonly groupIndex: number;
  readonly groupSize: number;
  /** Module and function of the tasks. */
  readonly job: string;
  /** Of the job: stands in the names of its outputs. */
  readonly name: string;
  readonly platform: string;
  readonly language: string;
  readonly status: RunStatus;
  readonly reason: string | null;
  /** The last round, and its kind; 0: none was begun. */
  readonly round: number;
  readonly kind: RoundFile['kind'];
  readonly counts: {
    /** Tasks of the run; null: not known yet. */
    readonly total: number | null;
    /** Tasks with an outcome. */
    readonly done: number;
    readonly ok: number;
    readonly errors: number;
    /** Lines of results. */
    readonly results: number;
  };
  /** Of tasks that are done; null while their number is not known. */
  readonly percent: number | null;
  /** Tasks a second in the last round; null: none was done in it yet, or nobody saw its end. */
  readonly rate: number | null;
  /** Milliseconds until it is done, at that rate; null when it is not running. */
  readonly etaMs: number | null;
  readonly created: string;
  readonly started: string | null;
  readonly roundStarted: string | null;
  readonly ended: string | null;
  /** How long all its rounds worked. */
  readonly durationMs: number;
  /** Failure types that occur, each with an example. */
  readonly failures: readonly {
    readonly failure: FailureType;
    readonly count: number;
    /** A task of the most frequent kind; null: there are more kinds than are kept. */
    readonly example: {
      readonly task: number;
      readonly type: string | null;
      readonly message: string;
    } | null;
  }[];
  readonly slowest: readonly SlowTask[];
  /** Time of a task, milliseconds; null: none is measured. */
  readonly taskMs: Percentiles | null;
  /** Peak memory of a host while it ran a task, MiB; null: none is measured. */
  readonly memoryMiB: Percentiles | null;
  /** Processes that run tasks now. */
  readonly hosts: readonly {
    /** Machine it is on; null: where its controller is. */
    readonly node: string | null;
    readonly host: number;
    readonly pid: number;
    readonly state: HostStatus['state'];
    /** The task it runs; null: none. */
    readonly task: number | null;
    /** Tasks it was given and did not answer. */
    readonly tasks: number;
    readonly since: string | null;
    readonly memoryMiB: number | null;
  }[];
  /** What the platform's scheduler says; null: there is none, or it was not asked. */
  readonly queue: QueueStatus | null;
  /** The process that controls the run; null: none. */
  readonly controller: { readonly host: string; readonly pid: number; readonly since: string } | null;
  readonly rounds: readonly {
    readonly round: number;
    readonly kind: RoundFile['kind'];
    readonly platform: string;
    readonly started: string;
    /** Hash of its code, and whether that is not the code of the run. */
    readonly code: string;
    readonly codeIsNew: boolean;
    /** How many tasks it was for; null: all that there were. */
    readonly tasks: number | null;
  }[];
  /** The run folder. */
  readonly path: string;
  /** Files; null: not wanted, or there is nothing in it. */
  readonly outputs: {
    readonly results: string | null;
    readonly errors: string | null;
    readonly log: string | null;
  };
  /** Commands that make sense now. */
  readonly next: readonly string[];
}

/** Throws STORE_FAILED. */
export function reportOf({ id, paths, run, state, controller, isUnwatched }: RunOverview): RunReport {
  const { spec } = run;
  const { done, ok, errors, results } = state.counts;
  const { total } = state;
  const rate = rateOf(state);
  return {
    id,
    group: run.group,
    groupIndex: run.groupIndex,
    groupSize: run.groupSize,
    job: `${spec.moduleName}.${spec.methodName}`,
    name: spec.name,
    platform: spec.platform,
    language: spec.language,
    status: state.status,
    reason: state.reason,
    round: state.round,
    kind: state.kind,
    counts: { total, done, ok, errors, results },
    // Rounded down: 100 means all.
    percent: total === null ? null : total === 0 ? 100 : Math.floor((1000 * done) / total) / 10,
    rate,
    etaMs: etaOf(state, rate, state.kind === 'run' ? spec.sample : null),
    created: run.created,
    started: isoTime(state.started),
    roundStarted: isoTime(state.roundStarted),
    ended: isoTime(state.ended),
    durationMs: workedMs(state),
    failures: failuresOf(state),
    slowest: state.slowest.map(({ task, ms }) => ({ task, ms: rounded(ms) })),
    taskMs: percentiles(state.durations, state.slowest[0]?.ms ?? 0),
    memoryMiB: percentiles(state.memory, 0),
    hosts: state.hosts.map(({ node, host, pid, state: doing, task, tasks, since, rss }) => ({
      node: node ?? null,
      host,
      pid,
      state: doing,
      task,
      tasks,
      since: isoTime(since),
      memoryMiB: rss === null ? null : Math.round(rss / 1024),
    })),
    queue: state.queue,
    controller:
      controller === null ? null : { host: controller.host, pid: controller.pid, since: controller.since },
    rounds: readRounds(paths).map((round) => ({
      round: round.round,
      kind: round.kind,
      platform: round.platform,
      started: round.started,
      code: round.code,
      codeIsNew: round.code !== run.code,
      tasks: round.work === 'all' ? null : round.work.tasks,
    })),
    path: paths.dir,
    outputs: outputsThere(paths, run),
    next: nextSteps(id, state, controller !== null, isUnwatched),
  };
}

/** Tasks of before the round do not count, nor does the time in which nothing ran. */
function rateOf({ status, counts, doneBefore, roundStarted, ended, at }: RunState): number | null {
  const end = ended ?? (isLive(status) ? at : null);
  const done = counts.done - doneBefore;
  if (end === null || roundStarted === null || done <= 0) return null;
  return rounded((done / Math.max(1, end - roundStarted)) * 1000);
}

/** `sample`: the round is only for so many tasks. */
function etaOf(
  { status, counts, total }: RunState,
  rate: number | null,
  sample: number | null,
): number | null {
  if (status !== 'running' || rate === null || total === null) return null;
  const left = Math.min(total, sample ?? Infinity) - counts.done;
  return Math.round((Math.max(0, left) / rate) * 1000);
}

function failuresOf({ counts, groups }: RunState): RunReport['failures'] {
  return FAILURE_TYPES.filter((failure) => (counts.failures[failure] ?? 0) > 0).map((failure) => {
    const group = groups.find((one) => one.failure === failure);
    return {
      failure,
      count: counts.failures[failure],
      example: group === undefined ? null : { task: group.task, type: group.type, message: group.message },
    };
  });
}

/** Buckets of the histogram are this wide, and a percentile is where one ends. */
const WITHIN = 1.051;

/** `highest`: the highest that is known by itself; tiny tasks are only in the list. */
function percentiles(list: readonly number[], highest: number): Percentiles | null {
  const histogram = Histogram.fromList(list);
  const end = histogram.percentile(1);
  if (end === null) return null;
  const max = highest * WITHIN >= end ? highest : end;
  const below = (p: number): number => rounded(Math.min(max, histogram.percentile(p) ?? max));
  return { p50: below(0.5), p95: below(0.95), max: rounded(max) };
}

/** Three digits behind the point are more than is measured. */
function rounded(n: number): number {
  return Math.round(n * 1000) / 1000;
}

/**
 * What can be done with a run, as commands. `isUnwatched`: nobody has written the outputs of a run that has ended on its
 * platform; who attaches to it does.
 */
export function nextSteps(
  id: string,
  { status, counts }: Pick<RunState, 'status' | 'counts'>,
  isControlled: boolean,
  isUnwatched = false,
): string[] {
  const steps: string[] = [];
  if (status === 'running' || status === 'preparing' || status === 'queued') {
    steps.push(`dl_jobs attach ${id}`);
  }
  if (status === 'finished' && isUnwatched) steps.push(`dl_jobs attach ${id}`);
  if (status === 'stalled') steps.push(isControlled ? `dl_jobs cancel ${id}` : `dl_jobs resume ${id}`);
  if (status === 'interrupted' || status === 'stopped' || status === 'canceled') {
    steps.push(`dl_jobs resume ${id}`);
  }
  if (counts.errors > 0) {
    steps.push(`dl_jobs errors ${id}`);
    if (!isControlled && !isUnwatched) steps.push(`dl_jobs retry ${id}`);
  }
  return steps;
}
