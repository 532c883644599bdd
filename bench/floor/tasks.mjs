/**
 * The work of the benchmark, for every contender that runs JavaScript. `bench/project/tasks/` and
 * `bench/contenders/work.py` hold the same work; the check of the results file fails when they differ.
 */

/** About 10 kB of JSON of the kind that real tasks return: records, not one long string. */
export const ROWS = Array.from({ length: 100 }, (_, k) => ({
  id: k,
  name: `feature-${k}`,
  kind: 'tile',
  bounds: [k, k + 1, k + 2, k + 3],
  valid: true,
  source: 'bench',
  tags: ['a', 'b'],
}));

export function noop(i) {
  return i;
}

export function big(i) {
  return { i, rows: ROWS };
}

/** Keeps a core busy for 1 ms. */
export function cpu(i) {
  const end = performance.now() + 1;
  while (performance.now() < end);
  return i;
}

/** Waits 10 ms. */
export function sleep(i) {
  return new Promise((resolve) => setTimeout(resolve, 10, i));
}
