/** Where patterns match in the bytes of a text that is meant to be UTF-8, and need not be. Pure. */
import { isUtf8 } from 'node:buffer';

const NEWLINE = 10;

/** A pattern, to be matched against text, and against bytes that are no UTF-8. */
interface Pattern {
  readonly text: RegExp;
  /** One character a byte, so what the pattern says in UTF-8 bytes. */
  readonly bytes: RegExp;
}

export type Range = readonly [from: number, to: number];

export class Patterns {
  readonly #patterns: readonly Pattern[];

  /** @param sources - of regular expressions; `^` and `$` are ends of lines */
  constructor(sources: readonly string[]) {
    this.#patterns = sources.map((source) => {
      const text = new RegExp(source, 'gm');
      return { text, bytes: byteForm(source) ?? text };
    });
  }

  /** `text` with what matches replaced by asterisks. */
  mask(text: string): string {
    let masked = text;
    for (const { text: pattern } of this.#patterns) {
      let at = 0;
      const parts: string[] = [];
      for (const [from, to] of wholeCharacters(matches(pattern, masked), masked)) {
        parts.push(masked.slice(at, from), masked.slice(from, to).replace(/[^\n]/gu, '*'));
        at = to;
      }
      masked = parts.join('') + masked.slice(at);
    }
    return masked;
  }

  /** Bytes that match, each range once a pattern; ranges may overlap. */
  ranges(bytes: Buffer): Range[] {
    if (isUtf8(bytes)) return this.#inText(bytes);
    const newline = bytes.indexOf(NEWLINE);
    if (newline < 0 || newline === bytes.length - 1) return this.#inBytes(bytes);
    // One bad line, such as a torn one, is no reason to read the others as what they are not.
    const found: Range[] = [];
    for (let from = 0; from < bytes.length;) {
      const end = bytes.indexOf(NEWLINE, from);
      const to = end < 0 ? bytes.length : end + 1;
      for (const [a, b] of this.ranges(bytes.subarray(from, to))) found.push([from + a, from + b]);
      from = to;
    }
    return found;
  }

  #inBytes(bytes: Buffer): Range[] {
    const text = bytes.toString('latin1');
    return this.#patterns.flatMap((pattern) => matches(pattern.bytes, text));
  }

  #inText(bytes: Buffer): Range[] {
    const text = bytes.toString('utf8');
    const isAscii = text.length === bytes.length;
    return this.#patterns.flatMap((pattern) => {
      const found = matches(pattern.text, text);
      return isAscii ? found : byteRanges(wholeCharacters(found, text), text);
    });
  }
}

function byteForm(source: string): RegExp | null {
  try {
    return new RegExp(Buffer.from(source, 'utf8').toString('latin1'), 'gm');
  } catch {
    // A range of characters that is in order, but not in the first of their bytes: [а-я].
    return null;
  }
}

function matches(pattern: RegExp, text: string): Range[] {
  const found: Range[] = [];
  pattern.lastIndex = 0;
  for (let match; (match = pattern.exec(text)) !== null;) {
    if (match[0].length === 0) pattern.lastIndex++;
    else found.push([match.index, match.index + match[0].length]);
  }
  return found;
}

/** A pattern can match half of a character that is two in a string; half of it has no bytes. In order, and apart. */
function wholeCharacters(ranges: readonly Range[], text: string): Range[] {
  let end = 0;
  return ranges.map(([from, to]) => {
    const first = Math.max(end, splitsPair(text, from) ? from - 1 : from);
    end = splitsPair(text, to) ? to + 1 : to;
    return [first, end];
  });
}

function splitsPair(text: string, index: number): boolean {
  return (text.charCodeAt(index - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(index) & 0xfc00) === 0xdc00;
}

/** Ranges of characters, in order, as ranges of their bytes. */
function byteRanges(ranges: readonly Range[], text: string): Range[] {
  let at = 0;
  let byte = 0;
  const byteAt = (index: number): number => {
    byte += Buffer.byteLength(text.slice(at, index), 'utf8');
    at = index;
    return byte;
  };
  return ranges.map(([from, to]) => [byteAt(from), byteAt(to)]);
}
