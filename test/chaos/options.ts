/** What `npm run test:chaos` is asked for. */

export interface ChaosOptions {
  /** Where the runs execute: on this machine, or on a cluster that each round starts for itself. */
  readonly platform: 'local' | 'slurm';
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

const LONG = { rounds: 200, minutes: 30, parallel: 2 };
/** The minutes only end what hangs: the tests expect all rounds of the short forms, on a slow machine, too. */
const SHORT = { rounds: 12, minutes: 15, parallel: 2 };
/** A round on a cluster mostly waits: for Slurm to notice, and for workers to be given up. */
const SLURM_LONG = { rounds: 30, minutes: 60, parallel: 2 };
const SLURM_SHORT = { rounds: 2, minutes: 15, parallel: 2 };

const USAGE =
  'npm run test:chaos -- [--platform local|slurm] [--seed N] [--rounds N] [--minutes M] [--short] [--only ROUND] [--parallel N] [--keep]';

/** @throws Error that says what is wrong, with the usage. */
export function chaosOptions(words: readonly string[], anySeed: () => number): ChaosOptions {
  const numbers = new Map<string, number>();
  const switches = new Set<string>();
  let platform: ChaosOptions['platform'] = 'local';
  const rest = words.flatMap((word) => /^(--\w+)=(.*)$/s.exec(word)?.slice(1) ?? [word]);
  while (rest.length > 0) {
    const word = rest.shift() as string;
    if (['--short', '--keep'].includes(word)) switches.add(word);
    else if (word === '--platform') {
      const value = rest.shift();
      if (value !== 'local' && value !== 'slurm')
        throw new Error(`--platform: expected local or slurm\n${USAGE}`);
      platform = value;
    } else if (['--seed', '--rounds', '--minutes', '--only', '--parallel'].includes(word)) {
      const value = Number(rest.shift());
      if (!Number.isFinite(value) || value < 0) throw new Error(`${word}: expected a number\n${USAGE}`);
      numbers.set(word, value);
    } else throw new Error(`unknown option ${word}\n${USAGE}`);
  }
  const short = switches.has('--short');
  const [longForm, shortForm] = platform === 'slurm' ? [SLURM_LONG, SLURM_SHORT] : [LONG, SHORT];
  const defaults = short ? shortForm : longForm;
  return {
    platform,
    seed: numbers.get('--seed') ?? anySeed(),
    rounds: numbers.get('--rounds') ?? defaults.rounds,
    minutes: numbers.get('--minutes') ?? defaults.minutes,
    short,
    only: numbers.get('--only') ?? null,
    parallel: numbers.get('--parallel') ?? defaults.parallel,
    keep: switches.has('--keep'),
  };
}

/** The command that repeats one round exactly. */
export function repeatLine({ platform, seed, short }: ChaosOptions, round: number): string {
  return `npm run test:chaos --${platform === 'local' ? '' : ` --platform ${platform}`} --seed ${seed}${short ? ' --short' : ''} --only ${round}`;
}
