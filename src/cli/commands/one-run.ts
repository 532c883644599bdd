import { UsageError } from '../../base/errors.js';

/** The RUN among the words of a command; null: none was given, which means the latest. */
export function oneRun(words: readonly string[]): string | null {
  const [wanted, ...more] = words;
  if (more.length === 0) return wanted ?? null;
  throw new UsageError('USAGE', `expected one RUN at the most, got \`${words.join(' ')}\``, {
    hint: 'An id, or the beginning of one: see `dl_jobs runs`.',
  });
}
