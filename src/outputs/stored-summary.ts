/** The summary of a run that this process did not run, from what is stored of it. */
import { Histogram } from '../base/histogram.js';
import { readRounds } from '../store/rounds.js';
import { specOfRound } from '../store/rounds.js';
import { outputsThere } from './outputs-there.js';
import { readResults } from './results.js';
import { isLive, type RunOverview } from './run-state.js';
import type { EndStatus, RunSummary } from './summary.js';

/** Of a run that nothing goes on in. Throws STORE_FAILED. */
export function storedSummary({ id, paths, run, state }: RunOverview): RunSummary {
  const { counts, status } = state;
  const round = readRounds(paths).at(-1);
  const durations = Histogram.fromList(state.durations);
  const ended = isLive(status) ? 'interrupted' : (status as EndStatus);
  const isSample = ended === 'stopped' && state.kind === 'run' && run.spec.sample !== null;
  const roundMs =
    state.ended === null || state.roundStarted === null ? state.workedMs : state.ended - state.roundStarted;
  return {
    id,
    name: run.spec.name,
    spec: specOfRound(run.spec, round),
    status: ended,
    reason: state.reason,
    round: state.round,
    code: { hash: round?.code ?? run.code, isNew: round !== undefined && round.code !== run.code },
    counts: {
      total: state.total,
      done: counts.done,
      ok: counts.ok,
      errors: counts.errors,
      results: counts.results,
    },
    failures: Object.fromEntries(Object.entries(counts.failures).filter(([, n]) => n > 0)),
    paths: { run: paths.dir, ...outputsThere(paths, run) },
    moved: [],
    durationMs: Math.max(0, roundMs),
    p50Ms: durations.percentile(0.5),
    p95Ms: durations.percentile(0.95),
    failed: counts.errors > 0 || !(ended === 'finished' || isSample),
    results: (options) => readResults(paths, options),
  };
}
