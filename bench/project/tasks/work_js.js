/** Waits 10 ms. */
export function sleep(i) {
  return new Promise((resolve) => setTimeout(resolve, 10, i));
}
