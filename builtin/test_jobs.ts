/** The task that `dl_jobs test` runs; `python/dl_jobs/test_jobs.py` is its twin. */

/** Returns what it was called with. */
export function return_args(element: unknown): unknown {
  return element;
}
