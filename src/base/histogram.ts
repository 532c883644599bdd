/** Percentiles of any number of durations in a few kilobytes: buckets that grow by a twentieth. */

const GROWTH = Math.log(1.05);
/** The first bucket ends here, milliseconds. */
const SMALLEST = 0.001;
const BUCKETS = 600;

/** Number of the bucket that a duration belongs to. */
export function bucketOf(ms: number): number {
  if (ms <= SMALLEST) return 0;
  return Math.min(BUCKETS - 1, 1 + Math.floor(Math.log(ms / SMALLEST) / GROWTH));
}

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  add(ms: number): void {
    this.addTo(bucketOf(ms), 1);
  }

  /** Adds `n` durations of a bucket that {@link bucketOf} gave. */
  addTo(bucket: number, n: number): void {
    this.#counts[bucket] = (this.#counts[bucket] as number) + n;
    this.#total += n;
  }

  /** [bucket, count, …] of those that are not empty. */
  toList(): number[] {
    const list: number[] = [];
    this.#counts.forEach((count, bucket) => {
      if (count > 0) list.push(bucket, count);
    });
    return list;
  }

  static fromList(list: readonly number[]): Histogram {
    const histogram = new Histogram();
    for (let i = 0; i < list.length; i += 2) histogram.addTo(list[i] as number, list[i + 1] as number);
    return histogram;
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
