/** What a job function takes, and how words become its arguments. */
import { UsageError } from '../base/errors.js';
import type { FunctionSignature, Parameter } from './signature-types.js';

export { readSignatures } from './read-signatures.js';
export type { DestructuredKey, FunctionSignature, Parameter } from './signature-types.js';

interface Split {
  readonly positional: readonly Parameter[];
  readonly rest: Parameter | undefined;
  readonly object: Parameter | undefined;
}

function split({ params }: FunctionSignature): Split {
  const last = params.at(-1);
  const object = last?.kind === 'object' ? last : undefined;
  return {
    positional: params.filter((param) => param !== object && param.kind !== 'rest'),
    // In Python keywords may come after it.
    rest: params.find(({ kind }) => kind === 'rest'),
    object,
  };
}

/** What is to be typed for each parameter (`PLACE`, `[ZOOM]`, `limit=…`), with a line about it. */
export function parameterWords(
  signature: FunctionSignature,
): { readonly word: string; readonly text: string }[] {
  const { positional, rest, object } = split(signature);
  const about = (type: string | undefined, value: string | undefined): string =>
    [type, value === undefined ? undefined : `[default: ${value}]`]
      .filter((part) => part !== undefined)
      .join(' ');
  const words = positional.map((param) => ({
    word: param.optional ? `[${param.name.toUpperCase()}]` : param.name.toUpperCase(),
    text: about(param.typeText, param.defaultText),
  }));
  if (rest !== undefined) {
    words.push({ word: `[${rest.name.toUpperCase()}...]`, text: rest.typeText ?? 'any number of words' });
  }
  if (object?.destructuredKeys !== undefined) {
    for (const key of object.destructuredKeys) {
      words.push({ word: `[${key.name}=VALUE]`, text: about(undefined, key.defaultText) });
    }
  } else if (object !== undefined || signature.opaque) {
    words.push({ word: '[NAME=VALUE...]', text: object?.typeText ?? 'keyword words' });
  }
  return words;
}

/**
 * How the function is called: `tiles.segment PLACE [ZOOM] [limit=VALUE]`.
 *
 * @param label - stands for the function; its exported name unless given.
 */
export function usageLine(signature: FunctionSignature, label: string = signature.name): string {
  return [label, ...parameterWords(signature).map(({ word }) => word)].join(' ');
}

function ordinal(position: number): string {
  const last = position % 10;
  const teen = position % 100 > 10 && position % 100 < 14;
  return `${position}${teen || last === 0 || last > 3 ? 'th' : (['st', 'nd', 'rd'][last - 1] ?? '')}`;
}

/**
 * The arguments to call a job function with: the positional words, then one object of the keyword words.
 *
 * The last parameter takes the keywords if it is of kind `object`, or if keywords were given and no word fills
 * it. An `object` parameter without a default of its own gets `{}` when there are no keywords. After a rest
 * parameter the object comes only if keywords were given. Optional parameters that are skipped are `undefined`.
 *
 * @param label - how messages call the function: `tiles.segment`.
 * @throws UsageError for too many or missing words, and for keywords that no parameter takes.
 */
export function bindWords(
  signature: FunctionSignature,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  label: string = signature.name,
): unknown[] {
  const { positional, rest, object } = split(signature);
  const names = Object.keys(kwargs);
  const given = names.length > 0;
  const fail = (message: string, hint = ''): never => {
    throw new UsageError('USAGE', `${label}: ${message}`, {
      hint: `${hint}Usage: dl_jobs run ${usageLine(signature, label)}`,
    });
  };
  // A plain last parameter takes the keywords when no word fills it.
  const lends = given && rest === undefined && object === undefined && args.length < positional.length;
  const toFill = lends ? positional.slice(0, -1) : positional;

  const missing = toFill.find((param, at) => at >= args.length && !param.optional);
  if (missing !== undefined) {
    fail(
      `expected a word for its ${ordinal(positional.indexOf(missing) + 1)} parameter \`${missing.name}\`, got ${args.length} word${args.length === 1 ? '' : 's'}`,
      Object.hasOwn(kwargs, missing.name)
        ? `\`${missing.name}\` is positional: write its value without \`${missing.name}=\`. `
        : '',
    );
  }
  if (rest === undefined && args.length > toFill.length) {
    fail(
      `expected ${toFill.length === 0 ? 'no words' : `at most ${toFill.length} word${toFill.length === 1 ? '' : 's'}`}, got ${args.length}: \`${String(args[toFill.length])}\` is too many`,
    );
  }
  if (given && rest === undefined && object === undefined && !lends) {
    fail(`expected no keywords, got \`${names[0] ?? ''}=\`; none of its parameters takes them`);
  }
  const passesObject = given || (object !== undefined && object.defaultText === undefined);
  if (!passesObject) return [...args];
  const skipped = Math.max(0, toFill.length - args.length);
  return [...args, ...Array<undefined>(skipped).fill(undefined), kwargs];
}

/**
 * The keywords that the function will not read: those that a destructured last parameter does not name.
 * They are passed all the same; a caller may want to say so.
 */
export function unreadKeywords(
  signature: FunctionSignature,
  kwargs: Readonly<Record<string, unknown>>,
): string[] {
  const keys = split(signature).object?.destructuredKeys;
  if (keys === undefined) return [];
  return Object.keys(kwargs).filter((name) => !keys.some((key) => key.name === name));
}
