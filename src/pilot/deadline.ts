/** How a worker spends the end of its allocation: it begins nothing that will not fit, and ends before it is ended. */
import type { Allocation } from '../contract/platform.js';

/** What must be written after the last task needs so long, seconds: a twentieth of the whole time, within these. */
const LEAST_CLOSING = 3;
const MOST_CLOSING = 20;

/** Where the system gives a signal before the end, it is asked to give it so many seconds before. */
const SIGNAL_LEAD = 60;

export class Deadline {
  readonly #allocation: Allocation;
  /** The most that was ever left: about what was given, seconds. */
  #whole = 0;
  /** The longest that a task took, seconds. */
  #longest = 0;
  /** When the system said that the time is nearly up, by `performance.now()`. */
  #toldAt = Infinity;

  constructor(allocation: Allocation) {
    this.#allocation = allocation;
  }

  /** A task took so many milliseconds. */
  took(ms: number): void {
    this.#longest = Math.max(this.#longest, ms / 1000);
  }

  /** The system says that the time is up in {@link SIGNAL_LEAD} seconds. */
  isSoon(): void {
    this.#toldAt = Math.min(this.#toldAt, performance.now());
  }

  /** What runs may go on for so long, milliseconds. */
  get graceMs(): number {
    const left = this.#left();
    return left === null ? Infinity : Math.max(0, (left - this.#closing) * 1000);
  }

  /** `drain`: nothing more should be begun. `over`: what runs is to be ended now. */
  look(): 'time' | 'drain' | 'over' {
    const left = this.#left();
    if (left === null) return 'time';
    if (left <= this.#closing) return 'over';
    // A task that is longer than half of the time is begun in the first half, or it never would be.
    const half = this.#whole > 0 ? this.#whole / 2 : Infinity;
    return left < this.#closing + Math.min(this.#longest, half) ? 'drain' : 'time';
  }

  /** Seconds until the worker is ended; null: it is not, or nobody knows. */
  #left(): number | null {
    const known = this.#allocation.secondsLeft();
    if (known !== null) this.#whole = Math.max(this.#whole, known);
    if (this.#toldAt === Infinity) return known;
    return Math.min(known ?? Infinity, SIGNAL_LEAD - (performance.now() - this.#toldAt) / 1000);
  }

  /** Seconds that are kept for what must be written after the last task. */
  get #closing(): number {
    return Math.min(MOST_CLOSING, Math.max(LEAST_CLOSING, this.#whole / 20));
  }
}
