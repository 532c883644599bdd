/** Many jobs in one request. */
import { DataError } from '../../../base/errors.js';
import { jsonText } from './json.js';
import type { JobBatch } from './types.js';

/** More the service does not take at once. */
export const MOST_OF_A_BATCH = 1000;

/** The body of a batch, around the arguments as they are, and how many jobs it makes. */
export function bulkBody(batch: JobBatch): { readonly body: Buffer; readonly count: number } {
  const count = countElements(batch.bulkArgs);
  if (count === null || count < 1 || count > MOST_OF_A_BATCH) {
    const got = count === null ? 'something else' : `one of ${count}`;
    throw new DataError(
      'VALUE_INVALID',
      `bulkArgs: expected a JSON list of 1 to ${MOST_OF_A_BATCH} lists of arguments, got ${got}`,
      { hint: 'Cut it into several batches, each with a reference id of its own.' },
    );
  }
  const { functionId, referenceId, tags } = batch;
  const rest = jsonText({
    bulk_kwargs: null,
    bulk_environments: null,
    reference_id: referenceId,
    ...(tags === undefined || tags.length === 0 ? {} : { tags }),
  });
  const body = Buffer.concat([
    Buffer.from(`{"function_id":${jsonText(functionId)},"bulk_args":`),
    batch.bulkArgs,
    Buffer.from(`,${rest.slice(1)}`),
  ]);
  return { body, count };
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const isOpening = (byte: number): boolean => byte === 0x5b || byte === 0x7b;
const isClosing = (byte: number): boolean => byte === 0x5d || byte === 0x7d;
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Elements of a list in JSON text, without making values of them; null where it is no list, or does not end with it. */
export function countElements(text: Uint8Array): number | null {
  let depth = 0;
  let inString = false;
  let commas = 0;
  let isEmpty = true;
  let isOver = false;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i]!;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
      continue;
    }
    if (isSpace(byte)) continue;
    if (isOver || (depth === 0 && byte !== 0x5b)) return null;
    if (depth === 1 && !isClosing(byte)) isEmpty = false;
    if (byte === QUOTE) inString = true;
    else if (isOpening(byte)) depth++;
    else if (isClosing(byte)) isOver = --depth === 0;
    else if (byte === COMMA && depth === 1) commas++;
  }
  return !isOver ? null : isEmpty ? 0 : commas + 1;
}

/** Lists of up to `size`, no more taken from the source than that. */
export async function* cut<T>(
  items: Iterable<T> | AsyncIterable<T>,
  size: number,
): AsyncGenerator<T[], void, undefined> {
  let some: T[] = [];
  for await (const item of items) {
    some.push(item);
    if (some.length < size) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}
