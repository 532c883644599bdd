import { closeSync, openSync, writeSync } from 'node:fs';

/** Writes values as NDJSON, in pieces of about 64 kB: the file is no contender's bottleneck. */
export class Lines {
  #file;
  #text = '';

  constructor(path) {
    this.#file = openSync(path, 'w');
  }

  add(value) {
    this.#text += JSON.stringify(value) + '\n';
    if (this.#text.length >= 1 << 16) this.#flush();
  }

  close() {
    this.#flush();
    closeSync(this.#file);
  }

  #flush() {
    writeSync(this.#file, this.#text);
    this.#text = '';
  }
}

/** Calls `call(0)` … `call(n - 1)` with at most `width` unanswered, and hands each answer to `take`. */
export async function windowed(n, width, call, take) {
  let next = 0;
  const lane = async () => {
    while (next < n) take(await call(next++));
  };
  await Promise.all(Array.from({ length: Math.min(width, n) }, lane));
}
