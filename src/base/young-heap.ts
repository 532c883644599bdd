/**
 * Keeps V8's young generation from growing beyond a few megabytes. It grows with what survives, up to 32 MB, which a
 * long run of tiny tasks turns into the larger part of a process, and no faster for it.
 */

/** Both halves of the young generation, bytes. */
const ENOUGH = 8_000_000;

export class YoungHeap {
  #held = false;

  /** Call now and then while the heap should stay small. */
  bound(): void {
    if (this.#held) return;
    const v8 = process.getBuiltinModule('node:v8');
    const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    if ((young?.space_size ?? 0) >= ENOUGH) this.#hold(true);
  }

  /** From here on it may grow again. */
  release(): void {
    if (this.#held) this.#hold(false);
  }

  #hold(hold: boolean): void {
    this.#held = hold;
    // The flag is read each time the heap would grow, so it can change while the process runs; 2 is its default.
    process.getBuiltinModule('node:v8').setFlagsFromString(`--semi-space-growth-factor=${hold ? 1 : 2}`);
  }
}
