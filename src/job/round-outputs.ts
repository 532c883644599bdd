/** The outputs of a run at the beginning and at the end of a round. */
import { Collector } from '../outputs/collector.js';
import { openOutput } from '../outputs/outputs-of-run.js';
import { restoreCollector, type RestoreOptions } from '../outputs/restore.js';
import { surveyRun, type Survey } from '../outputs/survey.js';

type RoundOutputs = Omit<RestoreOptions, 'survey'>;

/** `survey` null: the run is new, and has no outputs yet. */
export function openOutputs(options: RoundOutputs, survey: Survey | null): Collector {
  if (survey !== null) return restoreCollector({ ...options, survey });
  const { paths, run, args, logs, listener, describe } = options;
  return new Collector({
    spec: run.spec,
    files: {
      results: openOutput(paths, run, 'results'),
      errors: openOutput(paths, run, 'errors'),
      log: openOutput(paths, run, 'log'),
    },
    args,
    logs,
    listener,
    describe,
  });
}

/**
 * Outputs hold what counts. They are made anew where that is not so: a task got a second outcome, some of those
 * that were to run again did not, or they are wanted in the order of the tasks.
 *
 * @param total - tasks of the run; null: not known
 * @param ranAgain - tasks that were ok have run again: one that failed keeps its result
 */
export function settleOutputs(
  collector: Collector,
  options: RoundOutputs,
  { total, ordered, ranAgain }: { total: number | null; ordered: boolean; ranAgain: boolean },
): Collector {
  const stillOpen = collector.reopened && collector.counts.done < (total ?? Infinity);
  if (!collector.contested && !ordered && !stillOpen && !ranAgain) return collector;
  collector.flush();
  collector.abandon();
  const survey = surveyRun(options.paths);
  return restoreCollector({ ...options, survey, work: null, anew: true, ordered, listener: {} });
}
