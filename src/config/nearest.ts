import { distance } from 'fastest-levenshtein';

/**
 * The name that `word` was most likely meant to be: the one with the fewest letters changed, if these are
 * few for its length. Case, dashes and underscores do not count.
 */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll('-', '_');
  const wanted = plain(word.slice(0, 100));
  let best: string | undefined;
  let least = Infinity;
  for (const name of names) {
    const changes = distance(wanted, plain(name));
    if (changes < least) {
      best = name;
      least = changes;
    }
  }
  return best !== undefined && least <= Math.max(2, Math.floor(best.length / 3)) && least < best.length
    ? best
    : undefined;
}
