/** Bytes that were appended, one after the other, in memory that is used again and again. */
export class ByteStore {
  #bytes = Buffer.allocUnsafeSlow(65_536);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies `bytes`; returns where they begin. */
  append(bytes: Uint8Array): number {
    const from = this.#length;
    const end = from + bytes.length;
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, from);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, from);
    this.#length = end;
    return from;
  }

  /** A view; valid until the next {@link append} or {@link clear}. */
  view(from = 0, to = this.#length): Buffer {
    return this.#bytes.subarray(from, to);
  }

  clear(): void {
    this.#length = 0;
    // What one huge value needed is given back.
    if (this.#bytes.length > 4_194_304) this.#bytes = Buffer.allocUnsafeSlow(65_536);
  }
}
