/** Hides secrets in what a task says of its failure: the parts that regular expressions match become `*`. */
import { endOfString } from '../contract/record-scan.js';

/** A text with its secrets replaced, a `*` for each character. */
export type Mask = (text: string) => string;

/** Null: there is nothing to hide. A source that is no regular expression is passed over. */
export function textMask(sources: readonly string[]): Mask | null {
  const patterns = sources.map(compile).filter((pattern) => pattern !== null);
  if (patterns.length === 0) return null;
  return (text) => {
    let masked = text;
    try {
      for (const pattern of patterns) masked = masked.replace(pattern, stars);
    } catch {
      // The pattern needs more stack than there is for a text of this size. Rather too much than a secret.
      return stars(text);
    }
    return masked;
  };
}

/** Masks all strings of a JSON text, keys too. The rest of the text stays as it is, numbers of any size included. */
export function maskStrings(json: string, mask: Mask): string {
  let result = '';
  let from = 0;
  for (;;) {
    const open = json.indexOf('"', from);
    if (open < 0) return result + json.slice(from);
    const close = endOfString(json, open) + 1;
    const literal = json.slice(open, close);
    const text = JSON.parse(literal) as string;
    const masked = mask(text);
    result += json.slice(from, open) + (masked === text ? literal : JSON.stringify(masked));
    from = close;
  }
}

function compile(source: string): RegExp | null {
  // Characters beyond 16 bits count as one where the source allows it: `\-` is none of its escapes.
  for (const flags of ['gu', 'g']) {
    try {
      return new RegExp(source, flags);
    } catch {
      // The next, or none.
    }
  }
  return null;
}

function stars(text: string): string {
  return '*'.repeat(Array.from(text).length);
}
