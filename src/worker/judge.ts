/** What becomes of the tasks of a host that died. */
import { formatDuration, formatSize } from '../base/sizes.js';
import type { TaskErrorInfo } from '../contract/record.js';
import type { JobSpec } from '../contract/spec.js';
import { blame, only, suspect, type Verdict } from './blame.js';
import { ranMs, type Charge } from './charge.js';
import type { HostExit } from './host-process.js';
import { readTail } from './log-tail.js';
import { unanswered, type Outstanding, type Place } from './outstanding.js';
import type { KernelKills } from './proc.js';
import type { Sentence } from './sentence.js';

export interface DeadHost {
  readonly exit: HostExit;
  /** Null: it died by itself, or somebody else ended it. */
  readonly sentence: Sentence | null;
  readonly outstanding: readonly Outstanding[];
  /** Its log, and where that ended. */
  readonly logFile: string;
  readonly logTo: number;
  /** Peak resident size, KiB; null where it was not watched. */
  readonly peak: number | null;
}

export interface Judgement extends Pick<Verdict, 'suspects' | 'innocent'> {
  readonly charges: readonly Charge[];
}

/** Bytes at the end of a log that V8's last words are looked for in. */
const LAST_WORDS = 65_536;

export function judge(host: DeadHost, spec: JobSpec, kernelKills: KernelKills): Judgement {
  const { exit, sentence, outstanding } = host;
  const isSequential = spec.taskConcurrency === 1;
  switch (sentence?.why) {
    case 'stop':
    case 'signal':
      return { charges: [], suspects: [], innocent: [] };
    case 'late': {
      const guilty = sentence.tasks.filter(({ out, position }) => out.answered[position] === false);
      const starts = new Map<Place, number>(guilty.map((place) => [place, place.startMs]));
      return charged(only(guilty, outstanding), (place) => timeout(place, starts.get(place) ?? null, spec));
    }
    case 'stuck':
      return charged(blame(outstanding, isSequential, undefined), (place) => timeout(place, null, spec));
    case 'memory': {
      const { running, isItsOwn, peak } = sentence;
      const isOpen = running !== undefined && running.out.answered[running.position] === false;
      // Between two tasks nobody is to blame for what those before left; without an answer yet, loading took it.
      const isBetween = isSequential && !isItsOwn && running === undefined;
      const isNobody = isBetween || (running !== undefined && !isOpen);
      const verdict = isNobody
        ? only([], outstanding)
        : isOpen && !isItsOwn
          ? suspect(running, outstanding)
          : blame(outstanding, isSequential, running);
      return charged(verdict, (place) => tooLarge(place, startOf(place, exit), peak, spec));
    }
    case undefined: {
      const { progress } = exit;
      const named =
        isSequential && progress !== null
          ? unanswered(outstanding, progress.batch, progress.position)
          : undefined;
      const error = causeOfDeath(host, spec, kernelKills);
      return charged(blame(outstanding, isSequential, named), (place) => ({
        place,
        failure: error.type === 'OutOfMemory' ? 'oom' : 'crash',
        startMs: startOf(place, exit),
        error,
        ...(host.peak !== null && { rss: host.peak }),
      }));
    }
  }
}

function charged({ guilty, suspects, innocent }: Verdict, charge: (place: Place) => Charge): Judgement {
  return { charges: guilty.map(charge), suspects, innocent };
}

/** When the task began, if it is the one that its host named. */
function startOf({ out, position }: Place, { progress }: HostExit): number | null {
  return progress?.batch === out.id && progress.position === position ? progress.startMs : null;
}

function timeout(place: Place, startMs: number | null, spec: JobSpec): Charge {
  const limit = formatDuration(spec.policy.timeout ?? 0);
  const ran = formatDuration(ranMs(place.out, startMs) / 1000);
  return {
    place,
    failure: 'timeout',
    startMs,
    error: { type: 'Timeout', message: `the task may take ${limit}, and was ended after ${ran}` },
  };
}

function tooLarge(place: Place, startMs: number | null, peak: number, spec: JobSpec): Charge {
  const { policy, taskConcurrency } = spec;
  const limit = formatSize((policy.memory ?? 0) * taskConcurrency);
  const whose =
    taskConcurrency > 1
      ? `${taskConcurrency} tasks may use ${limit} of memory together`
      : `the task may use ${limit} of memory`;
  return {
    place,
    failure: 'oom',
    startMs,
    rss: peak,
    error: { type: 'OutOfMemory', message: `${whose}, and was ended at ${formatSize(peak * 1024)}` },
  };
}

function causeOfDeath(host: DeadHost, spec: JobSpec, kernelKills: KernelKills): TaskErrorInfo {
  const { code, signal, killed } = host.exit;
  const ended = signal === null ? { exitCode: code ?? -1 } : { signal };
  if ((signal === 'SIGABRT' || code === 134) && spec.language === 'node' && saysOutOfMemory(host)) {
    const { memory } = spec.policy;
    const limit = memory === null ? '' : ` The task may use ${formatSize(memory)} of memory.`;
    return {
      type: 'OutOfMemory',
      message: `the task filled the JavaScript heap of its process, which then ended.${limit}`,
      ...ended,
    };
  }
  const since = Math.min(...host.outstanding.map((out) => out.sentMs));
  if (signal === 'SIGKILL' && !killed && kernelKills.since(since)) {
    return {
      type: 'OutOfMemory',
      message: 'the system ran out of memory and killed the process that ran the task',
      ...ended,
    };
  }
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
  return { type: 'Crash', message: `the process that ran the task ended with ${how}`, ...ended };
}

/** V8's last words: `FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory`. */
function saysOutOfMemory({ outstanding, logFile, logTo }: DeadHost): boolean {
  const from = Math.min(...outstanding.map((out) => out.logFrom));
  return /^FATAL ERROR: .*out of memory/m.test(readTail(logFile, from, logTo, LAST_WORDS));
}
