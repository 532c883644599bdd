/**
 * A round on EarthOne: its tasks are sent as jobs of one function, and what became of them is asked for until all are
 * through. The server works on without us; whoever takes over asks for the rest.
 * lines: one life of a round, told in order.
 */
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DlJobsError, InfrastructureError } from '../../base/errors.js';
import { Nap } from '../../base/nap.js';
import type {
  HostStatus,
  QueueStatus,
  RoundContext,
  RoundHandle,
  WorkerStatus,
} from '../../contract/platform.js';
import { readSealed } from '../../store/args-store.js';
import { writeAtomic } from '../../store/atomic.js';
import { markHandedOver } from '../../store/handed-over.js';
import { readRounds, readWork } from '../../store/rounds.js';
import { runPaths, type RunPaths } from '../../store/run-folder.js';
import { writeStop } from '../../store/stop-file.js';
import { UnauthorizedError } from './api/errors.js';
import { Collection } from './collect.js';
import type { Bundle } from './bundle.js';
import type { Compute } from './compute.js';
import type { EarthOneRequest } from './request.js';
import { cancelJobs } from './cancel.js';
import { functionFor } from './function.js';
import { refuseLargeArguments } from './longest-argument.js';
import { LIVE } from './outcome.js';
import { sendAll } from './send.js';
import { rerunJobs } from './rerun.js';
import { jobsOfTasks, Sent, type UsedFunction } from './sent.js';
import { isPassing, queueOf, tagsOf } from './words.js';

/** Jobs are asked for this often while some end, and less and less often while none does. */
const FIRST_LOOK_MS = 500;
const MOST_LOOK_MS = 15_000;
/** Tokens that are refused in a row until it is the credentials that are wrong. */
const MOST_REFUSALS = 3;
/** While the server does not answer. */
const FIRST_SILENCE_MS = 2_000;
const MOST_SILENCE_MS = 60_000;
/** After so many looks in vain all jobs are looked at, not only those that ended since. */
const IN_VAIN = 5;
/** What was canceled is waited for so long. */
const CANCEL_MS = 60_000;

export interface RoundParts {
  readonly compute: Compute;
  readonly request: EarthOneRequest;
  readonly bundle: () => Bundle;
}

export class EarthOneRound implements RoundHandle {
  readonly done: Promise<void>;
  readonly submitted: Promise<void>;
  readonly #context: RoundContext;
  readonly #parts: RoundParts;
  readonly #paths: RunPaths;
  readonly #sent: Sent;
  readonly #count: number;
  /** Aborted: nothing more is sent, and nothing waited for. */
  readonly #sending = new AbortController();
  /** Aborted: nothing more is asked. */
  readonly #asking = new AbortController();
  #collection: Collection | null = null;
  #isAllSent = false;
  #isLeft = false;
  #stop: { readonly killAt: number } | null = null;
  #queue: QueueStatus | null = null;
  #silentSince: number | null = null;
  readonly #nap = new Nap();

  constructor(context: RoundContext, parts: RoundParts) {
    this.#context = context;
    this.#parts = parts;
    this.#paths = runPaths(context.dir);
    this.#count = readSealed(this.#paths)?.count ?? 0;
    // Each request under way listens, and Node warns of more than ten.
    setMaxListeners(0, this.#sending.signal, this.#asking.signal);
    this.#sent = new Sent(this.#paths, context.round, this.#count);
    let onSubmitted = (): void => undefined;
    this.submitted = new Promise((resolve) => {
      onSubmitted = resolve;
    });
    this.done = this.#run(() => onSubmitted()).finally(() => {
      onSubmitted();
      this.#collection?.close();
    });
    // Whoever started the round waits for it later.
    this.done.catch(() => undefined);
  }

  status(): WorkerStatus {
    const running = this.#queue?.running ?? 0;
    return { hosts: running, busy: running, inFlight: running + (this.#queue?.pending ?? 0) };
  }

  hosts(): readonly HostStatus[] {
    return [];
  }

  queue(): QueueStatus | null {
    const silentMs = this.#silentSince === null ? 0 : performance.now() - this.#silentSince;
    return this.#queue === null ? null : { ...this.#queue, silentMs };
  }

  stop(graceMs: number): void {
    const killAt = performance.now() + graceMs;
    if (this.#stop !== null && this.#stop.killAt <= killAt) return;
    this.#stop = { killAt };
    this.#sending.abort();
    try {
      writeStop(this.#paths, this.#context.round, graceMs);
    } catch {
      // Nobody who asks for an end is to be given an error instead.
    }
    this.#nap.wake();
  }

  leave(): void {
    this.#isLeft = true;
    this.#sending.abort();
    this.#asking.abort();
    this.#nap.wake();
  }

  async #run(onSubmitted: () => void): Promise<void> {
    const used = await this.#function();
    if (used === null) return;
    const { compute } = this.#parts;
    const { round, runId } = this.#context;
    const tags = tagsOf(runId, round);
    const collection = new Collection({
      round: this.#context,
      compute,
      used,
      tag: tags.run,
      roundTag: tags.round,
      sent: this.#sent,
      count: this.#count,
      logPath: join(this.#paths.logs, `${this.#context.writer}-0.log`),
      signal: this.#asking.signal,
    });
    this.#collection = collection;
    const sending = this.#send(used, [...tags.all, ...this.#parts.request.tags]).then(() => {
      if (this.#sending.signal.aborted) return;
      this.#isAllSent = true;
      onSubmitted();
      this.#nap.wake();
    });
    // It is heard of below, or when the looking is over.
    sending.catch(() => this.#nap.wake());
    try {
      await Promise.race([this.#watch(collection), failing(sending)]);
      await sending;
      if (this.#stop !== null && !this.#isLeft) await this.#end(used, collection, tags.run);
    } catch (error) {
      if (this.#isLeft && this.#asking.signal.aborted) return;
      // A further round sends what is left again: what is there would be done for nobody.
      this.stop(0);
      await cancelJobs(compute, used.id, tags.run, LIVE, this.#asking.signal).catch(() => undefined);
      throw error;
    } finally {
      this.#sending.abort();
      if (!this.#isLeft) this.#asking.abort();
    }
  }

  /** Null: the end was asked for before there was one. */
  async #function(): Promise<UsedFunction | null> {
    if (this.#sent.function !== null) return this.#sent.function;
    const { spec, env, notice, round } = this.#context;
    const { compute, request, bundle } = this.#parts;
    const { signal } = this.#sending;
    refuseLargeArguments(this.#paths.args);
    try {
      const made = await functionFor(
        { name: `${spec.moduleName}.${spec.methodName}`, bundle: bundle(), request, environment: env },
        {
          compute,
          signal,
          notice: notice ?? (() => undefined),
          onBuildLog: (log) => {
            writeAtomic(join(this.#paths.logs, `build-${round}.log`), log, false);
          },
        },
      );
      const used = { id: made.id, name: made.name ?? '', namespace: made.namespace };
      markHandedOver(this.#paths, round);
      this.#sent.use(used);
      return used;
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  async #send(used: UsedFunction, tags: readonly string[]): Promise<void> {
    const { signal } = this.#sending;
    const context = {
      round: this.#context,
      compute: this.#parts.compute,
      used,
      sent: this.#sent,
      tags,
      signal,
      insist: <T>(what: () => Promise<T>): Promise<T> => this.#insist(what, signal),
    };
    try {
      await rerunJobs(this.#failedBefore(used), context);
      await sendAll(context);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Jobs of the last round with the same function, by task, where this round runs again what failed. */
  #failedBefore(used: UsedFunction): ReadonlyMap<number, string> {
    const { round } = this.#context;
    const rounds = readRounds(this.#paths);
    const file = rounds.find((one) => one.round === round);
    const work = file?.kind === 'retry' ? readWork(this.#paths, file) : null;
    const wanted = new Set<number>();
    if (work !== null) for (let task = work.next(0); task >= 0; task = work.next(task + 1)) wanted.add(task);
    const jobs = new Map<number, string>();
    if (wanted.size === 0) return jobs;
    for (const { round: earlier } of rounds.filter((one) => one.round < round)) {
      const before = jobsOfTasks(this.#paths, earlier, wanted);
      if (before.function?.id !== used.id) continue;
      for (const [task, id] of before.jobs) jobs.set(task, id);
    }
    return jobs;
  }

  /** Looks for what has ended until nothing is left, or the end is asked for. */
  async #watch(collection: Collection): Promise<void> {
    let wait = FIRST_LOOK_MS;
    let inVain = 0;
    while (!this.#isLeft && this.#stop === null && this.#left() > 0) {
      await this.#pause(wait);
      if (this.#isLeft || this.#stop !== null) return;
      const { signal } = this.#asking;
      const all = inVain >= IN_VAIN;
      // What there is to see of the jobs is seen before their outcomes come, which can take long.
      if (this.#queue === null) this.#note(await this.#insist(() => collection.live(), signal));
      const { fresh, canceled } = await this.#insist(() => collection.look(all), signal);
      const live = await this.#insist(() => collection.live(), signal);
      this.#note(live);
      if (fresh > 0) [wait, inVain] = [FIRST_LOOK_MS, 0];
      else [wait, inVain] = [Math.min(MOST_LOOK_MS, wait * 1.5), inVain + 1];
      const isOver = this.#isAllSent && live.pending + live.running === 0 && fresh === 0;
      // What ended while it was asked is seen only now.
      if (!isOver || !all) {
        if (isOver) inVain = IN_VAIN;
        continue;
      }
      if (this.#left() > 0 && !collection.isExpecting) this.#missing(canceled);
    }
  }

  /** Jobs that were sent are neither at work nor through. */
  #missing(canceled: number): void {
    if (canceled > 0) {
      this.#context.canceled?.(`${canceled} of its jobs were canceled on EarthOne`);
      return;
    }
    // A further round sends them again.
    this.stop(0);
    throw new InfrastructureError(
      'EARTHONE_JOBS_GONE',
      `${this.#left()} jobs of the run are not there any more on EarthOne`,
      {
        hint: `Somebody has deleted them, or their function. \`dl_jobs resume ${this.#context.runId}\` sends their tasks again.`,
      },
    );
  }

  /** Cancels what is left, and waits for it. What ended by itself meanwhile counts. */
  async #end(used: UsedFunction, collection: Collection, tag: string): Promise<void> {
    const { compute } = this.#parts;
    const { signal } = this.#asking;
    const cancel = (statuses: typeof LIVE): Promise<void> =>
      cancelJobs(compute, used.id, tag, statuses, signal);
    let giveUpAt = Infinity;
    let isTold = false;
    await cancel(['pending']).catch(() => undefined);
    for (;;) {
      const now = performance.now();
      const isTime = now >= (this.#stop?.killAt ?? 0);
      try {
        const live = await collection.live();
        this.#note(live);
        if (live.pending + live.running === 0) break;
        if (isTime && !isTold) {
          await cancel(LIVE);
          isTold = true;
        } else if (live.pending > 0) await cancel(['pending']);
      } catch (error) {
        if (!isPassing(error)) throw error;
      }
      if (isTime && giveUpAt === Infinity) giveUpAt = now + CANCEL_MS;
      if (now > giveUpAt) {
        this.#context.warn(
          `jobs of the run may still be at work on EarthOne; \`dl_jobs cancel ${this.#context.runId}\` tries again`,
        );
        break;
      }
      await this.#pause(FIRST_LOOK_MS);
    }
    await collection.look(true);
  }

  #note({ pending, running }: { readonly pending: number; readonly running: number }): void {
    this.#queue = queueOf(this.#sent.function?.name ?? '', { pending, running });
  }

  /** Does it again, and says so, for as long as the server does not answer. */
  async #insist<T>(what: () => Promise<T>, signal: AbortSignal): Promise<T> {
    let refused = 0;
    let left = Infinity;
    for (let wait = FIRST_SILENCE_MS; ; wait = Math.min(MOST_SILENCE_MS, wait * 2)) {
      try {
        const result = await what();
        this.#silentSince = null;
        return result;
      } catch (error) {
        if (signal.aborted || this.#stop !== null) throw error;
        if (error instanceof UnauthorizedError) {
          // The client has tried a new token already, but something may have withdrawn that, too. Where outcomes came in
          // between, the credentials are good.
          const now = this.#left();
          if (now < left) [refused, left] = [0, now];
          if (++refused <= MOST_REFUSALS) {
            await sleep(FIRST_SILENCE_MS, undefined, { signal });
            continue;
          }
        }
        if (!isPassing(error)) throw error;
        if (this.#silentSince === null) {
          this.#silentSince = performance.now();
          this.#context.warn(
            `EarthOne does not answer (${error instanceof DlJobsError ? error.message : String(error)}); waiting for it`,
          );
        }
        await sleep(wait, undefined, { signal });
      }
    }
  }

  #left(): number {
    return this.#context.left?.() ?? 0;
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#isLeft) await this.#nap.for(ms);
  }
}

/** Never resolves, and rejects when `promise` does. */
function failing(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    promise.catch(reject);
  });
}
