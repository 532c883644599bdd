/** Which tasks have an outcome: two bits a task. */

/** No final outcome. */
export const NONE = 0;
export const OK = 1;
export const ERROR = 2;
export type TaskState = 0 | 1 | 2;

export class TaskStates {
  #bits = new Uint8Array(1024);

  get(task: number): TaskState {
    return (((this.#bits[task >>> 2] ?? 0) >>> ((task & 3) * 2)) & 3) as TaskState;
  }

  set(task: number, state: TaskState): void {
    const byte = task >>> 2;
    const shift = (task & 3) * 2;
    if (byte >= this.#bits.length) this.#grow(byte);
    this.#bits[byte] = ((this.#bits[byte] as number) & ~(3 << shift)) | (state << shift);
  }

  /** Notes an outcome of a task that has none. False: it has one, which stands. */
  settle(task: number, state: TaskState): boolean {
    if (this.get(task) !== NONE) return false;
    this.set(task, state);
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

  #grow(byte: number): void {
    const grown = new Uint8Array(Math.max(byte + 1, this.#bits.length * 2));
    grown.set(this.#bits);
    this.#bits = grown;
  }
}
