/**
 * A round on Slurm: workers are submitted, looked after, replaced, and in the end removed.
 * lines: one life of a round, told in order.
 */
import type {
  HostStatus,
  QueueStatus,
  RoundContext,
  RoundHandle,
  WorkerStatus,
} from '../../contract/platform.js';
import { DlJobsError } from '../../base/errors.js';
import { Nap } from '../../base/nap.js';
import { readSealed } from '../../store/args-store.js';
import { cutChunks, readChunks, writeChunks, type ChunkTable } from '../../store/chunks.js';
import { GUARD, readClaims } from '../../store/claims.js';
import { hostsOf, markGone, readGone, readHeartbeats, type Heartbeat } from '../../store/heartbeat.js';
import { readRounds, readWork } from '../../store/rounds.js';
import { runPaths, type RunPaths } from '../../store/run-folder.js';
import { stopOfRound, writeStop } from '../../store/stop-file.js';
import { LOST_AFTER } from '../../store/unanswered.js';
import type { JobEnd, QueueAnswer, SlurmClient } from './client.js';
import { GONE, isLive, piecesOf, queueStatus, vanishedWorkers, type Piece } from './pieces.js';
import { elementsFor, jobName, mostElements } from './request.js';
import { Submissions, type Submission } from './submissions.js';
import { LAST_LOOK_MS } from './submit.js';
import { workersFailed } from './workers-failed.js';

/** How often the round is looked at. */
const TICK_MS = 250;
/** How often workers are looked at, and this much more rarely for each there is. */
const LOOK_MS = 1_000;
const LOOK_MS_PER_WORKER = 10;
/** Slurm is asked no more often than this, */
const LEAST_ASK_MS = 8_000;
/** and no more rarely. */
const MOST_ASK_MS = 60_000;
/** Workers that were told to stop are removed so long after they should have ended. */
const STOP_GRACE_MS = 5_000;
/** So often workers are replaced without any of them getting anything done. */
const IDLE_REPLACEMENTS = 2;

export class SlurmRound implements RoundHandle {
  readonly done: Promise<void>;
  /** Resolves once Slurm has the first workers, or will have none; rejects as {@link done} does. */
  readonly submitted: Promise<void>;
  readonly #context: RoundContext;
  readonly #client: SlurmClient;
  readonly #paths: RunPaths;
  readonly #submissions: Submissions;
  readonly #chunks: ChunkTable;
  #heartbeats: Heartbeat[] = [];
  #pieces: Piece[] = [];
  #answer: QueueAnswer | null = null;
  /** How elements ended that the queue shows no more. */
  readonly #ends = new Map<string, JobEnd>();
  #lookAt = 0;
  #askAt: number;
  #askEveryMs = LEAST_ASK_MS;
  /** Tasks that were left when workers were last submitted, and how often that was so. */
  #leftBefore = Infinity;
  #idleReplacements = 0;
  #isLeft = false;
  /** Slurm is being asked. */
  #asking: Promise<void> | null = null;
  /** Workers are being submitted for those that ended. */
  #replacing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;
  /**
   * Elements that were canceled before this process took over: by anyone, also by a controller that died over it and
   * could not note it on a full disk.
   */
  #removedBefore: number | null = null;
  readonly #began = performance.now();
  /** What Slurm said last when it took no further workers. */
  #refusal = '';
  /** Of a submission that Slurm does not answer. */
  readonly #giveUp = new AbortController();
  /** Of a question that nobody needs answered any more. */
  readonly #over = new AbortController();
  #stop: { readonly killAt: number; readonly graceMs: number } | null = null;
  /** The workers are told that the round is to end. */
  #isTold = false;
  readonly #nap = new Nap();

  /** Cuts the round into chunks where that was not done. Throws STORE_FAILED. */
  constructor(context: RoundContext, client: SlurmClient) {
    const { dir, round, spec } = context;
    this.#context = context;
    this.#client = client;
    this.#paths = runPaths(dir);
    this.#submissions = new Submissions(this.#paths, round);
    this.#chunks = readChunks(this.#paths, round) ?? this.#cut(spec.slurm.maxWorkers);
    const isTakenOver = this.#submissions.all.length > 0;
    this.#askAt = performance.now() + (isTakenOver ? 0 : LEAST_ASK_MS);
    if (!isTakenOver) this.#removedBefore = 0;
    this.submitted = this.#begin();
    this.done = this.#run()
      .catch(async (error: unknown) => {
        // What is in the queue would wait for nobody.
        this.stop(0);
        await this.#end().catch(() => undefined);
        throw error;
      })
      .finally(() => this.#over.abort());
    // Whoever started the round waits for it later.
    this.done.catch(() => undefined);
  }

  status(): WorkerStatus {
    const alive = this.#alive();
    return {
      hosts: alive.reduce((sum, { hosts }) => sum + hosts.length, 0),
      busy: alive.reduce((sum, { hosts }) => sum + hosts.filter(({ tasks }) => tasks > 0).length, 0),
      inFlight: alive.reduce((sum, { inFlight }) => sum + inFlight, 0),
    };
  }

  hosts(): readonly HostStatus[] {
    return hostsOf(this.#alive());
  }

  queue(): QueueStatus | null {
    if (this.#answer === null) return null;
    return queueStatus(this.#submissions.jobs, this.#pieces, this.#answer.silentMs);
  }

  stop(graceMs: number): void {
    const killAt = performance.now() + graceMs + (graceMs > 0 ? STOP_GRACE_MS : 0);
    if (this.#stop !== null && this.#stop.killAt <= killAt) return;
    this.#stop = { killAt, graceMs };
    this.#isTold = false;
    this.#giveUp.abort();
    this.#nap.wake();
    this.#tellWorkers();
  }

  /** A disk that is full may be why the round ends: then it is tried again, and Slurm ends the workers in any case. */
  #tellWorkers(): void {
    if (this.#stop === null || this.#isTold) return;
    try {
      writeStop(this.#paths, this.#context.round, this.#stop.graceMs);
      this.#isTold = true;
    } catch {
      // Nobody who asks for an end is to be given an error instead.
    }
  }

  leave(): void {
    this.#isLeft = true;
    this.#giveUp.abort();
    this.#nap.wake();
  }

  #cut(maxWorkers: number): ChunkTable {
    const { round, most } = this.#context;
    const file = readRounds(this.#paths).find((one) => one.round === round);
    if (file === undefined) throw new Error(`round ${round} is not written`);
    const work = readWork(this.#paths, file);
    const of = readSealed(this.#paths)?.count ?? work?.of ?? 0;
    const table = cutChunks({ of, work, shuffle: file.shuffle, most: most ?? null }, maxWorkers);
    writeChunks(this.#paths, round, table);
    return table;
  }

  async #begin(): Promise<void> {
    await this.#findUnknown();
    if (this.#submissions.jobs.length === 0 && this.#left() > 0 && this.#context.mayStart !== false) {
      await this.#submit(this.#wanted());
    }
  }

  async #run(): Promise<void> {
    await this.submitted;
    while (!this.#isLeft && this.#stop === null && this.#left() > 0) {
      this.#look();
      this.#askAlongside();
      this.#replace();
      await this.#pause(TICK_MS);
      if (this.#failure !== null) throw this.#failure.error;
    }
    if (this.#isLeft) {
      this.#over.abort();
      await Promise.all([this.#replacing, this.#asking]);
    } else await this.#end();
  }

  /**
   * A controller that died, or gave up, may have submitted what it could not note any more. Resolves to the names of
   * jobs that Slurm may have for all one knows, as it does not answer and the round is to end.
   */
  async #findUnknown(): Promise<readonly string[]> {
    const names: string[] = [];
    for (const submission of this.#submissions.all.filter(({ job }) => job === null)) {
      const { name } = submission;
      // The queue as it was some seconds ago may be that of before the submission.
      let found = await this.#find(name);
      while (found === null && this.#stop === null && !this.#isLeft) {
        await this.#pause(LEAST_ASK_MS);
        found = await this.#find(name);
      }
      if (found === null) names.push(name);
      else if (found[0] !== undefined) this.#submissions.note({ ...submission, job: found[0] });
    }
    return names;
  }

  /** Who waits for the end of a round does not wait long. */
  async #find(name: string): Promise<readonly string[] | null> {
    return await this.#client.find(name, this.#stop === null ? undefined : LAST_LOOK_MS);
  }

  #look(): void {
    const now = performance.now();
    if (now < this.#lookAt) return;
    const { round } = this.#context;
    this.#heartbeats = readHeartbeats(this.#paths, round);
    // A worker found that too many tasks failed.
    const stop = this.#stop === null ? stopOfRound(this.#paths, round) : null;
    if (stop !== null) this.stop(stop.graceMs);
    this.#lookAt = now + LOOK_MS + LOOK_MS_PER_WORKER * this.#heartbeats.length;
  }

  /** Asks Slurm when it is time. It may need long to answer; the round is looked after meanwhile, and may end. */
  #askAlongside(): void {
    if (this.#asking !== null || performance.now() < this.#askAt) return;
    this.#asking = this.#ask()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#asking = null;
        this.#nap.wake();
      });
  }

  /** Asks Slurm, and notes which workers cannot be alive any more. */
  async #ask(): Promise<void> {
    const answer = await this.#client.queue(this.#over.signal);
    if (answer.silentMs === 0) await this.#learnEnds(answer);
    // Not before it is known how they ended: what is done about it depends on that.
    this.#answer = answer;
    this.#pieces = piecesOf(this.#submissions.all, answer, this.#ends);
    this.#askEveryMs = Math.min(MOST_ASK_MS, this.#askEveryMs * 1.3);
    this.#askAt = performance.now() + this.#askEveryMs;
    if (answer.silentMs > 0) return;
    this.#removedBefore ??= answer.askedAt > this.#began ? this.#removed() + this.#ending() : null;
    const { round } = this.#context;
    const known = readGone(this.#paths, round);
    this.#heartbeats = readHeartbeats(this.#paths, round);
    for (const { writer, ...gone } of vanishedWorkers(this.#heartbeats, this.#pieces)) {
      if (!known.has(writer)) markGone(this.#paths, round, writer, gone);
    }
  }

  /** Slurm forgets what has ended some minutes ago; its accounting, where there is one, does not. */
  async #learnEnds(answer: QueueAnswer): Promise<void> {
    const pieces = piecesOf(this.#submissions.all, answer, this.#ends);
    const unknown = pieces.filter(({ id, row, isLive: lives }) => {
      return !lives && row === null && !this.#ends.has(id);
    });
    if (unknown.length === 0) return;
    const ends = await this.#client.ends(unknown.map(({ id }) => id));
    for (const { id } of unknown) this.#ends.set(id, ends.get(id) ?? GONE);
  }

  /** Submits workers for those that ended while there was work left. Slurm may take its time; the round goes on. */
  #replace(): void {
    if (this.#replacing !== null) return;
    const { mayStart, round } = this.#context;
    const ended = this.#heartbeats.some(({ state, end }) => state === 'ended' && end !== 'done');
    // Somebody seems to be missing: what Slurm says is worth knowing soon.
    if (ended && this.#askAt > performance.now() + LEAST_ASK_MS)
      this.#askAt = performance.now() + LEAST_ASK_MS;
    if (this.#answer === null || this.#answer.silentMs > 0 || this.#answer.askedAt < this.#lastSubmission)
      return;
    const live = this.#pieces.filter((piece) => piece.isLive).length;
    // Who removes a worker by `scancel` does not want another in its place.
    const removed = this.#removed();
    const most = this.#mostElements - removed;
    const others = this.#pieces.some(
      ({ isLive: lives, end }) => lives || (end?.state !== 'CANCELLED' && end?.state !== 'COMPLETED'),
    );
    if (live === 0 && removed > 0 && (most <= 0 || !others)) {
      const who = removed <= (this.#removedBefore ?? 0) ? 'while nobody watched' : 'from outside';
      this.#context.canceled?.(`its Slurm jobs were canceled ${who}`);
      return;
    }
    const missing = Math.min(this.#wanted(), most) - live;
    if (missing <= 0 || (live > 0 && this.#freeChunks() === 0)) return;
    const left = this.#left();
    if (live === 0) {
      this.#idleReplacements = left < this.#leftBefore ? 0 : this.#idleReplacements + 1;
      const broken = this.#heartbeats.filter(({ end }) => end === 'failed');
      const nothingDone = this.#heartbeats.every(({ counts }) => counts.done === 0);
      // Workers that began were perhaps ended by one task, which is given up when that happened often enough.
      const most = this.#heartbeats.some(({ end }) => end !== 'failed') ? LOST_AFTER + 1 : IDLE_REPLACEMENTS;
      if (this.#idleReplacements >= most || (broken.length > 0 && nothingDone)) {
        throw workersFailed(this.#paths, round, this.#heartbeats, this.#pieces);
      }
    }
    if (mayStart === false) return;
    this.#replacing = this.#submit(missing)
      .catch((error: unknown) => {
        const isSlurm = error instanceof DlJobsError && /^SLURM_/.test(error.code);
        if (live === 0 || !isSlurm) this.#failure = { error };
        else this.#replaceLater(error);
      })
      .finally(() => {
        this.#replacing = null;
      });
  }

  /** Elements that somebody canceled. */
  #removed(): number {
    return this.#pieces.filter(({ end }) => end?.state === 'CANCELLED').length;
  }

  /** Elements that are over, although Slurm is not done with them. */
  #ending(): number {
    return this.#pieces.filter(({ row }) => row?.state === 'COMPLETING').length;
  }

  /** Slurm has no room for more workers; those that there are go on. */
  #replaceLater({ message }: DlJobsError): void {
    if (message !== this.#refusal)
      this.#context.warn(`no worker takes the place of those that ended: ${message}`);
    this.#refusal = message;
    this.#lastSubmission = performance.now();
    this.#askEveryMs = MOST_ASK_MS;
    this.#askAt = performance.now() + MOST_ASK_MS;
  }

  #lastSubmission = -Infinity;

  /** In several arrays where the site allows only so many elements in one. */
  async #submit(elements: number): Promise<void> {
    const { runId, round } = this.#context;
    const most = await this.#client.mostElements();
    const isFirst = this.#submissions.jobs.length === 0;
    const made: Submission[] = [];
    this.#leftBefore = this.#left();
    for (let rest = elements; rest > 0 && this.#stop === null; rest -= most) {
      const part = {
        name: jobName(runId, round, this.#submissions.count + 1),
        elements: Math.min(rest, most),
        at: Date.now(),
      };
      this.#submissions.note({ ...part, job: null });
      const submitted = await this.#client.submit(part.name, part.elements, this.#giveUp.signal);
      if (submitted === null) return;
      const submission = { ...part, ...submitted };
      this.#submissions.note(submission);
      made.push(submission);
      // How elements of an earlier job with that id ended says nothing of these.
      for (const id of this.#ends.keys()) if (id.startsWith(`${submitted.job}_`)) this.#ends.delete(id);
      // No more may wait at a time.
      if (submitted.elements < part.elements) break;
    }
    if (made.length > 0) this.#tell(made, isFirst);
    this.#lastSubmission = performance.now();
    this.#askEveryMs = LEAST_ASK_MS;
    this.#askAt = performance.now() + LEAST_ASK_MS;
  }

  #tell(arrays: readonly Submission[], isFirst: boolean): void {
    const workers = arrays.reduce((sum, { elements }) => sum + elements, 0);
    const text = `${workers}${isFirst ? '' : ' more'} ${workers === 1 ? 'worker' : 'workers'} in Slurm job ${arrays.map(({ job }) => job).join(', ')}`;
    const advice = isFirst ? '; Ctrl-C ends the run, without this terminal it goes on' : '';
    this.#context.notice?.(`${this.#context.runId}: ${text}${advice}`);
  }

  /** Removes what is left of the round. What was told to stop may end by itself first. */
  async #end(): Promise<void> {
    const jobs = (): string[] => this.#submissions.jobs;
    this.#giveUp.abort();
    await this.#replacing;
    if (this.#submissions.all.length === 0) return;
    if (this.#stop === null) this.stop(0);
    const unknown = (await this.#findUnknown()).join(',');
    if (unknown !== '') {
      this.#context.warn(
        'Slurm does not answer, and may have taken a job of this round, whose workers would end at once: ' +
          `\`squeue --me --name=${unknown}\` tells; \`scancel\` what it shows`,
      );
    }
    if (jobs().length === 0) return;
    await this.#client.cancel(jobs(), 'pending');
    this.#askAt = Math.min(this.#askAt, performance.now() + LEAST_ASK_MS);
    const deadline = (): number => (this.#stop?.killAt ?? 0) + STOP_GRACE_MS;
    for (;;) {
      this.#tellWorkers();
      this.#lookAt = 0;
      this.#look();
      // Of workers that died nobody hears anything but from Slurm, which may take its time.
      this.#askAlongside();
      const gone = readGone(this.#paths, this.#context.round);
      const isOver = this.#heartbeats.every(({ state, writer }) => state === 'ended' || gone.has(writer));
      if (isOver || performance.now() >= deadline()) break;
      await this.#pause(TICK_MS);
    }
    const { left } = await this.#client.cancel(jobs(), 'all');
    this.#over.abort();
    await this.#asking;
    if (left.length > 0) {
      this.#context.warn(`these jobs could not be ended: ${left.join(', ')}; \`scancel\` them`);
    }
  }

  #left(): number {
    return this.#context.left?.() ?? 0;
  }

  get #mostElements(): number {
    return mostElements(this.#context.spec);
  }

  /** Elements that there is work for. */
  #wanted(): number {
    return elementsFor(this.#context.spec, this.#left());
  }

  /** Chunks that nobody has who lives. */
  #freeChunks(): number {
    const { round } = this.#context;
    const claims = readClaims(this.#paths, round);
    const claimed = claims.size - (claims.has(GUARD) ? 1 : 0);
    const gone = readGone(this.#paths, round);
    const orphaned = this.#heartbeats
      .filter(({ writer, state }) => state === 'ended' || gone.has(writer))
      .reduce((sum, { holds }) => sum + holds.length, 0);
    return this.#chunks.bounds.length - 1 - claimed + orphaned;
  }

  #alive(): Heartbeat[] {
    const gone = readGone(this.#paths, this.#context.round);
    const answer = this.#answer;
    // What Slurm said before it fell silent, or before workers were submitted, says nothing of them.
    const isOld = answer === null || answer.silentMs > 0 || answer.askedAt < this.#lastSubmission;
    const live = new Set(
      this.#pieces.filter(({ row }) => row !== null && isLive(row.state)).map(({ id }) => id),
    );
    return this.#heartbeats.filter(
      ({ state, job, writer }) =>
        state !== 'ended' && !gone.has(writer) && (isOld || job === null || live.has(job)),
    );
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#isLeft) await this.#nap.for(ms);
  }
}
