/** What a round asks of Slurm. */

/** What Slurm says of one array element, or of elements that wait together. */
export interface QueueRow {
  /** Id of the array. */
  readonly job: string;
  readonly index: number;
  /** `PENDING`, `RUNNING`, `NODE_FAIL` … */
  readonly state: string;
  /** Why it waits or ended, in Slurm's word; empty: it says none. */
  readonly reason: string;
  readonly node: string;
  /** Estimate of its start, epoch milliseconds. */
  readonly startsAt: number | null;
  readonly restarts: number;
  /** How its script ended; null while it has not, and where this release does not tell. */
  readonly exit: JobExit | null;
  readonly name: string;
}

/** An exit code, or the signal that ended the script. */
export interface JobExit {
  readonly code: number;
  /** 0: none. */
  readonly signal: number;
}

/** An element that has ended. */
export interface JobEnd {
  /** `OUT_OF_MEMORY`, `TIMEOUT` …; `GONE` when nobody knows any more. */
  readonly state: string;
  readonly reason: string;
  readonly exit: JobExit | null;
  readonly node: string;
}

export interface QueueAnswer {
  readonly rows: readonly QueueRow[];
  /** When Slurm was asked, by `performance.now()` of this process. */
  readonly askedAt: number;
  /** Slurm has not answered for so long, milliseconds; 0: this is what it says. */
  readonly silentMs: number;
}

/** What became of a submission. */
export interface SubmittedArray {
  /** Id of the array. */
  readonly job: string;
  /** Fewer than were asked for where the user may have no more in the queue. */
  readonly elements: number;
}

export interface SlurmClient {
  /** How many elements one array may have. */
  mostElements(): Promise<number>;
  /** Submits an array; null: it was given up by the signal, and Slurm may have it or not. */
  submit(name: string, elements: number, signal: AbortSignal): Promise<SubmittedArray | null>;
  /**
   * Ids of the arrays of that name, asked for now; null: Slurm does not answer.
   *
   * @param timeoutMs - time that it has to answer; some more unless given
   */
  find(name: string, timeoutMs?: number): Promise<readonly string[] | null>;
  /** How elements ended that the queue shows no more; those that nobody knows of are left out. */
  ends(ids: readonly string[]): Promise<ReadonlyMap<string, JobEnd>>;
  /** All jobs of this user, as they were some seconds ago, or when the signal is aborted as they were before. */
  queue(signal: AbortSignal): Promise<QueueAnswer>;
  /** Ends those that wait only, or all; resolves once none is left, or to what is left after a while. */
  cancel(jobs: readonly string[], which: 'pending' | 'all'): Promise<{ readonly left: readonly string[] }>;
}
