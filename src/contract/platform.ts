/** What a platform is: it executes one round of a run, and writes journal shards. Nothing else is asked of it. */
import type { Check, CheckupContext } from './check.js';
import type { PlanContext, PlatformPlan } from './plan.js';
import type { JobSpec } from './spec.js';

/** Tasks to run, with their arguments as NDJSON bytes. */
export interface TaskBatch {
  /** [first index, count] ranges, in the order of the lines in `args`. */
  readonly tasks: readonly (readonly [first: number, count: number])[];
  readonly count: number;
  readonly args: Buffer;
  /** Which try at these tasks this is, from 1. @default 1 */
  readonly attempt?: number;
  /** It must be the only thing its host runs: it is suspected of killing one. */
  readonly alone?: boolean;
}

/**
 * The tasks that a round still has to hand out. Tasks are taken once; arguments are on disk before `take` returns.
 */
export interface TaskSource {
  /**
   * At most `maxTasks` tasks. A promise when they must be waited for; null: there are no more.
   */
  take(maxTasks: number): TaskBatch | null | Promise<TaskBatch | null>;
  /** Tasks not taken yet; null while the argument list has not ended and says no length. */
  remaining(): number | null;
  /** The arguments of a task that was taken before, with the newline: it is tried again. */
  line(task: number): Buffer;
}

/**
 * What a run of records means for the outputs, worked out where they were made: reading a million small records
 * again would be most of the controller's work. Only for plain ones: ok, final, without output, in order.
 */
export interface Digest {
  /** [first index, count] ranges of the tasks. */
  readonly tasks: readonly (readonly [first: number, count: number])[];
  /** Lines for the results file. */
  readonly results: Buffer;
  readonly resultCount: number;
  /** Lines for the log file; empty when it is not wanted. */
  readonly log: Buffer;
  /** Durations, as [bucket, count, …] of the histogram in `base/histogram.ts`. */
  readonly durations: readonly number[];
}

/** The lowest and the highest of some task indexes. */
export type TaskSpan = readonly [lowest: number, highest: number];

/** A sink of journal lines. */
export interface JournalSink {
  /**
   * Whole records, in pieces that belong together: they are written as one.
   *
   * @param span - bounds of the tasks that the records are about, for the shard's index; null: of none
   */
  append(pieces: readonly Buffer[], span: TaskSpan | null, digest?: Digest): void;

  /** What was appended outlives this process once this returns; without it, up to a few hundredths of a second later. */
  writeNow(): void;
}

/** What a platform gets to execute a round. */
export interface RoundContext {
  readonly spec: JobSpec;
  readonly runId: string;
  readonly round: number;
  /** The run folder, absolute. */
  readonly dir: string;
  /** Root of the snapshot, absolute. */
  readonly code: string;
  /** Absolute path of the file to load, inside `code`. */
  readonly entry: string;
  /** Root of the task's modules. */
  readonly projectRoot: string;
  /** Where the configuration lies: relative paths in settings start here. @default `projectRoot` */
  readonly configRoot?: string;
  readonly cwd: string;
  /** This writer's name; its hosts' logs are `logs/<writer>-<k>.log`. */
  readonly writer: string;
  readonly source: TaskSource;
  readonly journal: JournalSink;
  /** Which digests the journal can use; they are always optional. */
  readonly digests: 'none' | 'results' | 'results and log';
  /** Environment variables of the hosts, besides those of this process. Secret: never on disk. */
  readonly env: Readonly<Record<string, string>>;
  /** Sources of regular expressions: what they match is masked in logs and error records. May hold secrets. */
  readonly redact: readonly string[];
  /** Something that the user should know now. */
  readonly warn: (text: string) => void;
  /** Something that is good to know. */
  readonly notice?: (text: string) => void;
  /**
   * Tasks of the round without a final outcome. Only where workers write shards of their own does a platform need to
   * ask: its round has ended when there are none. @default what `source` has
   */
  readonly left?: () => number;
  /** False: the task has a final outcome, or is not of this round. @default what `source` has */
  readonly isOpen?: (task: number) => boolean;
  /** Somebody ended the round by the platform's own means. */
  readonly canceled?: (reason: string) => void;
  /** Only so many tasks were asked for, the first in the round's order. @default all */
  readonly most?: number | null;
  /** False: workers that this process starts would lack something; those there are do. @default true */
  readonly mayStart?: boolean;
}

/** What a worker is doing now. */
export interface WorkerStatus {
  readonly hosts: number;
  /** Hosts that are running a task. */
  readonly busy: number;
  /** Tasks handed out and not answered. */
  readonly inFlight: number;
}

/** What a platform's scheduler says of the pieces of a round. */
export interface QueueStatus {
  /** What the scheduler calls them: for Slurm the ids of job arrays. */
  readonly jobs: readonly string[];
  /** What those are, in its word. @default job */
  readonly kind?: string;
  /** What a piece is. @default worker */
  readonly piece?: string;
  readonly pending: number;
  readonly running: number;
  /** Why pieces wait, in the scheduler's word, and how many for each. */
  readonly reasons: Readonly<Record<string, number>>;
  /** The same for people, a line for each reason. */
  readonly why: readonly string[];
  /** When the next of them will probably start, epoch milliseconds; null: it does not say. */
  readonly startsAt: number | null;
  /** Machines that pieces run on. */
  readonly nodes: readonly string[];
  /** The scheduler has not answered for so long, milliseconds; 0: it does. */
  readonly silentMs: number;
}

/** What one host is doing now. */
export interface HostStatus {
  /** Machine it is on, where that is not this one. */
  readonly node?: string;
  /** Index within its worker. */
  readonly host: number;
  readonly pid: number;
  /** It runs in a container: its parent is not the worker. */
  readonly contained?: true;
  /** The task it runs: the first that it has not answered, or the one it says; null: none. */
  readonly task: number | null;
  /** Tasks that it has and did not answer, that one included. */
  readonly tasks: number;
  /** Epoch milliseconds since when it runs that task, or has that batch; null: it is idle. */
  readonly since: number | null;
  /** Resident memory now, KiB; null: not known. */
  readonly rss: number | null;
  /** `loading` until the function is loaded; `stopped` by SIGSTOP. */
  readonly state: 'loading' | 'idle' | 'running' | 'stopped';
}

/** The time and place that a platform has given a worker outside the controller. */
export interface Allocation {
  /** What the platform calls the worker: for Slurm `123_4`; null: nothing. */
  readonly job: string | null;
  /** How often the platform has started it anew. */
  readonly restarts: number;
  /** Seconds until the platform ends it; null: it does not. */
  secondsLeft(): number | null;
  /** Asks for as much time again, after this worker has ended; false: the platform does not give it. */
  again(): Promise<boolean>;
}

/** A round that is being executed. */
export interface RoundHandle {
  /** Resolves when every task taken has an outcome or the round was stopped; rejects when the job is broken. */
  readonly done: Promise<void>;
  /** Resolves once the platform has the round's work, or the round was stopped before. @default it has it at once */
  readonly submitted?: Promise<void>;
  status(): WorkerStatus;
  /** Each living host; asks the system, so not for every tick. */
  hosts(): readonly HostStatus[];
  /** What the scheduler says, where there is one; null: it was not asked yet. */
  queue?(): QueueStatus | null;
  /**
   * Hand out nothing more; resolve `done` when what runs has ended, or after `graceMs` kill it (Infinity: never).
   * May be called again with less patience.
   */
  stop(graceMs: number): void;
  /** Look on no more, and resolve `done`: the work goes on without this process. Not where it is done by it. */
  leave?(): void;
}

/** What a platform can do; callers ask these, never its name. */
export interface PlatformCapabilities {
  readonly languages: readonly ('node' | 'python')[];
  readonly gpus: boolean;
  /** True: tasks run on this machine. */
  readonly local: boolean;
  /** True: outcomes stay there until a controller fetches them. Else workers write them into the run folder. @default false */
  readonly keepsOutcomes?: boolean;
  /** True: it installs the packages of a job by itself. Else they are installed where the controller is. @default false */
  readonly installsPackages?: boolean;
  /** `settings`: what `task_kwargs` say are settings of the job. `own`: it reads them itself. @default they are passed over */
  readonly taskKwargs?: 'settings' | 'own';
}

/** What the next run will probably be: what it was last time. */
export interface ExpectedRun {
  readonly language: 'node' | 'python';
  readonly python: string;
  readonly hosts: number;
}

export interface Platform {
  readonly name: string;
  readonly capabilities: PlatformCapabilities;
  /** Throws for what the platform will not take, before anything is made or sent. `env` is where it looks for its tools. */
  check?(spec: JobSpec, env: Readonly<Record<string, string | undefined>>): Promise<void>;
  start(round: RoundContext): RoundHandle | Promise<RoundHandle>;
  /**
   * A run like `expected` is likely to start soon: whatever takes time and depends on nothing else can begin.
   * `folder` is for its files, on the file system of the runs; `cwd` is where the user stands.
   */
  prepare?(folder: string, cwd: string, expected: ExpectedRun): void;
  /** Of a worker of this platform, in whose environment it is asked. */
  allocation?(environment: Readonly<Record<string, string | undefined>>): Allocation;
  /**
   * Ends what still waits or works for a round that is not gone on with, and sees to it that nothing is left of it.
   * `dir` is the run folder.
   */
  discard?(dir: string, round: number): Promise<void>;
  /**
   * Deletes what the platform itself keeps of a run; resolves to what it was, in words. `dir` is the run folder.
   */
  forget?(dir: string): Promise<readonly string[]>;
  /** What the scheduler says of a round that nobody controls; null: nothing is known of it. */
  look?(dir: string, round: number): Promise<QueueStatus | null>;
  /** What {@link start} would do with a first round. Throws as it would for a job that the platform cannot run. */
  plan?(context: PlanContext): Promise<PlatformPlan>;
  /** Looks whether jobs can run here, from the simplest on; what depends on something that failed is left out. */
  checkup?(context: CheckupContext): AsyncIterable<Check>;
  /** No run follows: undo what {@link prepare} began and nobody used. */
  release?(): void;
}
