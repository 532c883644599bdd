/** What a worker looks at while its hosts work: their time, their memory, their logs, and whether they are stopped. */
import type { RoundContext } from '../contract/platform.js';
import { PROGRESS_ALIVE } from '../contract/wire.js';
import { unanswered, type Place } from './outstanding.js';
import { Families, isStopped, type KernelKills } from './proc.js';
import { monotonicMs, type Progress } from './progress-file.js';
import { endNow, endSoon } from './sentence.js';
import type { Slot } from './slot.js';

const MEMORY_MS = 100;
const MASK_MS = 200;
const SLOW_MS = 2_000;
/** A host that said nothing for so long may be stopped. */
const SILENCE_MS = 10_000;
/** A host may be silent for so long beyond the limit of a task: it does something between tasks. */
const STUCK_MS = 1_000;

/** Memory of one host. */
interface Usage {
  /** What the host ran when it was last looked at: batch and position. */
  batch: number;
  position: number;
  /** Resident size at the first look at that, KiB. */
  before: number;
  peak: number;
}

export class Watch {
  readonly #slots: readonly Slot[];
  readonly #round: RoundContext;
  readonly #kernelKills: KernelKills;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #families = new Families();
  readonly #usage = new Map<Slot, Usage>();
  readonly #stopped = new Set<Slot>();

  /** @param onError - a look failed: the round cannot keep what it promised */
  constructor(
    slots: readonly Slot[],
    round: RoundContext,
    kernelKills: KernelKills,
    onError: (error: unknown) => void,
  ) {
    this.#slots = slots;
    this.#round = round;
    this.#kernelKills = kernelKills;
    const { timeout, memory } = round.spec.policy;
    const every = (ms: number, look: (slot: Slot) => void): void => {
      const lookAtAll = (): void => {
        try {
          for (const slot of slots) if (slot.host !== null) look(slot);
        } catch (error) {
          onError(error);
        }
      };
      this.#timers.push(setInterval(lookAtAll, ms).unref());
    };
    if (timeout !== null) {
      const limit = timeout * 1000;
      every(Math.min(Math.max(limit / 10, 20), 500), (slot) => this.#time(slot, limit));
    }
    if (memory !== null) {
      const limit = (memory / 1024) * round.spec.taskConcurrency;
      every(MEMORY_MS, (slot) => this.#memory(slot, limit));
    }
    if (round.redact.length > 0) every(MASK_MS, (slot) => slot.mask?.wholeLines());
    this.#timers.push(setInterval(() => this.#slow(), SLOW_MS).unref());
  }

  /** A host has begun or ended: what was seen of the one before is forgotten. */
  forget(slot: Slot): void {
    this.#usage.delete(slot);
    this.#stopped.delete(slot);
  }

  /** Most memory that its present host was seen to use, KiB. */
  peak(slot: Slot): number | null {
    return this.#usage.get(slot)?.peak ?? null;
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #time(slot: Slot, limit: number): void {
    const { host, outstanding } = slot;
    if (host === null || !slot.ready || slot.sentence !== null || outstanding.length === 0) return;
    const now = monotonicMs();
    const progress = host.progress();
    if (this.#round.spec.taskConcurrency > 1) {
      // Which task is late, such a host says itself, unless its loop is blocked.
      const alive = progress?.batch === PROGRESS_ALIVE ? progress.startMs : 0;
      if (now - Math.max(alive, slot.heardAt) > limit + STUCK_MS) endSoon(slot, { why: 'stuck' });
      return;
    }
    const place = placeOf(slot, progress);
    if (place === undefined || progress === null) {
      if (now - slot.heardAt > limit + STUCK_MS) endSoon(slot, { why: 'stuck' });
      return;
    }
    // Read again, it must be the same: half of the file may have been of the task before.
    if (now - progress.startMs <= limit || !isSame(progress, host.progress())) return;
    endSoon(slot, { why: 'late', tasks: [{ ...place, startMs: progress.startMs }] });
  }

  #memory(slot: Slot, limit: number): void {
    const root = slot.host?.root;
    if (root === undefined || slot.sentence?.why === 'memory') return;
    const size = this.#families.residentKiB(root, limit);
    if (size === null) return;
    const progress = slot.host?.progress() ?? null;
    const { batch, position } = progress ?? { batch: 0, position: 0 };
    const last = this.#usage.get(slot);
    const goesOn = last?.batch === batch && last.position === position;
    // Many tasks may have passed since the last look: only growth that was seen during this one is surely its own.
    const before = goesOn ? last.before : size;
    this.#usage.set(slot, { batch, position, before, peak: Math.max(size, last?.peak ?? 0) });
    if (size <= limit) return;
    const running = placeOf(slot, progress);
    // What the tasks before it left behind is not the fault of the one that runs now. That there were some the host says
    // before their answers are read.
    const [first] = slot.outstanding;
    const isFirst =
      slot.answers === 0 && (running === undefined || (running.out === first && running.position === 0));
    const isItsOwn = isFirst || (running !== undefined && size - before >= limit / 2);
    endNow(slot, { why: 'memory', peak: size, running, isItsOwn });
  }

  /** What need not be known at once. */
  #slow(): void {
    this.#kernelKills.look();
    const now = monotonicMs();
    for (const slot of this.#slots) {
      const pid = slot.host?.pid;
      if (pid === undefined || slot.outstanding.length === 0 || now - slot.heardAt < SILENCE_MS) {
        this.#stopped.delete(slot);
      } else if (!isStopped(pid)) {
        this.#stopped.delete(slot);
      } else if (!this.#stopped.has(slot)) {
        this.#stopped.add(slot);
        this.#round.warn(
          `host ${slot.index} (pid ${pid}) is stopped by a signal; \`kill -CONT ${pid}\` lets it go on`,
        );
      }
    }
  }
}

/** The unanswered task that a host says it runs. */
export function placeOf({ outstanding }: Slot, progress: Progress | null): Place | undefined {
  return progress === null ? undefined : unanswered(outstanding, progress.batch, progress.position);
}

function isSame(a: Progress, b: Progress | null): boolean {
  return b !== null && a.batch === b.batch && a.position === b.position && a.startMs === b.startMs;
}
