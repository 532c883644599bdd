/** What a round still has to hand out: the tasks of its source, and those that come back. */
import type { RoundContext, TaskBatch, TaskSource } from '../contract/platform.js';
import type { Verdict } from './blame.js';
import type { Outstanding } from './outstanding.js';
import { Retries } from './retries.js';
import type { Slot } from './slot.js';

export interface BacklogEvents {
  /** There may be something for hosts that have room, first of all for that of `slot`. */
  onMore(slot: Slot | null): void;
  /** The source failed. */
  onError(error: unknown): void;
}

export class Backlog {
  readonly #source: TaskSource;
  readonly #slots: number;
  readonly #events: BacklogEvents;
  readonly #retries: Retries;
  /** Tasks of a dead host, to run again one at a time. */
  readonly #suspects: TaskBatch[] = [];
  /** Tasks that were given to a host which died before it began them. */
  readonly #returned: TaskBatch[] = [];
  #exhausted = false;
  #closed = false;

  /** @param slots - how many share it */
  constructor({ source, spec }: RoundContext, slots: number, events: BacklogEvents) {
    this.#source = source;
    this.#slots = slots;
    this.#events = events;
    this.#retries = new Retries(spec.policy, source, () => events.onMore(null));
  }

  /** True: all was handed out, and nothing waits for another attempt. */
  get isEmpty(): boolean {
    const waiting = this.#suspects.length + this.#returned.length + this.#retries.size;
    return this.#exhausted && waiting === 0;
  }

  /** For a host that has room; null: nothing now. Throws what the source throws. */
  take(slot: Slot): TaskBatch | null {
    if (this.#closed) return null;
    if (this.#suspects.length > 0 || this.#retries.lethalDue) {
      // They need a host to themselves: let this one drain first.
      if (slot.outstanding.length > 0) return null;
      return this.#suspects.pop() ?? this.#retries.takeLethal();
    }
    return this.#returned.pop() ?? this.#takeRetries(slot) ?? this.#takeFromSource(slot);
  }

  /** Tasks of a host that died. */
  giveBack({ suspects, innocent }: Pick<Verdict, 'suspects' | 'innocent'>): void {
    this.#suspects.push(...suspects);
    this.#returned.push(...innocent);
  }

  /** Batches of a host that died before it began any. */
  giveBackUnbegun(outstanding: readonly Outstanding[]): void {
    for (const { batch } of outstanding) (batch.alone === true ? this.#suspects : this.#returned).push(batch);
  }

  /** Attempt `attempt` at a task failed; it is tried again later. `lethal`: it ended its host. */
  retry(task: number, attempt: number, lethal: boolean): void {
    if (!this.#closed) this.#retries.add(task, attempt, lethal);
  }

  /** Hands out nothing more. */
  close(): void {
    this.#closed = true;
    this.#retries.clear();
  }

  #takeRetries(slot: Slot): TaskBatch | null {
    const { size } = this.#retries;
    return size === 0 ? null : this.#retries.take(slot.size.next(size, this.#slots));
  }

  /** Null: the batch is suspected of killing its host, and waits for one to itself. */
  #arrived(batch: TaskBatch): TaskBatch | null {
    if (batch.alone !== true) return batch;
    this.#suspects.push(batch);
    return null;
  }

  /** When the source must be waited for, the slot hears once it answers. */
  #takeFromSource(slot: Slot): TaskBatch | null {
    if (this.#exhausted || slot.waiting) return null;
    const taken = this.#source.take(slot.size.next(this.#source.remaining(), this.#slots));
    if (taken === null) {
      this.#exhausted = true;
      return null;
    }
    if (!(taken instanceof Promise)) return this.#arrived(taken) ?? this.take(slot);
    slot.waiting = true;
    taken.then(
      (batch) => {
        slot.waiting = false;
        if (batch === null) this.#exhausted = true;
        else this.#returned.push(...[this.#arrived(batch)].filter((arrived) => arrived !== null));
        this.#events.onMore(slot);
      },
      (error: unknown) => {
        slot.waiting = false;
        // After a stop nobody waits for the list any more, which may have been stopped by the same Ctrl-C.
        if (!this.#closed) this.#events.onError(error);
      },
    );
    return null;
  }
}
