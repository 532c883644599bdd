/** How a worker spends the end of its allocation: it begins nothing that will not fit, and ends before it is ended. */
import type { Allocation } from '../contract/platform.js';

/** What must be written after the last task needs so long, seconds: a twentieth of the whole time, within these. */
const LEAST_CLOSING = 3;
const MOST_CLOSING = 20;

export class Deadline {
  readonly #allocation: Allocation;
  readonly #closing: number;
  readonly #most: number;
  /** The longest that a task took, seconds. */
  #longest = 0;
  #soon = false;

  constructor(allocation: Allocation) {
    this.#allocation = allocation;
    const whole = allocation.secondsLeft() ?? Infinity;
    this.#closing = Math.min(MOST_CLOSING, Math.max(LEAST_CLOSING, whole / 20));
    this.#most = whole / 2;
  }

  /** A task took so many milliseconds. */
  took(ms: number): void {
    this.#longest = Math.max(this.#longest, ms / 1000);
  }

  /** The system says that the time is nearly up. */
  isSoon(): void {
    this.#soon = true;
  }

  /** What runs may go on for so long, milliseconds. */
  get graceMs(): number {
    const left = this.#allocation.secondsLeft();
    return left === null ? this.#closing * 1000 : Math.max(0, (left - this.#closing) * 1000);
  }

  /** `drain`: nothing more should be begun. `over`: what runs is to be ended now. */
  look(): 'time' | 'drain' | 'over' {
    const left = this.#allocation.secondsLeft();
    if (left !== null && left <= this.#closing) return 'over';
    // A task that is longer than half of the time is begun in the first half, or it never would be.
    const needed = this.#closing + Math.min(this.#longest, this.#most);
    if (this.#soon || (left !== null && left < needed)) return 'drain';
    return 'time';
  }
}
