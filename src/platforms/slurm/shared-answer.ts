/**
 * An answer that processes share by a file, so that together they ask as often as one alone would. They may be on
 * several machines whose clocks differ: all times in the file are by the clock of the file system.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is known of a question. */
export interface Shared<T> {
  /** The last answer; null: there never was one. */
  readonly answer: T | null;
  /** Age of it, milliseconds, from when the question was put. */
  readonly ageMs: number;
  /** How often the question was put since without an answer; 0: this is the latest. */
  readonly failures: number;
}

export interface SharedAnswerOptions<T> {
  /** The file. Null, or one that cannot be written: nothing is shared. */
  readonly path: string | null;
  /** Puts the question; null: nobody answers, or it was taken back by the signal. */
  readonly ask: (signal?: AbortSignal) => Promise<T | null>;
  /** Time from one question to the next, */
  readonly everyMs: number;
  /** and after so many in a row without an answer; the last one counts for all further ones. */
  readonly delays: readonly number[];
  /** Somebody who asks has an answer, or is dead, after so long. */
  readonly patienceMs: number;
}

interface Content<T> {
  readonly version: 1;
  /** When the last question was put, and when that which {@link answer} answers. */
  readonly asked: number;
  readonly answered: number;
  readonly failures: number;
  readonly answer: T | null;
}

/** While somebody else asks we look whether there is an answer, less and less often. */
const LEAST_LOOK_MS = 50;
const MOST_LOOK_MS = 500;

export class SharedAnswer<T> {
  readonly #options: SharedAnswerOptions<T>;
  /** What we know, by `performance.now()`. */
  #known: { readonly content: Content<T>; readonly askedAt: number; readonly answeredAt: number } | null =
    null;
  #asking: Promise<Shared<T>> | null = null;
  /** The sign that somebody else asks, and since when we see it. */
  #gate: { readonly made: number; readonly since: number } | null = null;

  constructor(options: SharedAnswerOptions<T>) {
    this.#options = options;
  }

  /**
   * The latest answer, which is asked for when it is time for that.
   *
   * @param signal - aborting it takes the question back: what is known is good enough
   */
  async get(signal?: AbortSignal): Promise<Shared<T>> {
    if (this.#isFresh()) return this.#shared();
    this.#asking ??= this.#renew(signal).finally(() => {
      this.#asking = null;
    });
    return await this.#asking;
  }

  #isFresh(): boolean {
    const known = this.#known;
    return known !== null && performance.now() - known.askedAt < this.#delay(known.content.failures);
  }

  #delay(failures: number): number {
    const { everyMs, delays } = this.#options;
    return failures === 0 ? everyMs : (delays[Math.min(failures, delays.length) - 1] ?? everyMs);
  }

  #shared(): Shared<T> {
    const known = this.#known;
    if (known === null) return { answer: null, ageMs: Infinity, failures: 1 };
    const { answer, failures } = known.content;
    return { answer, ageMs: answer === null ? Infinity : performance.now() - known.answeredAt, failures };
  }

  async #renew(signal: AbortSignal | undefined): Promise<Shared<T>> {
    let { path } = this.#options;
    let asked = 0;
    for (let wait = LEAST_LOOK_MS; path !== null; wait = Math.min(MOST_LOOK_MS, wait * 1.5)) {
      try {
        this.#read(path);
        if (this.#isFresh()) return this.#shared();
        if (this.#begin(path)) {
          asked = fileTime(path);
          // Somebody else may just have done it.
          this.#read(path);
          break;
        }
      } catch {
        // A folder that we may not write, or a file system that is full or away: we ask for ourselves.
        path = null;
        break;
      }
      await sleep(wait, undefined, signal && { signal }).catch(() => undefined);
      if (signal?.aborted === true) return this.#shared();
    }
    try {
      if (!this.#isFresh()) await this.#ask(path, asked, signal);
    } finally {
      if (path !== null) rmSync(gateOf(path), { force: true });
    }
    return this.#shared();
  }

  /** @param asked - what the time is where the file is */
  async #ask(path: string | null, asked: number, signal: AbortSignal | undefined): Promise<void> {
    const askedAt = performance.now();
    const answer = await this.#options.ask(signal);
    // Others are not to think that nobody answers.
    if (answer === null && signal?.aborted === true) return;
    const before = this.#known;
    const content: Content<T> =
      answer === null
        ? {
            version: 1,
            asked,
            answered: before?.content.answered ?? asked,
            failures: (before?.content.failures ?? 0) + 1,
            answer: before?.content.answer ?? null,
          }
        : { version: 1, asked, answered: asked, failures: 0, answer };
    this.#known = {
      content,
      askedAt,
      answeredAt: answer === null ? (before?.answeredAt ?? askedAt) : askedAt,
    };
    if (path === null) return;
    const temp = tempOf(path);
    try {
      writeFileSync(temp, JSON.stringify(content), { mode: 0o600 });
      renameSync(temp, path);
    } catch {
      // The others will ask for themselves.
      rmSync(temp, { force: true });
    }
  }

  /** Takes over what others have found out since. */
  #read(path: string): void {
    let content: Content<T>;
    try {
      content = JSON.parse(readFileSync(path, 'utf8')) as Content<T>;
      if (content.version !== 1 || typeof content.asked !== 'number') return;
    } catch {
      return;
    }
    if (content.asked === this.#known?.content.asked) return;
    const fileNow = fileTime(path);
    const now = performance.now();
    // A clock that was set back: how old it is nobody knows.
    if (content.asked > fileNow) return;
    this.#known = {
      content,
      askedAt: now - (fileNow - content.asked),
      answeredAt: now - (fileNow - content.answered),
    };
  }

  /** True: it is upon us to ask. One that asks and dies is passed over after a while. */
  #begin(path: string): boolean {
    const gate = gateOf(path);
    mkdirSync(dirname(path), { recursive: true });
    try {
      closeSync(openSync(gate, 'wx', 0o600));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const made = statSync(gate, { throwIfNoEntry: false })?.mtimeMs;
    if (made === undefined) return false;
    if (this.#gate?.made !== made) this.#gate = { made, since: performance.now() };
    // At worst two remove it, and two ask.
    else if (performance.now() - this.#gate.since > this.#options.patienceMs) rmSync(gate, { force: true });
    return false;
  }
}

function gateOf(path: string): string {
  return `${path}.asking`;
}

function tempOf(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

/** What the time is where the file is. */
function fileTime(path: string): number {
  const probe = tempOf(path);
  try {
    const fd = openSync(probe, 'wx', 0o600);
    try {
      return fstatSync(fd).mtimeMs;
    } finally {
      closeSync(fd);
    }
  } finally {
    rmSync(probe, { force: true });
  }
}
