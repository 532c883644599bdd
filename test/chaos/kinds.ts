/**
 * What the tasks of a round do, one letter each: the letter of task `i` stands at place `i` of a text that the task's
 * module holds, so that the task and the checker know the same without asking each other.
 */
import type { Random } from './random.js';

export type Letter =
  'v' | 'n' | 'l' | 'm' | 'b' | 's' | 'x' | 'r' | 't' | 'u' | 'e' | 'k' | 'w' | 'z' | 'c' | 'd' | 'f';

interface Kind {
  readonly does: string;
  /** So many of a thousand tasks. */
  readonly perMille?: number;
  /** Or so many of them all: such tasks take a while. */
  readonly count?: number;
}

export const KINDS: Readonly<Record<Letter, Kind>> = {
  v: { does: 'returns a small value', perMille: 690 },
  n: { does: 'returns nothing', perMille: 80 },
  l: { does: 'returns a list', perMille: 60 },
  m: { does: 'returns a list with errors in it', perMille: 30 },
  b: { does: 'returns 20 kB', perMille: 20 },
  s: { does: 'sleeps for some milliseconds', perMille: 50 },
  x: { does: 'throws', perMille: 30 },
  r: { does: 'returns an error', perMille: 20 },
  t: { does: 'returns the text of an error', perMille: 15 },
  u: { does: 'returns what is no JSON', perMille: 5 },
  e: { does: 'ends its process', count: 3 },
  k: { does: 'kills its process', count: 2 },
  w: { does: 'loops for ever', count: 1 },
  z: { does: 'sleeps in C for ever', count: 1 },
  c: { does: 'leaves a child behind', count: 3 },
  d: { does: 'leaves a child of its own session behind', count: 2 },
  f: { does: 'kills its process the first time', count: 2 },
};

export interface LetterOptions {
  readonly tasks: number;
  /** False: no task that has to be ended for its time. */
  readonly stuck: boolean;
  /** True: a task that fails once is tried again. */
  readonly retried: boolean;
  readonly children: boolean;
  /** Of a thousand tasks, so many that would return a small value sleep instead. @default none */
  readonly sleeping?: number;
}

/** A letter for each task. */
export function letters(random: Random, options: LetterOptions): string {
  const { tasks, stuck, retried, children, sleeping = 0 } = options;
  const usual = Object.entries(KINDS).flatMap(([letter, { perMille = 0 }]) => letter.repeat(perMille));
  const common = `${'s'.repeat(sleeping)}${usual.join('').slice(sleeping)}`;
  const all = Array.from({ length: tasks }, () => common[random.int(0, common.length - 1)] as string);
  const place = (letter: Letter): void => {
    for (let n = 0; n < (KINDS[letter].count ?? 0); n++) all[random.int(0, tasks - 1)] = letter;
  };
  place('e');
  place('k');
  if (children) place('c');
  if (children) place('d');
  if (stuck) place('w');
  if (stuck) place('z');
  if (retried) place('f');
  return all.join('');
}
