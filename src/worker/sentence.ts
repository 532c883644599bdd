/** Why the worker ends a host before its time, and how. */
import type { HostProcess } from './host-process.js';
import type { LateMessage } from '../contract/wire.js';
import { unanswered, type Outstanding, type Place } from './outstanding.js';
import { monotonicMs } from './progress-file.js';

/** A task that took too long. */
export interface LateTask extends Place {
  /** When it began, monotonic milliseconds. */
  readonly startMs: number;
}

export type Sentence =
  /** These tasks are over their time. */
  | { readonly why: 'late'; readonly tasks: LateTask[] }
  /** The host does nothing any more, and did not say what with. */
  | { readonly why: 'stuck' }
  | {
      readonly why: 'memory';
      /** What it used, KiB. */
      readonly peak: number;
      /** The task that it ran; undefined: none whose answer is missing. */
      readonly running: Place | undefined;
      /** False: most of it was there before that task. */
      readonly isItsOwn: boolean;
    }
  /** It was ended by a signal from outside; whether that was meant for the worker as well, a moment will tell. */
  | { readonly why: 'signal' }
  /** The round is being stopped: what the host had gets no outcome. */
  | { readonly why: 'stop' };

/** What has a host. */
interface Owner {
  readonly host: HostProcess | null;
  readonly outstanding: readonly Outstanding[];
  sentence: Sentence | null;
}

/** A host that was asked to end has so long before it is killed. */
const KILL_GRACE_MS = 5_000;

/** Asks the host to end, and kills it if it does not. It gets no more work. */
export function endSoon(owner: Owner, sentence: Sentence): void {
  const { host } = owner;
  owner.sentence = sentence;
  host?.kill('SIGTERM');
  setTimeout(() => host?.kill('SIGKILL'), KILL_GRACE_MS).unref();
}

/** Kills the host. What it is charged with already stays. */
export function endNow(owner: Owner, sentence: Sentence): void {
  owner.sentence ??= sentence;
  owner.host?.kill('SIGKILL');
}

/** A host says that a task of it is over its time. */
export function endLate(owner: Owner, { id, position, ms }: LateMessage): void {
  const place = unanswered(owner.outstanding, id, position);
  if (place === undefined) return;
  const task = { ...place, startMs: monotonicMs() - ms };
  if (owner.sentence === null) endSoon(owner, { why: 'late', tasks: [task] });
  else if (owner.sentence.why === 'late') owner.sentence.tasks.push(task);
}

/** Where a host is being ended for tasks that have answered after all, the others need not wait for it any longer. */
export function endIfAnswered(owner: Owner): void {
  const { sentence } = owner;
  if (sentence?.why !== 'late') return;
  if (sentence.tasks.every(({ out, position }) => out.answered[position] === true)) endNow(owner, sentence);
}
