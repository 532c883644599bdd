/** Finds the tasks that are over their time, among several that run at once. */

/** The longest that a timer of Node's can wait; one that is longer fires at once. */
const LONGEST_WAIT_MS = 2_147_483_647;

export interface RunningTask {
  readonly batch: number;
  readonly position: number;
  /** `performance.now()` when it began. */
  readonly started: number;
}

export class LateTasks {
  readonly #limitMs: number;
  readonly #onLate: (task: RunningTask, ms: number) => void;
  /** In the order they began in. */
  readonly #running = new Set<RunningTask>();
  #waiting = false;

  constructor(limitMs: number, onLate: (task: RunningTask, ms: number) => void) {
    this.#limitMs = limitMs;
    this.#onLate = onLate;
  }

  begin(task: RunningTask): void {
    this.#running.add(task);
    // One timer for all: it fires for the oldest, and if that ended meanwhile, waits for what is then the oldest.
    if (!this.#waiting) this.#wait(this.#limitMs);
  }

  end(task: RunningTask): void {
    this.#running.delete(task);
  }

  #wait(ms: number): void {
    this.#waiting = true;
    setTimeout(() => this.#look(), Math.min(Math.ceil(ms), LONGEST_WAIT_MS)).unref();
  }

  #look(): void {
    this.#waiting = false;
    const now = performance.now();
    for (const task of this.#running) {
      const ran = now - task.started;
      if (ran < this.#limitMs) {
        this.#wait(this.#limitMs - ran);
        return;
      }
      this.#running.delete(task);
      this.#onLate(task, ran);
    }
  }
}
