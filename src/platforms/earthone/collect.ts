/** Asks which jobs of a round have ended, fetches what became of them, and journals it. */
import { closeSync, openSync } from 'node:fs';
import pMap from 'p-map';
import type { RoundContext } from '../../contract/platform.js';
import { storeError, writeAll } from '../../store/atomic.js';
import { WorkList } from '../../store/work-list.js';
import { textMask, type Mask } from '../../worker/mask-errors.js';
import { fatalError } from '../../worker/start-errors.js';
import { where } from './api/filters.js';
import { ENDED, type ComputeJob, type Filter, type JobStatus } from './api/types.js';
import type { Compute } from './compute.js';
import { fatalOf, LIVE, parseSaid, readLog, recordOf } from './outcome.js';
import type { Sent, UsedFunction } from './sent.js';
import { jobsOf } from './which-jobs.js';

/** What became of so many jobs is fetched at a time. */
const FETCHES = 16;
/** Of a page. */
const PAGE = 100;
/** A result that is not there is looked for so often. */
const LOOKS_FOR_RESULT = 4;
/** A job may be shown a while after others that ended later. */
const OVERLAP_MS = 10_000;

export interface CollectContext {
  readonly round: RoundContext;
  readonly compute: Compute;
  readonly used: UsedFunction;
  /** What all jobs of the run are tagged with, */
  readonly tag: string;
  /** and those that were made for this round. */
  readonly roundTag: string;
  readonly sent: Sent;
  /** Tasks of the run. */
  readonly count: number;
  /** Of the log file that goes with this writer. */
  readonly logPath: string;
  readonly signal: AbortSignal;
}

export class Collection {
  readonly #context: CollectContext;
  /** Tasks that have their outcome. */
  readonly #known: WorkList;
  readonly #mask: Mask | null;
  readonly #missed = new Map<number, number>();
  #namespace: string | undefined;
  /** When the last of those ended that were seen, by the server's clock. */
  #latest: Date | null = null;
  #log: { readonly fd: number; size: number } | null = null;

  constructor(context: CollectContext) {
    this.#context = context;
    this.#known = new WorkList(context.count, false);
    this.#mask = textMask(context.round.redact);
    this.#namespace = context.used.namespace ?? undefined;
  }

  /**
   * Journals what ended since the last time; `all`: and what was not seen then. Resolves to how many outcomes are new,
   * and how many jobs were canceled.
   */
  async look(all: boolean): Promise<{ readonly fresh: number; readonly canceled: number }> {
    const { compute, used, tag, signal } = this.#context;
    const since = all || this.#latest === null ? null : new Date(this.#latest.getTime() - OVERLAP_MS);
    const filter: Filter[] = [...jobsOf(used.id, tag), where.in('status', ENDED)];
    if (since !== null) filter.push(where.gte('last_completion_date', since));
    let fresh = 0;
    let canceled = 0;
    let latest = this.#latest;
    const query = { filter, sort: ['last_completion_date', 'id'], pageSize: PAGE };
    for await (const page of compute.jobs.pages(query, { signal })) {
      for (const { lastCompletionDate: at } of page)
        if (at !== null && (latest === null || at > latest)) latest = at;
      const ours = page.filter((job) => this.#isOurs(job));
      canceled += ours.filter(({ status }) => status === 'canceled').length;
      const ended = ours.filter((job) => job.status !== 'canceled' && this.#isOpen(taskOf(job)));
      fresh += ended.length;
      await pMap(ended, (job) => this.#fetch(job), { concurrency: FETCHES, signal });
    }
    this.#latest = latest;
    // Those whose result was not there yet are looked for from the start.
    if (this.#missed.size > 0) this.#latest = null;
    return { fresh, canceled };
  }

  /** How many jobs wait, and how many work. */
  async live(): Promise<Live> {
    const { compute, used, tag, signal } = this.#context;
    return await countLive(compute, used.id, tag, signal);
  }

  /** Some jobs ended well, and what they returned was not there yet. */
  get isExpecting(): boolean {
    return this.#missed.size > 0;
  }

  close(): void {
    if (this.#log !== null) closeSync(this.#log.fd);
    this.#log = null;
  }

  /** A job of an earlier round may have been run again for this one. */
  #isOurs({ id, tags, executionCount }: ComputeJob): boolean {
    const { roundTag, sent } = this.#context;
    return tags.includes(roundTag) || sent.isOfThisRound(id, executionCount);
  }

  /** Null is no task of ours. */
  #isOpen(task: number | null): boolean {
    const { count, round } = this.#context;
    return task !== null && task < count && !this.#known.has(task) && (round.isOpen?.(task) ?? true);
  }

  async #fetch(job: ComputeJob): Promise<void> {
    const { compute, round, used, sent, signal } = this.#context;
    const task = taskOf(job) as number;
    const result =
      job.status === 'success'
        ? await compute.results.bytes(
            {
              functionId: used.id,
              jobId: job.id,
              ...(this.#namespace !== undefined && { namespace: this.#namespace }),
            },
            { signal },
          )
        : null;
    // What was stored a moment ago may show up a moment later, and what is fetched may be cut off.
    if (job.status === 'success' && (result === null || parseSaid(result) === null) && this.#mayCome(task))
      return;
    const lines: string[] = [];
    for await (const { log } of compute.jobs.log(job.id, { signal })) lines.push(log);
    const { text, said } = readLog(lines);
    const fatal = fatalOf(said);
    if (fatal !== null) throw fatalError(fatal, round, null);
    // Two looks may be at it.
    if (this.#known.has(task)) return;
    const executedBefore = sent.executedBefore(job.id);
    const place = {
      task,
      round: round.round,
      root: round.projectRoot,
      executedBefore,
      log: this.#write(text),
    };
    round.journal.append([recordOf(job, place, result, said, round.spec.policy.timeout)], [task, task]);
    this.#known.add(task);
    this.#missed.delete(task);
  }

  #mayCome(task: number): boolean {
    const times = (this.#missed.get(task) ?? 0) + 1;
    this.#missed.set(task, times);
    return times <= LOOKS_FOR_RESULT;
  }

  #write(text: string): readonly [number, number, number] | null {
    if (text === '') return null;
    const { logPath } = this.#context;
    const bytes = Buffer.from(this.#mask === null ? text : this.#mask(text));
    try {
      this.#log ??= { fd: openSync(logPath, 'ax'), size: 0 };
      const from = this.#log.size;
      writeAll(this.#log.fd, bytes);
      this.#log.size += bytes.length;
      return [0, from, this.#log.size];
    } catch (error) {
      throw storeError('write', logPath, error);
    }
  }
}

export interface Live {
  readonly pending: number;
  readonly running: number;
}

/** How many jobs with a tag wait, and how many work. */
export async function countLive(
  { jobs }: Compute,
  functionId: string,
  tag: string,
  signal?: AbortSignal,
): Promise<Live> {
  const count = (statuses: readonly JobStatus[]): Promise<number> =>
    jobs.count(
      [...jobsOf(functionId, tag), where.in('status', statuses)],
      signal === undefined ? {} : { signal },
    );
  const pending = await count(['pending']);
  return { pending, running: await count(LIVE.filter((status) => status !== 'pending')) };
}

/** The task that a job of ours is of; null: it is none. */
function taskOf({ args }: ComputeJob): number | null {
  const task = args?.[0];
  return Number.isSafeInteger(task) && (task as number) >= 0 ? (task as number) : null;
}
