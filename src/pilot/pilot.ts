/**
 * A worker outside the controller: it takes chunks of a round from the run folder, runs their tasks as the worker of
 * `local` does, and writes a shard of its own. It needs nobody: no controller, no network but the shared file system.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DlJobsError, UsageError } from '../base/errors.js';
import type { Allocation, RoundContext } from '../contract/platform.js';
import { isFinal } from '../contract/policy.js';
import { recordLine } from '../contract/record-line.js';
import { scanEnds } from '../contract/record-scan.js';
import { RECORD_VERSION } from '../contract/record.js';
import { ArgsLines } from '../store/args-lines.js';
import { ArgsReader } from '../store/args-store.js';
import { Chunks, readChunks } from '../store/chunks.js';
import { readHeartbeats, type WorkerEnd } from '../store/heartbeat.js';
import { JournalWriter, type JournalEntry } from '../store/journal-writer.js';
import { lostRecord, oomRecord } from '../store/lost-tasks.js';
import { readCharged, readRounds, specOfRound, type RoundFile } from '../store/rounds.js';
import { newWriterName, readRun, runPaths } from '../store/run-folder.js';
import { stopOfRound, writeStop } from '../store/stop-file.js';
import { WORKER_ENDED } from '../store/unanswered.js';
import { openContainer } from '../worker/container/open.js';
import { failureLimit } from '../worker/failure-limit.js';
import { redactPatterns } from '../worker/redact.js';
import { startWorker } from '../worker/start-worker.js';
import type { Worker } from '../worker/worker.js';
import { ChunkSource } from './chunk-source.js';
import { Deadline } from './deadline.js';
import { PilotPulse } from './pulse.js';

export interface PilotOptions {
  /** The run folder, absolute. */
  readonly dir: string;
  readonly round: number;
  readonly allocation: Allocation;
  /** Variables of this process: those that the job asks for are among them. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The system ends this worker: now, or (`soon`) when its time is up, which is not far. */
  readonly onSignal: (told: (when: 'now' | 'soon') => void) => void;
  readonly warn: (text: string) => void;
}

/** The ids of GPUs are those of the machine that submits: a worker has those that it was given. */
const THEIR_OWN = { gpuIds: null };
/** How often the worker looks at the clock and for a request to stop. */
const LOOK_MS = 1_000;
/** What runs when a failure stops the round may go on for so long. */
const STOP_GRACE_MS = 10_000;

/**
 * Works until nothing is left, the time is up, or it is told to stop.
 *
 * Throws what makes the job broken or the run unreadable, after it has noted that it failed.
 */
export async function runPilot(options: PilotOptions): Promise<WorkerEnd> {
  const paths = runPaths(options.dir);
  const run = readRun(paths);
  const round = roundOf(options, readRounds(paths));
  const table = readChunks(paths, round.round);
  if (table === null) throw notReady(options, 'its chunks are not written');
  const ofRound = specOfRound(run.spec, round);
  const { hostsPerWorker } = ofRound.slurm;
  const spec = { ...ofRound, ...THEIR_OWN, workers: hostsPerWorker * ofRound.taskConcurrency };
  const writer = newWriterName();
  const chunks = new Chunks(paths, round, table);
  const args = new ArgsReader(paths);
  const lines = round.shuffle !== null && args.isStored() ? new ArgsLines(paths, table.of) : null;
  const env = Object.fromEntries(
    spec.env.flatMap((name) => {
      const value = options.environment[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  let worker: Worker | null = null;
  let end: WorkerEnd | null = null;
  let failure: { readonly error: unknown } | null = null;
  const finish = (why: WorkerEnd, graceMs: number): void => {
    end ??= why;
    source.close();
    worker?.stop(graceMs);
  };
  const fail = (error: unknown): void => {
    failure ??= { error };
    finish('failed', 0);
  };
  const source: ChunkSource = new ChunkSource({
    paths,
    round: round.round,
    writer,
    chunks,
    args: lines === null ? args : { lines: (task) => lines.line(task) },
    charged: readCharged(paths, round.round),
    goneMs: spec.slurm.workerTimeout * 1_000,
    onLost: (task, how) => journal.append([lostRecord(task, round.round, how)], [task, task]),
    onOutOfMemory: (task, attempt, how) => {
      const final = isFinal(spec.policy, 'oom', attempt);
      journal.append([oomRecord(task, round.round, attempt, how, final)], [task, task]);
      return final;
    },
    onError: fail,
  });
  const pulse = new PilotPulse(paths, round.round, {
    writer,
    node: hostname(),
    allocation: options.allocation,
    goneMs: spec.slurm.workerTimeout * 1_000,
    source,
    worker: () => worker,
    journal: () => journal.length,
  });
  const deadline = new Deadline(options.allocation);
  const journal = new JournalWriter(paths, run.id, writer, {
    durability: spec.durability,
    onWritten: (entries) => note(entries),
    onError: fail,
  });
  options.onSignal((when) => {
    if (when === 'now') finish('signal', 0);
    else deadline.isSoon();
  });
  const limit = failureLimit(spec.policy);
  /** The controller sees to it, too; but it may be gone. */
  const checkFailures = (): void => {
    if (pulse.errors === 0 || stopOfRound(paths, round.round) !== null) return;
    const all = readHeartbeats(paths, round.round).filter((beat) => beat.writer !== writer);
    const errors = all.reduce((sum, { counts }) => sum + counts.errors, pulse.errors);
    const done = all.reduce((sum, { counts }) => sum + counts.done, pulse.done);
    const reached = limit(errors, done, table.of);
    if (reached !== null) writeStop(paths, round.round, reached.isUrgent ? STOP_GRACE_MS : Infinity);
  };
  const hasLimit = spec.policy.failFast || spec.policy.maxFailures !== null;
  const look = (): void => {
    try {
      if (hasLimit) checkFailures();
      const stop = stopOfRound(paths, round.round);
      if (stop !== null) finish('stop', stop.graceMs);
      const left = deadline.look();
      if (left === 'drain') finish('deadline', deadline.graceMs);
      else if (left === 'over') finish('deadline', 0);
      pulse.beat(end === null ? 'running' : 'draining');
    } catch (error) {
      fail(error);
    }
  };
  pulse.beat('starting');
  const timer = setInterval(look, LOOK_MS);
  try {
    const context: RoundContext = {
      spec,
      runId: run.id,
      round: round.round,
      dir: paths.dir,
      code: join(paths.code, round.code),
      entry: join(paths.code, round.code, round.entry),
      projectRoot: run.codeRoot,
      cwd: run.cwd,
      writer,
      source,
      journal,
      digests: 'none',
      env,
      redact: redactPatterns(spec.redact, env),
      warn: options.warn,
    };
    event('worker-started', { job: options.allocation.job, node: hostname() });
    const container = await openContainer(context);
    if (end === null) {
      worker = startWorker(context, { endsWithUs: true, container });
      await worker.done;
    }
  } catch (error) {
    fail(error);
  }
  clearInterval(timer);
  source.close();
  const why = endOf();
  try {
    event(WORKER_ENDED, { why });
    await journal.close();
  } catch (error) {
    fail(error);
  }
  args.close();
  lines?.close();
  pulse.end(why, failure === null ? null : describe((failure as { error: unknown }).error));
  if (failure !== null) throw (failure as { error: unknown }).error;
  // Somebody has to go on, and perhaps no controller is there to see to it. A worker that got nothing done would not
  // the next time either.
  if (why === 'deadline' && pulse.done > 0 && !source.allFinished) await options.allocation.again();
  return why;

  function note(entries: readonly JournalEntry[]): void {
    for (const { lines: records } of entries) {
      scanEnds(records.toString('latin1'), ({ task, final, failure: type, duration }) => {
        deadline.took(duration);
        if (!final) return;
        pulse.counted(type === null);
        source.settle(task);
      });
    }
  }

  function endOf(): WorkerEnd {
    return failure !== null ? 'failed' : (end ?? 'done');
  }

  function event(name: string, detail: Record<string, unknown>): void {
    journal.append(
      [
        recordLine({
          v: RECORD_VERSION,
          k: 'event',
          r: round.round,
          e: name,
          at: Date.now(),
          w: writer,
          ...detail,
        }),
      ],
      null,
    );
  }
}

function roundOf(options: PilotOptions, rounds: readonly RoundFile[]): RoundFile {
  const round = rounds.find((one) => one.round === options.round);
  if (round === undefined) throw notReady(options, `it has no round ${options.round}`);
  return round;
}

function notReady({ dir }: PilotOptions, what: string): UsageError {
  return new UsageError('RUN_STATE', `expected a round that waits for workers in ${dir}: ${what}`, {
    hint: 'Workers are started by the platform of a run. `dl_jobs resume` starts those that are missing.',
  });
}

function describe(error: unknown): { code: string; message: string; hint: string | null } {
  if (error instanceof DlJobsError)
    return { code: error.code, message: error.message, hint: error.hint ?? null };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'BUG', message: text, hint: null };
}
