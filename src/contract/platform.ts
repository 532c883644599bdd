/** What a platform is: it executes one round of a run, and writes journal shards. Nothing else is asked of it. */
import type { JobSpec } from './spec.js';

/** Tasks to run, with their arguments as NDJSON bytes. */
export interface TaskBatch {
  /** [first index, count] ranges, in the order of the lines in `args`. */
  readonly tasks: readonly (readonly [first: number, count: number])[];
  readonly count: number;
  readonly args: Buffer;
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
}

/** A sink of journal lines: whole records, in the order given. */
export interface JournalSink {
  append(lines: Buffer): void;
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
  readonly projectRoot: string;
  readonly cwd: string;
  /** This writer's name; its hosts' logs are `logs/<writer>-<k>.log`. */
  readonly writer: string;
  readonly source: TaskSource;
  readonly journal: JournalSink;
}

/** What a worker is doing now. */
export interface WorkerStatus {
  readonly hosts: number;
  /** Hosts that are running a task. */
  readonly busy: number;
  /** Tasks handed out and not answered. */
  readonly inFlight: number;
}

/** A round that is being executed. */
export interface RoundHandle {
  /** Resolves when every task taken has an outcome or the round was stopped; rejects when the job is broken. */
  readonly done: Promise<void>;
  status(): WorkerStatus;
  /** Hand out nothing more; resolve `done` when what runs has ended, or after `graceMs` kill it. */
  stop(graceMs: number): void;
}

/** What a platform can do; callers ask these, never its name. */
export interface PlatformCapabilities {
  readonly languages: readonly ('node' | 'python')[];
  readonly gpus: boolean;
  /** True: tasks run on this machine. */
  readonly local: boolean;
}

export interface Platform {
  readonly name: string;
  readonly capabilities: PlatformCapabilities;
  start(round: RoundContext): RoundHandle | Promise<RoundHandle>;
}
