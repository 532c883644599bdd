/** What `npm run test:chaos` is asked for. */

export interface ChaosOptions {
  readonly seed: number;
  readonly rounds: number;
  /** No round is begun later than this. */
  readonly minutes: number;
  /** Fewer and quicker tasks: for each change, not for each release. */
  readonly short: boolean;
  /** Only this round of the seed; null: all. */
  readonly only: number | null;
  /** Rounds at a time. */
  readonly parallel: number;
  /** Leave the projects of rounds that failed where they are. */
  readonly keep: boolean;
}

const LONG = { rounds: 200, minutes: 30 };
const SHORT = { rounds: 12, minutes: 2 };

const USAGE =
  'npm run test:chaos -- [--seed N] [--rounds N] [--minutes M] [--short] [--only ROUND] [--parallel N] [--keep]';

/** @throws Error that says what is wrong, with the usage. */
export function chaosOptions(words: readonly string[], anySeed: () => number): ChaosOptions {
  const numbers = new Map<string, number>();
  const switches = new Set<string>();
  const rest = words.flatMap((word) => /^(--\w+)=(.*)$/s.exec(word)?.slice(1) ?? [word]);
  while (rest.length > 0) {
    const word = rest.shift() as string;
    if (['--short', '--keep'].includes(word)) switches.add(word);
    else if (['--seed', '--rounds', '--minutes', '--only', '--parallel'].includes(word)) {
      const value = Number(rest.shift());
      if (!Number.isFinite(value) || value < 0) throw new Error(`${word}: expected a number\n${USAGE}`);
      numbers.set(word, value);
    } else throw new Error(`unknown option ${word}\n${USAGE}`);
  }
  const short = switches.has('--short');
  const defaults = short ? SHORT : LONG;
  return {
    seed: numbers.get('--seed') ?? anySeed(),
    rounds: numbers.get('--rounds') ?? defaults.rounds,
    minutes: numbers.get('--minutes') ?? defaults.minutes,
    short,
    only: numbers.get('--only') ?? null,
    parallel: numbers.get('--parallel') ?? 2,
    keep: switches.has('--keep'),
  };
}

/** The command that repeats one round exactly. */
export function repeatLine({ seed, short }: ChaosOptions, round: number): string {
  return `npm run test:chaos -- --seed ${seed}${short ? ' --short' : ''} --only ${round}`;
}
