/** Bytes of one message to the worker, built in place: a fresh buffer for each would be most of a host's garbage. */
import { sealLinesAt } from '../contract/record-line.js';

/** Room before the body, for the header, whose length is known last. */
const HEAD = 4_096;
const USUAL_SIZE = 262_144;

export class OutBuffer {
  #bytes = Buffer.allocUnsafeSlow(USUAL_SIZE);
  #end = HEAD;

  /** Bytes of body so far. */
  get length(): number {
    return this.#end - HEAD;
  }

  /** Appends unsealed record lines, sealed. */
  records(lines: readonly string[]): void {
    const text = lines.join('');
    this.#reserve(text.length * 3);
    this.#end = sealLinesAt(this.#bytes, this.#end, text, lines);
  }

  /** Appends texts, each as a line; returns their bytes. */
  lines(texts: readonly string[]): number {
    if (texts.length === 0) return 0;
    const from = this.#end;
    const text = texts.join('\n');
    this.#reserve(text.length * 3 + 1);
    this.#end += this.#bytes.write(text, from, 'utf8');
    this.#bytes[this.#end++] = 10;
    return this.#end - from;
  }

  /** The message as bytes to send at once; they are overwritten by the next. */
  take(header: object): Buffer {
    const head = `${JSON.stringify(header)}\n`;
    const size = Buffer.byteLength(head);
    const { length } = this;
    if (size > HEAD) return Buffer.concat([Buffer.from(head), this.#take(HEAD, length)]);
    this.#bytes.write(head, HEAD - size, 'utf8');
    return this.#take(HEAD - size, size + length);
  }

  #take(from: number, length: number): Buffer {
    const bytes = this.#bytes.subarray(from, from + length);
    this.#end = HEAD;
    // One huge value must not stay with the host for good.
    if (this.#bytes.length > USUAL_SIZE * 4) this.#bytes = Buffer.allocUnsafeSlow(USUAL_SIZE);
    return bytes;
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#end + more));
    this.#bytes.copy(grown, HEAD, HEAD, this.#end);
    this.#bytes = grown;
  }
}
