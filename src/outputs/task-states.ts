/** Which tasks have an outcome: two bits a task. */

const OK = 1;
const ERROR = 2;

export class TaskStates {
  #bits = new Uint8Array(1024);

  /**
   * Notes a final outcome. False: an outcome of this task was published before and stands.
   * Ok beats error; an error that was published and lost is for the outputs to be rebuilt ({@link superseded}).
   */
  settle(task: number, ok: boolean): boolean {
    const byte = task >>> 2;
    const shift = (task & 3) * 2;
    if (byte >= this.#bits.length) this.#grow(byte);
    const bits = this.#bits[byte] as number;
    const state = (bits >>> shift) & 3;
    if (state !== 0) {
      if (state === ERROR && ok) this.superseded = true;
      return false;
    }
    this.#bits[byte] = bits | ((ok ? OK : ERROR) << shift);
    return true;
  }

  /**
   * Notes that `count` tasks from `first` on are ok. False, and nothing is noted, when one of them has an outcome
   * already.
   */
  settleRange(first: number, count: number): boolean {
    const last = (first + count - 1) >>> 2;
    if (last >= this.#bits.length) this.#grow(last);
    for (let task = first; task < first + count; task++) {
      if ((((this.#bits[task >>> 2] as number) >>> ((task & 3) * 2)) & 3) !== 0) return false;
    }
    for (let task = first; task < first + count; task++) {
      this.#bits[task >>> 2] = (this.#bits[task >>> 2] as number) | (OK << ((task & 3) * 2));
    }
    return true;
  }

  /** True once a published error was beaten by an ok. */
  superseded = false;

  #grow(byte: number): void {
    const grown = new Uint8Array(Math.max(byte + 1, this.#bits.length * 2));
    grown.set(this.#bits);
    this.#bits = grown;
  }
}
