/** The lines that single records give the results and errors files, for those who print them instead. */
import type { ScannedEnd } from '../contract/record-scan.js';
import type { RunFile } from '../contract/spec.js';
import { ArgsReader } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';
import { Collector } from './collector.js';
import { TaskLogs } from './task-logs.js';

/** A record, and where its bytes are: positions in `end` are offsets in `text`, which is `bytes` as latin1. */
export type OnRecord = (end: ScannedEnd, text: string, bytes: Buffer) => void;

/** Takes records that count; it is a collector that writes no files. */
export class RecordLines {
  readonly #collector: Collector;
  readonly #args: ArgsReader;
  readonly #logs: TaskLogs;
  #lines: string[] = [];

  /**
   * @param writer - whose records they are: error lines hold the end of their output
   * @param wanted - which lines
   */
  constructor(paths: RunPaths, run: RunFile, writer: string, wanted: 'results' | 'errors') {
    this.#args = new ArgsReader(paths);
    this.#logs = new TaskLogs(paths.logs, writer);
    const take = (line: string): void => void this.#lines.push(line);
    this.#collector = new Collector({
      spec: run.spec,
      files: { results: null, errors: null, log: null },
      args: this.#args,
      logs: this.#logs,
      // Without someone who wants them, no error lines are made.
      listener: wanted === 'errors' ? { onError: take, onResult: () => undefined } : { onResult: take },
      describe: () => [],
    });
  }

  /** Latin1 text, without newlines. */
  of(end: ScannedEnd, text: string, bytes: Buffer): readonly string[] {
    this.#lines = [];
    this.#collector.rewrite(text, end, bytes);
    return this.#lines;
  }

  close(): void {
    this.#args.close();
    this.#logs.close();
  }
}
