/** Executes a prepared run: joins source, platform, journal and collector, and sums it up. */
import type { RoundHandle } from '../contract/platform.js';
import { recordLine } from '../contract/record-line.js';
import { RECORD_VERSION } from '../contract/record.js';
import { ArgsReader } from '../store/args-store.js';
import { JournalWriter } from '../store/journal-writer.js';
import { holdLock } from '../store/lock.js';
import { newWriterName, writeRound } from '../store/run-folder.js';
import { Collector } from '../outputs/collector.js';
import { followFile } from './follow-file.js';
import { logFooter, logHeader } from '../outputs/log-notes.js';
import type { PreparedRun } from './prepare.js';
import { eachTaskLog } from './print-logs.js';
import type { Reporter } from './reporter.js';
import { readResults } from '../outputs/results.js';
import { singleSource } from './single-source.js';
import type { RunStatus, RunSummary } from '../outputs/summary.js';
import { TaskLogs } from '../outputs/task-logs.js';
import { taskSource } from './task-source.js';

/** Outputs are written at least this often, so that they can be followed. */
const OUTPUT_FLUSH_MS = 100;
/** What runs may go on this long after the first interrupt. */
export const INTERRUPT_GRACE_MS = 10_000;

export interface ExecuteOptions {
  readonly reporter: Reporter;
  /** Aborted: hand out nothing more and end within a grace period. */
  readonly signal: AbortSignal;
  /** Aborted: end now. */
  readonly killSignal: AbortSignal;
}

/** Rejects only when the job is broken; what was recorded until then is in the outputs. */
export async function executeRun(prepared: PreparedRun, options: ExecuteOptions): Promise<RunSummary> {
  const { paths, run, platform } = prepared;
  const { spec } = run;
  const { reporter } = options;
  const started = Date.now();
  const release = holdLock(paths);
  const writer = newWriterName();
  const args = new ArgsReader(paths);
  const logs = new TaskLogs(paths.logs, writer);
  let total: number | null = null;
  let printed = false;
  const collector = new Collector({
    spec,
    outputs: run.outputs,
    args,
    logs,
    listener: {
      ...(reporter.result && spec.noisy && { onResult: reporter.result.bind(reporter) }),
      ...(reporter.error && { onError: reporter.error.bind(reporter) }),
      onTaskLog: () => {
        printed = true;
      },
    },
  });
  writeRound(paths, {
    version: 1,
    round: 1,
    platform: platform.name,
    code: run.code,
    work: 'all',
    resources: {
      cpus: spec.cpus,
      gpus: spec.gpus,
      workers: spec.workers,
      taskConcurrency: spec.taskConcurrency,
    },
    policy: { durability: spec.durability },
    started: new Date(started).toISOString(),
  });
  let broke: { readonly error: unknown } | null = null;
  let handle: RoundHandle | null = null;
  const breakOff = (error: unknown): void => {
    broke ??= { error };
    handle?.stop(0);
  };
  const journal = new JournalWriter(paths, run.id, writer, {
    durability: spec.durability,
    onWritten: (entries) => collector.consume(entries),
    onError: breakOff,
  });
  const event = (name: string, detail: Record<string, unknown> = {}): void => {
    journal.append([recordLine({ v: RECORD_VERSION, k: 'event', r: 1, e: name, at: Date.now(), ...detail })]);
  };
  const onSealed = (count: number): void => {
    total = count;
    event('sealed', { count });
  };
  const source =
    prepared.list.kind === 'single'
      ? singleSource(prepared.list.line, paths, onSealed)
      : taskSource(prepared.list, paths, spec.limit, onSealed);
  const alone = source.remaining() === 1;
  const knownTotal = source.remaining();
  const live =
    alone && reporter.liveOutput !== undefined
      ? followFile(logs.path(0), reporter.liveOutput.bind(reporter))
      : null;
  const flushTimer = setInterval(() => {
    try {
      collector.flush();
    } catch (error) {
      breakOff(error);
    }
  }, OUTPUT_FLUSH_MS);
  const interrupt = (): void => handle?.stop(INTERRUPT_GRACE_MS);
  const kill = (): void => handle?.stop(0);
  options.signal.addEventListener('abort', interrupt);
  options.killSignal.addEventListener('abort', kill);

  try {
    for (const line of logHeader(run, started)) collector.note(line);
    event('round-started', { platform: platform.name, code: run.code });
    try {
      if (!options.signal.aborted) {
        handle = await platform.start({
          spec,
          runId: run.id,
          round: 1,
          dir: paths.dir,
          code: prepared.code,
          entry: prepared.entry,
          projectRoot: run.codeRoot,
          cwd: run.cwd,
          writer,
          source,
          journal,
          digests: run.outputs.log === null ? 'results' : 'results and log',
        });
        const working = handle;
        reporter.started?.({
          id: run.id,
          dir: paths.dir,
          spec,
          total: () => total ?? knownTotal,
          counts: collector.counts,
          workers: () => working.status(),
          started,
        });
        if (options.signal.aborted) interrupt();
        if (options.killSignal.aborted) kill();
        await working.done;
      }
    } catch (error) {
      broke ??= { error };
    }
    source.close();
    const finished = broke === null && total !== null && collectedAll();
    const status: RunStatus = finished ? 'finished' : 'interrupted';
    event('round-ended', { status: broke === null ? status : 'broken' });
    await journal.close();
    live?.stop();
    const durationMs = Date.now() - started;
    for (const line of logFooter(collector, status, durationMs, broke)) collector.note(line);
    collector.close();
    if (broke !== null) throw (broke as { error: unknown }).error;
    if (spec.printLogs && printed && live === null && reporter.taskLog !== undefined) {
      for (const { task, lines } of eachTaskLog(paths, collector)) reporter.taskLog(task, lines);
    }
    return summarize(prepared, collector, { total, status, durationMs });
  } finally {
    reporter.ended?.();
    clearInterval(flushTimer);
    live?.stop();
    options.signal.removeEventListener('abort', interrupt);
    options.killSignal.removeEventListener('abort', kill);
    logs.close();
    args.close();
    release();
  }

  function collectedAll(): boolean {
    // The last group of records may still wait to be written.
    journal.flush();
    return collector.counts.done === total;
  }
}

function summarize(
  prepared: PreparedRun,
  collector: Collector,
  end: { total: number | null; status: RunStatus; durationMs: number },
): RunSummary {
  const { paths, run } = prepared;
  const { counts } = collector;
  const failures = Object.fromEntries(Object.entries(counts.failures).filter(([, n]) => n > 0));
  return {
    id: run.id,
    name: run.spec.name,
    spec: run.spec,
    status: end.status,
    counts: {
      total: end.total,
      done: counts.done,
      ok: counts.ok,
      errors: counts.errors,
      results: counts.results,
    },
    failures,
    paths: {
      run: paths.dir,
      results: collector.results?.exists === true ? collector.results.path : null,
      errors: collector.errors?.exists === true ? collector.errors.path : null,
      log: collector.log?.exists === true ? collector.log.path : null,
    },
    moved: [collector.results?.movedTo, collector.errors?.movedTo].filter((path) => typeof path === 'string'),
    durationMs: end.durationMs,
    p50Ms: collector.durations.percentile(0.5),
    p95Ms: collector.durations.percentile(0.95),
    failed: counts.errors > 0 || end.status !== 'finished',
    results: (options) => readResults(paths, options),
  };
}
