/** The records of tasks that ended and were not sent yet, as text. */
import { bucketOf } from '../base/histogram.js';
import { UNSEALED, VERSION_PREFIX } from '../contract/record-line.js';
import type { BatchMessage, InitMessage, OutMessage } from '../contract/wire.js';
import { OutBuffer } from './out-buffer.js';
import type { Outcome } from './task-outcome.js';

/** Longer values are not worth sending twice: then the collector reads the records. */
const DIGEST_VALUE = 256;

/** `0.001`, `0.002` … by their thousandths, and their buckets: a fraction as text, or its logarithm, is dear. */
const THOUSANDTHS = Array.from({ length: 1000 }, (_, n) => String(n / 1000));
const BUCKETS = Array.from({ length: 1000 }, (_, n) => bucketOf(n / 1000));

const EPOCH = performance.timeOrigin;
const BEGIN = `${UNSEALED}${VERSION_PREFIX}"end","t":`;

export class RecordBatch {
  readonly #digests: InitMessage['digests'];
  readonly #grouped: boolean;
  readonly #buffer = new OutBuffer();
  #lines: string[] = [];
  #size = 0;
  #results: string[] = [];
  #log: string[] = [];
  readonly #durations = new Map<number, number>();
  #plain: boolean;
  /** What stands between task and duration, of the last message and millisecond. */
  #middle = '';
  #middleOf: BatchMessage | null = null;
  #at = 0;

  constructor(init: InitMessage) {
    this.#digests = init.digests;
    this.#grouped = init.grouped;
    this.#plain = init.digests !== 'none';
  }

  get count(): number {
    return this.#lines.length;
  }

  /** Characters that wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param started - `performance.now()` when the task began
   * @param took - milliseconds
   * @param extra - further keys of the record, each with a comma before it
   */
  add(
    message: BatchMessage,
    task: number,
    outcome: Outcome,
    started: number,
    took: number,
    extra: string,
  ): void {
    const { failure, json } = outcome;
    const micros = Math.max(0, Math.round(took * 1000));
    const duration = micros < 1000 ? (THOUSANDTHS[micros] as string) : String(micros / 1000);
    const at = Math.floor(EPOCH + started);
    let line: string;
    if (failure === null) {
      if (at !== this.#at || message !== this.#middleOf) {
        this.#at = at;
        this.#middleOf = message;
        this.#middle = middleText(message, '"ok"', at);
      }
      line = `${BEGIN}${task}${this.#middle}${duration}${extra},"value":${json}}\n`;
    } else {
      const middle = middleText(message, `"error","ft":"${failure}"`, at);
      line = `${BEGIN}${task}${middle}${duration}${extra},"${outcome.key}":${json}}\n`;
    }
    this.#lines.push(line);
    this.#size += line.length;
    if (!this.#plain) return;
    const isList = !this.#grouped && json.charCodeAt(0) === 91;
    if (failure !== null || json.length > DIGEST_VALUE || isList || extra.includes('"log"')) {
      this.#plain = false;
      return;
    }
    const bucket = micros < 1000 ? (BUCKETS[micros] as number) : bucketOf(micros / 1000);
    this.#durations.set(bucket, (this.#durations.get(bucket) ?? 0) + 1);
    if (json === 'null') return;
    this.#results.push(json);
    if (this.#digests === 'results and log') this.#log.push(`[${task}] RESULT ${json}`);
  }

  /** The message for what was added since the last. `positions`: given when not simply the next ones. */
  take(batch: number, busy: number, done: boolean, positions: readonly number[]): Buffer {
    const buffer = this.#buffer;
    buffer.records(this.#lines);
    const digested = this.#plain && positions.length === 0;
    const results = digested ? buffer.lines(this.#results) : 0;
    const log = digested ? buffer.lines(this.#log) : 0;
    const out: OutMessage = {
      type: 'out',
      id: batch,
      n: this.#lines.length,
      bytes: buffer.length,
      ...(digested && {
        digest: { results, count: this.#results.length, log, durations: [...this.#durations].flat() },
      }),
      busy: Math.round(busy * 1000) / 1000,
      ...(positions.length > 0 && { at: positions }),
      ...(done && { done: true as const }),
    };
    this.#lines = [];
    this.#size = 0;
    this.#results = [];
    this.#log = [];
    this.#durations.clear();
    this.#plain = this.#digests !== 'none';
    return buffer.take(out);
  }
}

function middleText(message: BatchMessage, status: string, at: number): string {
  return `,"r":${message.round},"a":${message.attempt},"s":${status},"at":${at},"d":`;
}
