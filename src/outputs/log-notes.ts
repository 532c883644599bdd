/** What stands at the head and foot of each round in a log file. Made from the journal's events, so that it can be made again. */
import { formatElapsed, formatTime } from '../base/timer.js';
import type { EventRecord } from '../contract/record.js';
import type { JobSpec, RunFile } from '../contract/spec.js';
import { readRounds, specOfRound, type RoundFile } from '../store/rounds.js';
import type { RunPaths } from '../store/run-folder.js';

/** Tells the lines of the log file for an event; the rounds are read when the first of them is met. */
export function eventDescriber(paths: RunPaths, run: RunFile): (event: EventRecord) => readonly string[] {
  let rounds = new Map<number, RoundFile>();
  return (event) => {
    if (event.e === 'round-ended') return footer(event);
    if (event.e !== 'round-started') return [];
    if (!rounds.has(event.r)) rounds = new Map(readRounds(paths).map((round) => [round.round, round]));
    return header(run, rounds.get(event.r), event);
  };
}

function header(run: RunFile, round: RoundFile | undefined, event: EventRecord): string[] {
  const spec = specOfRound(run.spec, round);
  return [
    '='.repeat(100),
    `JOB       ${spec.name}`,
    `FUNCTION  ${spec.moduleName}.${spec.methodName} (${spec.file})`,
    `STARTED   ${formatTime(event.at)}`,
    `PLATFORM  ${spec.platform}`,
    `IMAGE     ${spec.image} (${imageUse(spec)})`,
    `CPUS      ${spec.cpus}`,
    `GPUS      ${spec.gpuType === null ? '' : `${spec.gpuType}:`}${spec.gpus}`,
    `OPTIONS   ${JSON.stringify({
      cpu_job: spec.cpuJob,
      workers: spec.workers,
      task_concurrency: spec.taskConcurrency,
      grouped_results: spec.groupedResults,
      limit: spec.limit,
      modules: spec.modules,
      task_kwargs: spec.taskKwargs,
    })}`,
    ...passedOver(spec),
    `RUN       ${run.id}`,
    ...(event.r > 1 ? [`ROUND     ${event.r} (${String(event['kind'])})`] : []),
    `CODE      ${String(event['code'])}${event['code'] === run.code ? '' : ' (taken anew)'}`,
    ...(round?.environment ? [`PACKAGES  ${round.environment.folder}`] : []),
    '='.repeat(100),
  ];
}

/** They are for platforms: here a job has what the machine has. */
function passedOver({ platform, taskKwargs }: JobSpec): string[] {
  const keys = platform === 'local' ? Object.keys(taskKwargs) : [];
  return keys.length === 0 ? [] : [`IGNORED   task_kwargs (${keys.join(', ')}): they are for platforms`];
}

function imageUse({ container = 'none' }: JobSpec): string {
  return container === 'none' ? 'not used: container is none' : `container: ${container}`;
}

function footer(event: EventRecord): string[] {
  const lines = ['='.repeat(100)];
  if (typeof event['broken'] === 'string') lines.push(`BROKEN    ${event['broken']}`);
  if (typeof event['reason'] === 'string') lines.push(`REASON    ${event['reason']}`);
  const [done, ok, errors, ms] = ['done', 'ok', 'errors', 'ms'].map((key) => Number(event[key]));
  lines.push(
    `COMPLETED ${String(event['status'])}: ${done} tasks, ${ok} ok, ${errors} errors`,
    `DURATION  ${formatElapsed(ms ?? 0)}`,
  );
  return lines;
}
