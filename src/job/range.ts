/**
 * Whole numbers from `start` up to but not including `stop`, as Python's `range`: `range(3)` is 0, 1, 2.
 * Lazy, and can be iterated any number of times.
 */
export function range(
  start: number,
  stop?: number,
  step = 1,
): Iterable<number> & { readonly length: number } {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0 || ![from, to, step].every((n) => Number.isFinite(n))) {
    throw new RangeError(
      `range: expected finite numbers and a step that is not 0, got ${start}, ${stop}, ${step}`,
    );
  }
  const length = Math.max(0, Math.ceil((to - from) / step));
  return {
    length,
    *[Symbol.iterator]() {
      for (let i = 0; i < length; i++) yield from + i * step;
    },
  };
}
