import type { Collector } from '../outputs/collector.js';
import type { OutputFile } from '../outputs/output-file.js';
import { readResults } from '../outputs/results.js';
import type { EndStatus, RunSummary } from '../outputs/summary.js';
import type { PreparedRound } from './round.js';

/** What a round has brought its run to. */
export function summarize(
  prepared: PreparedRound,
  { counts, files, tally }: Collector,
  end: {
    readonly total: number | null;
    readonly status: EndStatus;
    readonly reason: string | null;
    readonly durationMs: number;
  },
): RunSummary {
  const { paths, run, spec, round } = prepared;
  const failures = Object.fromEntries(Object.entries(counts.failures).filter(([, n]) => n > 0));
  const isThere = (file: OutputFile | null): string | null => (file?.exists === true ? file.path : null);
  const asked =
    end.status === 'finished' ||
    end.status === 'running' ||
    (end.status === 'stopped' && prepared.sample !== null);
  return {
    id: run.id,
    name: spec.name,
    spec,
    status: end.status,
    reason: end.reason,
    round: round.round,
    code: { hash: round.code, isNew: round.code !== run.code },
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
      results: isThere(files.results),
      errors: isThere(files.errors),
      log: isThere(files.log),
    },
    moved: [files.results?.movedTo, files.errors?.movedTo].filter((path) => typeof path === 'string'),
    durationMs: end.durationMs,
    p50Ms: tally.durations.percentile(0.5),
    p95Ms: tally.durations.percentile(0.95),
    failed: counts.errors > 0 || !asked,
    results: (options) => readResults(paths, options),
  };
}
