/** The records of tasks that ended and were not sent yet, as text. */
import { bucketOf } from '../base/histogram.js';
import { UNSEALED, VERSION_PREFIX } from '../contract/record-line.js';
import type { FailureType } from '../contract/record.js';
import type { BatchMessage, InitMessage, OutMessage } from '../contract/wire.js';
import { maskStrings, textMask, type Mask } from './mask-errors.js';
import { OutBuffer } from './out-buffer.js';
import type { Outcome } from './task-outcome.js';

/** Longer values get a record of their own, and are not worth sending twice for a digest. */
const SHORT_VALUE = 256;

/** Buckets of durations below a millisecond, by their thousandths: a logarithm for each task is dear. */
const BUCKETS = Array.from({ length: 1001 }, (_, n) => bucketOf(n / 1000));

const EPOCH = performance.timeOrigin;
const BEGIN = `${UNSEALED}${VERSION_PREFIX}"end","t":`;
const BEGIN_MANY = `${UNSEALED}${VERSION_PREFIX}"ends","t":`;

/** Consecutive tasks that share one record. */
interface Pack {
  readonly message: BatchMessage;
  readonly first: number;
  /** `performance.now()` when the first began. */
  readonly started: number;
  /** Milliseconds of all. */
  took: number;
  readonly values: string[];
}

export class RecordBatch {
  readonly #buffer = new OutBuffer();
  readonly #digests: InitMessage['digests'];
  readonly #grouped: boolean;
  readonly #retries: number;
  readonly #retryOn: readonly FailureType[];
  readonly #mask: Mask | null;
  #lines: string[] = [];
  #pack: Pack | null = null;
  #count = 0;
  #size = 0;
  #results: string[] = [];
  #log: string[] = [];
  /** Positions of those that will be tried again. */
  #again: number[] = [];
  readonly #durations = new Map<number, number>();
  #digestible: boolean;

  constructor(init: InitMessage) {
    this.#digests = init.digests;
    this.#grouped = init.grouped;
    this.#retries = init.retries ?? 0;
    this.#retryOn = init.retryOn ?? [];
    this.#mask = textMask(init.redact ?? []);
    this.#digestible = init.digests !== 'none';
  }

  /** Tasks that wait. */
  get count(): number {
    return this.#count;
  }

  /** About how many bytes wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param position - of the task within its batch
   * @param started - `performance.now()` when the task began
   * @param took - milliseconds
   * @param extra - further keys of the record, each with a comma before it
   */
  add(
    message: BatchMessage,
    task: number,
    position: number,
    outcome: Outcome,
    started: number,
    took: number,
    extra: string,
  ): void {
    const { failure, json } = outcome;
    this.#count++;
    this.#size += json.length + 8;
    const short = failure === null && json.length <= SHORT_VALUE;
    if (short && extra === '') {
      const pack = this.#pack;
      if (pack !== null && pack.message === message && task === pack.first + pack.values.length) {
        pack.values.push(json);
        pack.took += took;
      } else {
        this.#closePack();
        this.#pack = { message, first: task, started, took, values: [json] };
      }
    } else {
      this.#closePack();
      const end = failure === null ? outcome : this.#failed(outcome, message.attempt, position);
      this.#lines.push(recordText(message, task, end, started, took, extra));
      this.#size += 128 + extra.length;
    }
    if (this.#digestible) this.#digest(short, task, json, took, extra);
  }

  /** What the record says of a failure. */
  #failed(outcome: Outcome, attempt: number, position: number): Outcome {
    const { failure, json } = outcome;
    const again = attempt <= this.#retries && this.#retryOn.includes(failure as FailureType);
    if (again) this.#again.push(position);
    return { ...outcome, json: this.#mask === null ? json : maskStrings(json, this.#mask), again };
  }

  #digest(short: boolean, task: number, json: string, took: number, extra: string): void {
    const isList = !this.#grouped && json.charCodeAt(0) === 91;
    if (!short || isList || extra.includes('"log"')) {
      this.#digestible = false;
      return;
    }
    const micros = Math.round(took * 1000);
    const bucket = micros < 1000 ? (BUCKETS[micros] as number) : bucketOf(took);
    this.#durations.set(bucket, (this.#durations.get(bucket) ?? 0) + 1);
    if (json === 'null') return;
    this.#results.push(json);
    if (this.#digests === 'results and log') this.#log.push(`[${task}] RESULT ${json}`);
  }

  #closePack(): void {
    const pack = this.#pack;
    if (pack === null) return;
    this.#pack = null;
    const { message, first, started, took, values } = pack;
    if (values.length === 1) {
      const outcome: Outcome = { failure: null, key: 'value', json: values[0] as string };
      this.#lines.push(recordText(message, first, outcome, started, took, ''));
      return;
    }
    this.#lines.push(
      `${BEGIN_MANY}${first},"n":${values.length},"r":${message.round},"a":${message.attempt}` +
        `,"at":${epoch(started)},"d":${thousandths(took / values.length)},"values":[${values.join(',')}]}\n`,
    );
  }

  /** The message for what was added since the last. `positions`: given when not simply the next ones. */
  take(batch: number, busy: number, done: boolean, positions: readonly number[]): Buffer {
    this.#closePack();
    const buffer = this.#buffer;
    buffer.records(this.#lines);
    const digested = this.#digestible && positions.length === 0;
    const results = digested ? buffer.lines(this.#results) : 0;
    const log = digested ? buffer.lines(this.#log) : 0;
    const out: OutMessage = {
      type: 'out',
      id: batch,
      n: this.#count,
      bytes: buffer.length,
      ...(digested && {
        digest: { results, count: this.#results.length, log, durations: [...this.#durations].flat() },
      }),
      busy: Math.round(busy * 1000) / 1000,
      ...(positions.length > 0 && { at: positions }),
      ...(this.#again.length > 0 && { again: this.#again }),
      ...(done && { done: true as const }),
    };
    this.#lines = [];
    this.#count = 0;
    this.#size = 0;
    this.#results = [];
    this.#log = [];
    this.#again = [];
    this.#durations.clear();
    this.#digestible = this.#digests !== 'none';
    return buffer.take(out);
  }
}

function recordText(
  message: BatchMessage,
  task: number,
  { failure, key, json, again }: Outcome,
  started: number,
  took: number,
  extra: string,
): string {
  const status =
    failure === null ? '"ok"' : `"error","ft":"${failure}"${again === true ? ',"fin":false' : ''}`;
  return (
    `${BEGIN}${task},"r":${message.round},"a":${message.attempt},"s":${status}` +
    `,"at":${epoch(started)},"d":${thousandths(took)}${extra},"${key}":${json}}\n`
  );
}

/** Epoch milliseconds of a `performance.now()`. */
function epoch(moment: number): number {
  return Math.floor(EPOCH + moment);
}

/** Milliseconds, not below 0, with at most three decimals. */
function thousandths(ms: number): number {
  return Math.max(0, Math.round(ms * 1000) / 1000);
}
