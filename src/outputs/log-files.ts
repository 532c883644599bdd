/** The hosts' log files of a run, by the shard of their worker. */
import { statSync } from 'node:fs';
import type { RunPaths } from '../store/run-folder.js';
import { writerOf } from './journal-tail.js';
import { TaskLogs } from './task-logs.js';

/** What is to be printed: latin1 bytes for stdout, or a line of text for stderr. */
export type LogPiece = { readonly output: string } | { readonly note: string };

/** Of so many workers the files are kept open. */
const MOST_OPEN = 8;

export class LogFiles {
  readonly #paths: RunPaths;
  readonly #open = new Map<string, TaskLogs>();
  /** Files that held less than they should. */
  readonly #cut = new Set<string>();

  constructor(paths: RunPaths) {
    this.#paths = paths;
  }

  /** Bytes `[from, to)` of a log, in pieces. */
  read(shard: string, [host, from, to]: readonly [number, number, number]): Generator<string> {
    return this.#of(shard).read(host, from, to);
  }

  path(shard: string, host: number): string {
    return this.#of(shard).path(host);
  }

  size(shard: string, host: number): number {
    return statSync(this.path(shard, host), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** What to say when `missing` bytes of a log could not be read: once of each file. */
  *noteCut(shard: string, host: number, missing: number): Generator<LogPiece> {
    const path = this.path(shard, host);
    if (missing <= 0 || this.#cut.has(path)) return;
    this.#cut.add(path);
    yield { note: `output is missing: ${path} is gone, or shorter than it was` };
  }

  close(): void {
    for (const logs of this.#open.values()) logs.close();
    this.#open.clear();
  }

  #of(shard: string): TaskLogs {
    let logs = this.#open.get(shard);
    if (logs !== undefined) return logs;
    for (const [oldest, old] of this.#open) {
      if (this.#open.size < MOST_OPEN) break;
      old.close();
      this.#open.delete(oldest);
    }
    logs = new TaskLogs(this.#paths.logs, writerOf(shard));
    this.#open.set(shard, logs);
    return logs;
  }
}
