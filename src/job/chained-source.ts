import type { TaskBatch } from '../contract/platform.js';
import type { RoundSource } from './stored-source.js';

/** What is recorded first, then what is still to be produced. */
export class ChainedSource implements RoundSource {
  readonly #stored: RoundSource;
  readonly #list: RoundSource;

  constructor(stored: RoundSource, list: RoundSource) {
    this.#stored = stored;
    this.#list = list;
  }

  take(maxTasks: number): TaskBatch | null | Promise<TaskBatch | null> {
    const taken = this.#stored.take(maxTasks);
    return taken ?? this.#list.take(maxTasks);
  }

  remaining(): number | null {
    const more = this.#list.remaining();
    return more === null ? null : more + (this.#stored.remaining() ?? 0);
  }

  line(task: number): Buffer {
    return this.#stored.line(task);
  }

  async seal(): Promise<void> {
    await this.#list.seal();
  }

  close(): void {
    this.#stored.close();
    this.#list.close();
  }
}
