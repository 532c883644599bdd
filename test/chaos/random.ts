/** Numbers that look random and are the same each time for the same seed. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** One for a part of the work: what that part draws changes nothing for the others. */
  static of(seed: number, ...parts: readonly (number | string)[]): Random {
    let hash = 0;
    // The seed as text like the rest: mixed in as a number, round 1 of seed 2 would be round 0 of seed 3.
    for (const character of [seed, ...parts].join('/')) {
      hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const first = new Random(hash);
    return new Random(first.int(0, 0xffff_ffff));
  }

  /** From 0 to below 1 (mulberry32, public domain). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }
}
