/** Whether a run is controlled, for those who look again and again. */
import { lockState, STALE_MS } from '../store/lock.js';
import type { RunPaths } from '../store/run-folder.js';

/** How often to look. */
const LOOK_MS = 100;

export class ControllerWatch {
  readonly #paths: RunPaths;
  /** The counter of a controller on another machine, and when it was first seen; monotonic milliseconds. */
  #seen: { readonly sign: string; readonly at: number } | null = null;

  constructor(paths: RunPaths) {
    this.#paths = paths;
  }

  /** False: nobody controls the run. One on another machine counts as gone once it gave no sign for a minute. */
  isThere(): boolean {
    const { state, holder } = lockState(this.#paths);
    if (state !== 'unknown' || holder === null) return state !== 'free';
    const sign = `${holder.id} ${holder.counter}`;
    if (this.#seen?.sign !== sign) this.#seen = { sign, at: performance.now() };
    return performance.now() - this.#seen.at < STALE_MS;
  }
}

/** Resolves after a moment: the pace of those who follow a run. */
export async function nextLook(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
