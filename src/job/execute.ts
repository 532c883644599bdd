/**
 * Executes a round: joins source, platform, journal and collector, and sums it up.
 * lines: one life of a round, told in order.
 */
import { join } from 'node:path';
import { DlJobsError } from '../base/errors.js';
import type { RoundHandle } from '../contract/platform.js';
import { recordLine } from '../contract/record-line.js';
import { RECORD_VERSION } from '../contract/record.js';
import type { CollectorListener } from '../outputs/collector-options.js';
import { lastRecordAt } from '../outputs/unwatched.js';
import { eventDescriber } from '../outputs/log-notes.js';
import type { RestoreOptions } from '../outputs/restore.js';
import { TaskLogs } from '../outputs/task-logs.js';
import type { EndStatus, RunSummary } from '../outputs/summary.js';
import { ArgsReader } from '../store/args-store.js';
import { JournalWriter } from '../store/journal-writer.js';
import { lostRecord } from '../store/lost-tasks.js';
import { writeCharged, writeRound } from '../store/rounds.js';
import { newWriterName } from '../store/run-folder.js';
import { maskFolder } from '../worker/mask-log.js';
import { followFile, followNewLogs, type Follower } from './follow-file.js';
import { eachTaskLog } from './print-logs.js';
import type { Reporter } from './reporter.js';
import { RoundKeeper } from './round-keeper.js';
import type { PreparedRound } from './round.js';
import { ShardFollower } from './follow-shards.js';
import { StoredSource, type RoundSource } from './stored-source.js';
import { summarize } from './summarize.js';
import { failureLimit } from '../worker/failure-limit.js';
import { openOutputs, settleOutputs } from './round-outputs.js';

/** What runs may go on this long after the first interrupt. */
export const INTERRUPT_GRACE_MS = 10_000;

export interface ExecuteOptions {
  readonly reporter: Reporter;
  /** Aborted: hand out nothing more and end within a grace period. */
  readonly signal: AbortSignal;
  /** Aborted: end now. */
  readonly killSignal: AbortSignal;
  /** Aborted: go away, and leave running what runs elsewhere. Where nothing does, it is the same as `signal`. */
  readonly leaveSignal?: AbortSignal;
  /** Told once the platform has the round: from here on it needs this process no more, if it is not done by it. */
  readonly onSubmitted?: () => void;
}

/** Rejects only when the job is broken; what was recorded until then is in the outputs. */
export async function executeRound(prepared: PreparedRound, options: ExecuteOptions): Promise<RunSummary> {
  const { paths, run, spec, platform, survey } = prepared;
  const { reporter } = options;
  const began = prepared.adopted === true ? roundBegin(prepared) : null;
  const started = began ?? Date.now();
  const { round } = prepared.round;
  const writer = newWriterName();
  const args = new ArgsReader(paths);
  const logs = new TaskLogs(paths.logs, writer);
  let total: number | null = null;
  let printed = false;
  let broke: { readonly error: unknown } | null = null;
  let stopped: { readonly status: EndStatus; readonly reason: string | null } | null = null;
  let handle: RoundHandle | null = null;
  let live: Follower | null = null;
  const breakOff = (error: unknown): void => {
    broke ??= { error };
    handle?.stop(0);
  };
  const stop = (status: EndStatus, reason: string | null, graceMs: number): void => {
    stopped ??= { status, reason };
    handle?.stop(graceMs);
  };
  const listener: CollectorListener = {
    ...(reporter.result &&
      spec.noisy && {
        onResult: (line: string) => {
          // What the task printed stands before its result.
          live?.look();
          reporter.result?.(line);
        },
      }),
    ...(reporter.error && { onError: reporter.error.bind(reporter) }),
    onTaskLog: () => {
      printed = true;
    },
  };
  const restore: Omit<RestoreOptions, 'survey'> = {
    paths,
    run,
    args,
    logs,
    listener,
    describe: eventDescriber(paths, run),
    work: prepared.work,
    anew: false,
  };
  const collector = openOutputs(restore, survey);
  const isRemote = !platform.capabilities.local;
  const isAdopted = prepared.adopted === true;
  if (!isAdopted) {
    writeRound(paths, { ...prepared.round, started: new Date(started).toISOString() }, prepared.work);
    if (isRemote) writeCharged(paths, round, prepared.charged);
  }
  const tooMany = failureLimit(spec.policy);
  const errorsBefore = collector.counts.errors;
  const doneBefore = collector.counts.done;
  const checkLimit = (): void => {
    const errors = collector.counts.errors - errorsBefore;
    const limit = errors > 0 ? tooMany(errors, collector.counts.done, total ?? knownTotal) : null;
    if (limit !== null) stop('stopped', limit.reason, limit.isUrgent ? INTERRUPT_GRACE_MS : Infinity);
  };
  const journal = new JournalWriter(paths, run.id, writer, {
    durability: spec.durability,
    onWritten: (entries) => {
      if (isRemote) collector.from(logs);
      collector.consume(entries);
      checkLimit();
    },
    onError: breakOff,
  });
  const event = (name: string, detail: Record<string, unknown> = {}): void => {
    journal.append(
      [recordLine({ v: RECORD_VERSION, k: 'event', r: round, e: name, at: Date.now(), ...detail })],
      null,
    );
  };
  const onSealed = (count: number): void => {
    if (total !== null) return;
    total = count;
    event('sealed', { count });
  };
  const source = prepared.source(onSealed);
  const alone = source.remaining() === 1 && survey === null;
  const left = source.remaining();
  const knownTotal = left === null ? null : left + collector.counts.done;
  const follower = isRemote
    ? new ShardFollower({
        paths,
        round,
        collector,
        own: journal.path,
        survey,
        onNews: checkLimit,
        onError: breakOff,
      })
    : null;
  const keeper = new RoundKeeper({
    prepared,
    collector,
    journal,
    started,
    handle: () => handle,
    shards: () => follower?.lengths ?? {},
    total: () => total ?? knownTotal,
    onError: breakOff,
    onCancel: () => stop('canceled', null, INTERRUPT_GRACE_MS),
  });
  live =
    // What is to be masked is masked in the file, a moment after it was written.
    alone && reporter.liveOutput !== undefined && prepared.redact.length === 0
      ? isRemote
        ? followNewLogs(paths.logs, reporter.liveOutput.bind(reporter))
        : followFile(logs.path(0), reporter.liveOutput.bind(reporter))
      : null;
  const interrupt = (): void => stop('interrupted', null, INTERRUPT_GRACE_MS);
  const kill = (): void => handle?.stop(0);
  options.signal.addEventListener('abort', interrupt);
  options.killSignal.addEventListener('abort', kill);
  let handed: RoundSource = source;
  let isSubmitted = false;
  let isLeft = false;
  const leave = (): void => {
    // Only what the platform has can go on there. It is asked again then.
    if (handle !== null && !isSubmitted) return;
    if (handle?.leave === undefined) {
      interrupt();
      return;
    }
    isLeft = true;
    handle.leave();
  };
  const wantsToLeave = (): boolean => options.leaveSignal?.aborted === true;
  options.leaveSignal?.addEventListener('abort', leave);

  try {
    if (!isAdopted) {
      event('round-started', {
        w: writer,
        kind: prepared.round.kind,
        platform: platform.name,
        code: prepared.round.code,
      });
    }
    for (const task of prepared.lost) journal.append([lostRecord(task, round)], [task, task]);
    try {
      // Workers elsewhere take their arguments from the run folder.
      if (isRemote) await sealed(source);
      // What goes on elsewhere must hear of an end that was asked for early.
      if (isAdopted || (!options.signal.aborted && !wantsToLeave())) {
        handle = await platform.start({
          spec,
          runId: run.id,
          round,
          dir: paths.dir,
          code: prepared.code,
          entry: join(prepared.code, prepared.round.entry),
          projectRoot: run.codeRoot,
          configRoot: run.projectRoot,
          cwd: run.cwd,
          writer,
          source: (handed = isRemote ? fromFolder() : source),
          journal,
          digests: run.outputs.log === null ? 'results' : 'results and log',
          env: prepared.env,
          redact: prepared.redact,
          warn: (text) => reporter.warn(text),
          notice: (text) => reporter.notice(text),
          left: () => doneBefore + tasksOfRound() - collector.counts.done,
          isOpen: (task) => prepared.work?.has(task) ?? true,
          canceled: (reason) => stop('canceled', reason, 0),
          most: prepared.sample,
          mayStart: prepared.mayStart ?? true,
        });
        const working = handle;
        if (options.signal.aborted) interrupt();
        if (options.killSignal.aborted) kill();
        // What went wrong is told by `done`, once the platform has tidied up.
        await working.submitted?.catch(async () => await working.done);
        isSubmitted = true;
        if (wantsToLeave()) leave();
        options.onSubmitted?.();
        reporter.started?.({
          id: run.id,
          dir: paths.dir,
          spec,
          total: () => total ?? knownTotal,
          counts: collector.counts,
          doneBefore: collector.counts.done,
          workers: () => working.status(),
          queue: () => working.queue?.() ?? null,
          started,
        });
        await working.done;
        if (!isLeft) await follower?.finish();
        // A worker that was killed may not have got to it.
        if (isRemote && prepared.redact.length > 0) maskFolder(paths.logs, prepared.redact);
      } else interrupt();
    } catch (error) {
      broke ??= { error };
    }
    source.close();
    if (handed !== source) handed.close();
    if (broke === null) flushJournal();
    const end = endOf();
    const { done, ok, errors } = collector.counts;
    const now = Date.now();
    // Of a round that came to its end before anybody took it over, not how long nobody looked.
    const workEnd = isAdopted && end.status === 'finished' ? lastRecordAt(paths, journal.path) : now;
    const ended = Math.max(started, Math.min(workEnd, now));
    const durationMs = ended - started;
    if (end.status !== 'running')
      event('round-ended', {
        w: writer,
        status: end.status,
        ...(end.reason !== null && { reason: end.reason }),
        ...(broke !== null && { broken: describeBreak((broke as { error: unknown }).error) }),
        done,
        ok,
        errors,
        ms: durationMs,
        at: ended,
      });
    await journal.close();
    await keeper.stop();
    live?.stop();
    follower?.close();
    const final = settleOutputs(collector, restore, {
      total,
      ordered: spec.ordered && broke === null,
      ranAgain: prepared.round.again > 0,
    });
    final.flush();
    await keeper.finish(final, end.status, end.reason, ended);
    final.close();
    if (broke !== null) throw (broke as { error: unknown }).error;
    if (spec.printLogs && printed && live === null && reporter.taskLog !== undefined) {
      const writers = new Set([...(follower?.writers ?? []), writer]);
      for (const { task, lines } of eachTaskLog(paths, collector, writers)) reporter.taskLog(task, lines);
    }
    return summarize(prepared, final, { ...end, total: total ?? knownTotal, durationMs });
  } catch (error) {
    collector.abandon();
    throw broke?.error ?? error;
  } finally {
    reporter.ended?.();
    await keeper.stop();
    live?.stop();
    follower?.close();
    options.leaveSignal?.removeEventListener('abort', leave);
    options.signal.removeEventListener('abort', interrupt);
    options.killSignal.removeEventListener('abort', kill);
    logs.close();
    args.close();
    prepared.lock.release();
  }

  /** The tasks of the round once their arguments are all there. */
  function fromFolder(): RoundSource {
    const count = total ?? 0;
    return new StoredSource(paths, {
      count,
      work: prepared.work?.closedAt(count) ?? null,
      shuffle: prepared.round.shuffle,
      charged: prepared.charged,
      ...(prepared.sample !== null && { most: prepared.sample }),
    });
  }

  /** Tasks that this round is to bring to an end, those that are given up among them. */
  function tasksOfRound(): number {
    const all = prepared.work?.closedAt(total ?? 0).size ?? total ?? 0;
    return Math.min(all, prepared.sample ?? Infinity) + prepared.lost.length;
  }

  async function sealed(list: RoundSource): Promise<void> {
    const stopped = (): void => list.close();
    options.signal.addEventListener('abort', stopped);
    try {
      await list.seal();
    } finally {
      options.signal.removeEventListener('abort', stopped);
    }
  }

  /** The last group of records may still wait to be written. */
  function flushJournal(): void {
    try {
      journal.flush();
    } catch (error) {
      breakOff(error);
    }
  }

  function endOf(): { status: EndStatus; reason: string | null } {
    if (broke !== null)
      return { status: 'interrupted', reason: describeBreak((broke as { error: unknown }).error) };
    // More than all: after a power failure records can be ahead of a list that was then sealed.
    if (total !== null && collector.counts.done >= total) return { status: 'finished', reason: null };
    if (isLeft) return { status: 'running', reason: null };
    if (stopped !== null) return stopped;
    const rest = total === null ? 'some tasks' : `${total - collector.counts.done} tasks`;
    if (prepared.sample !== null)
      return { status: 'stopped', reason: `a sample of ${prepared.sample} was asked for` };
    return { status: 'stopped', reason: `${rest} were not asked for` };
  }
}

/** When the round began that this process takes over, epoch milliseconds; null: it does not say. */
function roundBegin({ survey, round }: PreparedRound): number | null {
  return survey?.events.find(({ e, r }) => e === 'round-started' && r === round.round)?.at ?? null;
}

function describeBreak(error: unknown): string {
  const text = error instanceof DlJobsError ? `${error.message} [${error.code}]` : String(error);
  return text.split('\n')[0] ?? '';
}
