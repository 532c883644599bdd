/** Positional words and keyword words. */
import { UsageError } from '../base/errors.js';

export interface Words {
  /** As typed. */
  readonly args: string[];
  /** Strings as typed, and typed values of `name:=json`. Every name is an own property, also `__proto__`. */
  readonly kwargs: Record<string, unknown>;
}

/** `name=` or `name:=`, where name is what both Python and JavaScript take for a name. */
const KEYWORD = /^([\p{ID_Start}_][\p{ID_Continue}]*)(:?=)([^]*)$/u;

/**
 * Sorts words: `name=value` (split at the first `=`) and `name:=json` are keywords if only a name stands
 * before the sign, everything else is positional: `https://a.b/?c=d`, `a-b=c`, `=x`. The rule is the same
 * after `--`. Of a repeated keyword the last one counts.
 *
 * @throws UsageError when what follows `:=` is not JSON.
 */
export function parseWords(words: readonly string[]): Words {
  const args: string[] = [];
  const kwargs: Record<string, unknown> = {};
  for (const word of words) {
    const match = KEYWORD.exec(word);
    if (match === null) {
      args.push(word);
      continue;
    }
    const [, name = '', sign, text = ''] = match;
    let value: unknown = text;
    if (sign === ':=') {
      try {
        value = JSON.parse(text);
      } catch (cause) {
        throw new UsageError('USAGE', `\`${word}\`: expected JSON after \`:=\`, got \`${text}\``, {
          hint: `Write \`${name}=${text}\` for a text, or quote the JSON for the shell: \`'${name}:={"a": 1}'\`.`,
          cause,
        });
      }
    }
    // An assignment to `__proto__` would set the prototype instead.
    Object.defineProperty(kwargs, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return { args, kwargs };
}
