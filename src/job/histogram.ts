/** Percentiles of any number of durations in a few kilobytes: buckets that grow by a twentieth. */

const GROWTH = Math.log(1.05);
/** The first bucket ends here, milliseconds. */
const SMALLEST = 0.001;
const BUCKETS = 600;

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  add(ms: number): void {
    const bucket =
      ms <= SMALLEST ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(Math.log(ms / SMALLEST) / GROWTH));
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#total++;
  }

  /** The duration in milliseconds that the fraction `p` (0 to 1) of all stays below, within 5 %; null of none. */
  percentile(p: number): number | null {
    if (this.#total === 0) return null;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= p * this.#total) return SMALLEST * Math.exp(GROWTH * bucket);
    }
    return null;
  }
}
