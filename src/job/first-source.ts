/** The tasks of a run's first round. */
import type { TaskBatch } from '../contract/platform.js';
import type { JobSpec } from '../contract/spec.js';
import { ArgsWriter, sealRange } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';
import type { ArgumentList } from './argument-list.js';
import { StoredSource, type RoundSource } from './stored-source.js';
import { ListSource } from './task-source.js';

/** An argument list, or the line of a single task. */
export type FirstArguments = ArgumentList | { readonly kind: 'single'; readonly line: string };

type MakeSource = (onSealed: (count: number) => void) => RoundSource;

/**
 * Makes the source of the first round. What is known already is written at once, so that it is there whatever
 * becomes of this process; a list is written as it is taken.
 */
export function firstSource(list: FirstArguments, paths: RunPaths, spec: JobSpec, id: string): MakeSource {
  const order = spec.policy.shuffle || spec.sample !== null ? id : null;
  const stored = (count: number): StoredSource =>
    new StoredSource(paths, {
      count,
      work: null,
      shuffle: order,
      ...(spec.sample !== null && { most: spec.sample }),
    });
  if (list.kind === 'single') {
    const writer = ArgsWriter.create(paths);
    writer.append(Buffer.from(`${list.line}\n`, 'utf8'), 1);
    writer.seal();
    return sealedSource(1, stored);
  }
  if (list.kind === 'count') {
    const count = Math.min(list.count, spec.limit ?? Infinity);
    sealRange(paths, count);
    return sealedSource(count, stored);
  }
  return (onSealed) => {
    let sealed: number | null = null;
    const note = (count: number): void => {
      sealed = count;
      onSealed(count);
    };
    const written = new ListSource(list, paths, ArgsWriter.create(paths), spec.limit, note);
    return order === null ? written : new DrainedSource(written, () => stored(sealed ?? 0));
  };
}

export function sealedSource(count: number, make: (count: number) => RoundSource): MakeSource {
  return (onSealed) => {
    onSealed(count);
    return make(count);
  };
}

/** Writes a whole list before its first task is taken: only then can they be put into another order. */
export class DrainedSource implements RoundSource {
  readonly #list: RoundSource;
  readonly #after: () => RoundSource;
  #source: RoundSource | null = null;
  #sealing: Promise<void> | null = null;
  #closed = false;

  constructor(list: RoundSource, after: () => RoundSource) {
    this.#list = list;
    this.#after = after;
  }

  take(maxTasks: number): TaskBatch | null | Promise<TaskBatch | null> {
    if (this.#source !== null) return this.#source.take(maxTasks);
    return this.seal().then(() => this.#source?.take(maxTasks) ?? null);
  }

  async seal(): Promise<void> {
    this.#sealing ??= this.#list.seal().then(() => {
      if (!this.#closed) this.#source = this.#after();
    });
    await this.#sealing;
  }

  remaining(): number | null {
    return this.#source === null ? this.#list.remaining() : this.#source.remaining();
  }

  line(task: number): Buffer {
    return (this.#source ?? this.#list).line(task);
  }

  close(): void {
    this.#closed = true;
    this.#list.close();
    this.#source?.close();
  }
}
