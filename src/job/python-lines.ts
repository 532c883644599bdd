/** Talks with a Python process that holds argument lists: questions and answers, each a line of JSON. */
import type { Readable, Writable } from 'node:stream';
import { JobError } from '../base/errors.js';
import { JsonLine } from './argument-list.js';

/** Elements of an argument list that are asked for at a time, at most. */
const PAGE = 500;
/** A page that took longer is from a slow list: the next one is smaller, so that tasks wait less for its end. */
const SLOW_PAGE_MS = 10;

/** What the other side says went wrong. */
export interface PythonFailure {
  readonly kind: 'load' | 'missing' | 'usage' | 'threw' | 'jobs';
  readonly message: string;
  readonly trace: string | null;
}

/** A stream of a pipe. */
interface Held {
  ref?(): unknown;
  unref?(): unknown;
}

export interface PythonLinesOptions {
  readonly requests: Writable & Held;
  readonly answers: Readable & Held;
  /** Why no answer comes any more. */
  readonly death: () => Promise<Error>;
  /** Told whether somebody waits for an answer now. */
  readonly onWaiting?: (isWaiting: boolean) => void;
}

/** One side of the talk; it keeps this process alive only while it waits for an answer. */
export class PythonLines {
  readonly #options: PythonLinesOptions;
  readonly #pending: string[] = [];
  /** Of a line that has not ended. */
  #pieces: Buffer[] = [];
  readonly #gone = new AbortController();
  #wake: (() => void) | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PythonLinesOptions) {
    this.#options = options;
    const { requests, answers } = options;
    requests.on('error', () => undefined);
    answers.on('data', (data: Buffer) => this.#split(data));
    answers.on('close', () => this.over());
    answers.on('error', () => this.over());
    requests.unref?.();
    this.#wait(false);
  }

  /** Aborted once the other side is gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Nothing more will come. */
  over(): void {
    this.#gone.abort();
    this.#wake?.();
  }

  /** Nothing more will be asked. */
  end(): void {
    this.#options.requests.end();
    this.#wait(false);
  }

  /** Asks, and resolves to the answer. */
  async ask(request: unknown): Promise<Record<string, unknown>> {
    const [answer] = await this.#exchange(request);
    return answer;
  }

  /** The next line that comes without a question. */
  async next(): Promise<Record<string, unknown>> {
    this.#wait(true);
    try {
      return JSON.parse(await this.#line()) as Record<string, unknown>;
    } finally {
      this.#wait(false);
    }
  }

  /**
   * The elements of a job's list, a page at a time: pages grow as long as they come fast. Throws ARGS_INVALID when it throws there.
   *
   * @param label - whose list it is, for messages
   */
  async *elements(job: number, label: string): AsyncGenerator<JsonLine> {
    let size = 1;
    for (;;) {
      const asked = performance.now();
      const [answer, lines] = await this.#exchange({ job, n: size });
      const isSlow = performance.now() - asked > SLOW_PAGE_MS;
      size = isSlow ? Math.max(1, size >> 1) : Math.min(PAGE, size * 2);
      if (answer['error'] !== undefined) {
        const { trace, message } = answer['error'] as PythonFailure;
        const stack = trace === null || trace === '' ? '' : `\n${trace}`;
        throw new JobError('ARGS_INVALID', `the argument list of ${label} threw ${message}${stack}`, {
          hint: 'What was produced before is kept; mend it and `dl_jobs resume`.',
        });
      }
      // As they stand: an integer of Python may be none of ours.
      for (const line of lines) yield new JsonLine(line);
      if (answer['end'] === true) return;
    }
  }

  #wait(isWaiting: boolean): void {
    const { answers, onWaiting } = this.#options;
    if (isWaiting) answers.ref?.();
    else answers.unref?.();
    onWaiting?.(isWaiting);
  }

  /** Only at line feeds: `node:readline` also breaks at U+2028, which JSON may hold. */
  #split(data: Buffer): void {
    let from = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, from)) {
      this.#pieces.push(data.subarray(from, end));
      const [only] = this.#pieces;
      const line = this.#pieces.length === 1 ? (only as Buffer) : Buffer.concat(this.#pieces);
      this.#pending.push(line.toString('utf8'));
      this.#pieces = [];
      from = end + 1;
    }
    if (from < data.length) this.#pieces.push(data.subarray(from));
    if (this.#pending.length > 0) this.#wake?.();
  }

  /** One question at a time: lists of several jobs may be read at once. */
  async #exchange(request: unknown): Promise<[Record<string, unknown>, string[]]> {
    const mine = this.#turn.then(async (): Promise<[Record<string, unknown>, string[]]> => {
      this.#wait(true);
      try {
        this.#options.requests.write(`${JSON.stringify(request)}\n`);
        const answer = JSON.parse(await this.#line()) as Record<string, unknown>;
        const lines: string[] = [];
        for (let left = Number(answer['n'] ?? 0); left > 0; left--) lines.push(await this.#line());
        return [answer, lines];
      } finally {
        this.#wait(false);
      }
    });
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  async #line(): Promise<string> {
    while (this.#pending.length === 0 && !this.gone.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    const line = this.#pending.shift();
    if (line !== undefined) return line;
    throw await this.#options.death();
  }
}
