/** What stands at the head and foot of a log file. */
import { formatElapsed, formatTime } from '../base/timer.js';
import { DlJobsError } from '../base/errors.js';
import type { RunFile } from '../contract/spec.js';
import type { Collector } from './collector.js';
import type { RunStatus } from './summary.js';

export function logHeader(run: RunFile, started: number): string[] {
  const { spec } = run;
  return [
    '='.repeat(100),
    `JOB       ${spec.name}`,
    `FUNCTION  ${spec.moduleName}.${spec.methodName} (${spec.file})`,
    `STARTED   ${formatTime(started)}`,
    `PLATFORM  ${spec.platform}`,
    `IMAGE     ${spec.image} (not used: container is none)`,
    `CPUS      ${spec.cpus}`,
    `GPUS      ${spec.gpus}`,
    `OPTIONS   ${JSON.stringify({
      cpu_job: spec.cpuJob,
      workers: spec.workers,
      task_concurrency: spec.taskConcurrency,
      grouped_results: spec.groupedResults,
      limit: spec.limit,
      modules: spec.modules,
      task_kwargs: spec.taskKwargs,
    })}`,
    `RUN       ${run.id}`,
    `CODE      ${run.code}`,
    '='.repeat(100),
  ];
}

export function logFooter(
  collector: Collector,
  status: RunStatus,
  durationMs: number,
  broke: { readonly error: unknown } | null,
): string[] {
  const { counts } = collector;
  const lines = ['='.repeat(100)];
  if (broke !== null) {
    const { error } = broke;
    lines.push(
      `BROKEN    ${error instanceof DlJobsError ? `${error.message} [${error.code}]` : String(error)}`,
    );
  }
  lines.push(
    `COMPLETED ${broke === null ? status : 'broken'}: ${counts.done} tasks, ${counts.ok} ok, ${counts.errors} errors`,
    `DURATION  ${formatElapsed(durationMs)}`,
  );
  return lines;
}
