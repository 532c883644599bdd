/** Waiting for code of the user's, which may never end, as long as nobody interrupts it. */

/** What `work` resolves to; rejects with the signal's reason once it is aborted, whatever `work` does then. */
export async function orAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return await work();
  signal.throwIfAborted();
  const working = work();
  // Nobody waits for it after an interrupt.
  working.catch(() => undefined);
  let give = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    give = () => reject(signal.reason as Error);
    signal.addEventListener('abort', give);
  });
  try {
    return await Promise.race([working, aborted]);
  } finally {
    signal.removeEventListener('abort', give);
  }
}

/** True for what {@link orAborted} rejects with after an interrupt. */
export function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && error === signal.reason;
}
