/**
 * Reads `end` records out of journal lines without parsing their values: a run of a million tasks passes through
 * here once. The text is the bytes as latin1, so that positions are bytes and slices written as latin1 give them back.
 */
import type { FailureType } from './record.js';

/** The record that the scan stands at; one object, used again for each. */
export class ScannedEnd {
  /** Where the record's line begins in the text. */
  lineFrom = 0;
  task = 0;
  round = 0;
  attempt = 0;
  /** Null: ok. */
  failure: FailureType | null = null;
  final = true;
  /** Milliseconds. */
  duration = 0;
  /** Peak resident size of the host so far, KiB; 0: not measured. */
  rss = 0;
  /** Null: the task wrote nothing. */
  log: readonly [host: number, from: number, to: number] | null = null;
  /** JSON text of the value or error, `text.slice(valueFrom, valueTo)`. */
  valueFrom = 0;
  valueTo = 0;
  /** Position of the start in the text; for a task in an `ends` record, that of the first of them, */
  atFrom = 0;
  /** and the milliseconds between the two. */
  atPlus = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Start of the attempt, epoch milliseconds. Few ask for it, so it is read when it is asked for. */
  get at(): number {
    return Number(this.#text.slice(this.atFrom, endOfValue(this.#text, this.atFrom))) + this.atPlus;
  }
}

/** What every `end` record begins with, checksum apart. */
const END_PREFIX = '"v":1,"k":"end","t":';
const ENDS_PREFIX = '"v":1,"k":"ends","t":';
const BODY_FROM = 18;

/**
 * Calls `onEnd` for each `end` record of `text` (whole lines, from `start` to `stop`), in order, and for each task of an `ends` record.
 * Other records are passed over.
 */
export function scanEnds(
  text: string,
  onEnd: (end: ScannedEnd) => void,
  start = 0,
  stop = text.length,
): void {
  const end = new ScannedEnd(text);
  for (let from = start; from < stop;) {
    const to = text.indexOf('\n', from);
    if (to < 0) throw new Error('journal lines were handed over in part');
    end.lineFrom = from;
    if (text.startsWith(END_PREFIX, from + BODY_FROM)) {
      scanLine(text, from, to, end);
      onEnd(end);
    } else if (text.startsWith(ENDS_PREFIX, from + BODY_FROM)) {
      scanMany(text, from, end, onEnd);
    }
    from = to + 1;
  }
}

let at = 0;

/** Digits at {@link at}, which moves past them. */
function integer(text: string): number {
  let value = 0;
  for (;;) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return value;
    value = value * 10 + digit;
    at++;
  }
}

/** Number like `12.345` at {@link at}; one with an exponent is left to the caller's slower way. */
function decimal(text: string): number {
  const from = at;
  let value = integer(text);
  if (text.charCodeAt(at) === 46) {
    at++;
    for (let unit = 0.1; ; unit /= 10) {
      const digit = text.charCodeAt(at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      value += digit * unit;
      at++;
    }
  }
  if (text.charCodeAt(at) === 44) return value;
  at = endOfValue(text, from);
  return Number(text.slice(from, at));
}

function scanLine(text: string, from: number, to: number, end: ScannedEnd): void {
  end.valueTo = to - 1;
  at = from + BODY_FROM + END_PREFIX.length;
  end.task = integer(text);
  at += 5; // ,"r":
  end.round = integer(text);
  at += 5; // ,"a":
  end.attempt = integer(text);
  at += 6; // ,"s":"
  if (text.charCodeAt(at) === 111 /* ok */) {
    end.failure = null;
    at += 3;
  } else {
    at += 13; // error","ft":"
    const close = text.indexOf('"', at);
    end.failure = text.slice(at, close) as FailureType;
    at = close + 1;
  }
  end.final = true;
  end.rss = 0;
  end.log = null;
  end.atPlus = 0;
  // Nearly always `"at"`, `"d"` and the value follow; these are read without looking the keys up.
  if (
    text.charCodeAt(at + 2) === 97 &&
    text.charCodeAt(at + 17 + 2) === 44 &&
    text.charCodeAt(at + 17 + 4) === 100
  ) {
    end.atFrom = at + 6;
    at += 17 + 7; // ,"at":1764000000000,"d":
    end.duration = decimal(text);
    if (text.charCodeAt(at + 2) === 118 /* value */) {
      end.valueFrom = at + 9;
      return;
    }
  }
  // The rest is keys in any number: those of later minor versions are passed over.
  while (at < to) {
    at += 2; // ,"
    const colon = text.indexOf('"', at);
    const key = text.slice(at, colon);
    at = colon + 2;
    if (key === 'value' || key === 'error') {
      end.valueFrom = at;
      return;
    }
    if (key === 'log') {
      at++;
      const host = integer(text);
      at++;
      const first = integer(text);
      at++;
      end.log = [host, first, integer(text)];
      at++;
    } else if (key === 'rss') {
      end.rss = decimal(text);
    } else {
      const close = endOfValue(text, at);
      if (key === 'd') end.duration = Number(text.slice(at, close));
      else if (key === 'at') end.atFrom = at;
      else if (key === 'fin') end.final = text.startsWith('true', at);
      at = close;
    }
  }
  // No value: a record of a later version. It counts as null.
  end.valueFrom = end.valueTo;
}

/** Several tasks in one record. */
function scanMany(text: string, from: number, end: ScannedEnd, onEnd: (end: ScannedEnd) => void): void {
  at = from + BODY_FROM + ENDS_PREFIX.length;
  const first = integer(text);
  at += 5; // ,"n":
  const count = integer(text);
  at += 5; // ,"r":
  end.round = integer(text);
  at += 5; // ,"a":
  end.attempt = integer(text);
  end.atFrom = text.indexOf('"at":', at) + 5;
  at = text.indexOf('"d":', end.atFrom) + 4;
  end.duration = decimal(text);
  end.failure = null;
  end.final = true;
  end.rss = 0;
  end.log = null;
  let value = text.indexOf('"values":[', at) + 10;
  for (let i = 0; i < count; i++) {
    end.task = first + i;
    // Each began when the one before it ended.
    end.atPlus = Math.floor(i * end.duration);
    end.valueFrom = value;
    end.valueTo = endOfValue(text, value);
    value = end.valueTo + 1;
    onEnd(end);
  }
}

/** Position after the JSON value that begins at `from`. */
export function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 34) {
      i = endOfString(text, i);
      if (depth === 0) return i + 1;
    } else if (c === 91 || c === 123) {
      depth++;
    } else if (c === 93 || c === 125) {
      if (depth === 0) return i;
      depth--;
      if (depth === 0) return i + 1;
    } else if (c === 44 && depth === 0) {
      return i;
    }
  }
  return text.length;
}

/** Position of the quote that ends the string whose opening quote is at `from`. */
export function endOfString(text: string, from: number): number {
  let close = text.indexOf('"', from + 1);
  for (;;) {
    let slashes = 0;
    for (let i = close - 1; text.charCodeAt(i) === 92; i--) slashes++;
    if (slashes % 2 === 0 || close < 0) return close < 0 ? text.length : close;
    close = text.indexOf('"', close + 1);
  }
}

/** The elements of the JSON list that begins at `from`, each as its own text. */
export function splitList(text: string, from: number): string[] {
  const items: string[] = [];
  let i = from + 1;
  for (;;) {
    while (isSpace(text.charCodeAt(i))) i++;
    if (text.charCodeAt(i) === 93 || i >= text.length) return items;
    const close = endOfValue(text, i);
    items.push(text.slice(i, close).trimEnd());
    i = close;
    while (isSpace(text.charCodeAt(i))) i++;
    if (text.charCodeAt(i) === 44) i++;
  }
}

function isSpace(c: number): boolean {
  return c === 32 || c === 9 || c === 10 || c === 13;
}
