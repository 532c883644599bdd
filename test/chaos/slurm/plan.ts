/** What a round on a cluster does: all of it follows from the seed and the number of the round. */
import { letters } from '../kinds.js';
import { FORMS, type RoundPlan } from '../plan.js';
import { Random } from '../random.js';

/** What is done to a run, each of it undone after a while. */
export const STRIKES = {
  'node killed': { healsIn: [1, 25], does: 'loses its power, and gets it back' },
  'slurmd killed': {
    healsIn: [1, 25],
    does: 'crashes; its jobs run on while Slurm starts them anew elsewhere',
  },
  'slurmd paused': { healsIn: [2, 20], does: 'does not answer' },
  'jobs of a node killed': { healsIn: [0, 0], does: 'all processes of its jobs end at once' },
  'slurmctld paused': { healsIn: [2, 12], does: 'does not answer' },
  'slurmctld killed': { healsIn: [0, 8], does: 'dies, and forgets the last seconds' },
  'slurmctld stopped': { healsIn: [0, 8], does: 'ends in order' },
  'worker killed': { healsIn: [0, 0], does: 'dies; its job ends' },
  'worker frozen': { healsIn: [5, 18], does: 'gives no sign, is given up, and goes on' },
  'host killed': { healsIn: [0, 0], does: 'dies under the task it runs' },
  'element canceled': { healsIn: [0, 0], does: 'is removed from outside' },
  'element requeued': { healsIn: [0, 0], does: 'is ended, and started anew some seconds later' },
  'element held': { healsIn: [2, 12], does: 'is ended, and may start again when it is released' },
  'element suspended': { healsIn: [3, 18], does: 'stands still with all its processes' },
  'controller killed': { healsIn: [0, 6], does: 'dies; another takes its place' },
  'run canceled': { healsIn: [0, 3], does: 'is ended by `dl_jobs cancel`, and gone on with later' },
  'disk full': { healsIn: [1, 8], does: 'of the run takes nothing any more' },
  'controller left': { healsIn: [0, 6], does: 'goes when its terminal closes; another takes its place' },
} as const satisfies Record<string, { readonly healsIn: readonly [number, number]; readonly does: string }>;

export type StrikeKind = keyof typeof STRIKES;

export interface Strike {
  readonly kind: StrikeKind;
  /** Tasks were executed so many times, as a part of their number; 0: the first command has just been started. */
  readonly share: number;
  /** So many milliseconds later. */
  readonly delayMs: number;
  /** It is not waited longer for that since the strike before, once the first task ran; milliseconds. */
  readonly patienceMs: number;
  /** After that it is undone, milliseconds. */
  readonly healMs: number;
}

/** How one who takes the place of a controller does it. */
export type Successor = 'resume' | 'attach';

export interface SlurmPlan extends RoundPlan {
  readonly maxWorkers: number;
  readonly hostsPerWorker: number;
  /** Seconds without a sign after which a worker is given up. */
  readonly workerTimeout: number;
  readonly strikes: readonly Strike[];
  /** Chosen from in turn. */
  readonly successors: readonly Successor[];
}

/** So long the tasks of a round take when nothing happens, seconds. */
const LONG_S = 25;
const SHORT_S = 9;
/** Mean of `1 + i % 7`. */
const MEAN_SLEEP = 4;
const SLEEPING = 600;

/** Strikes that stop the clock of tasks: with a time limit these would fail. */
const STANDS_STILL: ReadonlySet<StrikeKind> = new Set(['worker frozen', 'element suspended']);

/** There are no workers yet. */
const AT_THE_START: readonly StrikeKind[] = [
  'slurmctld paused',
  'slurmctld killed',
  'slurmctld stopped',
  'controller killed',
  'controller killed',
  'controller left',
  'run canceled',
  'disk full',
];

export function planSlurmRound(seed: number, round: number, short: boolean): SlurmPlan {
  const random = Random.of(seed, round, 'slurm', short ? 'short' : 'long');
  const language = round % 2 === 0 ? 'typescript' : 'python';
  const stuck = !short && random.chance(0.25);
  const retries = random.pick(stuck ? [0, 0, 1] : [0, 1, 2]);
  const tasks = short ? random.int(150, 250) : random.int(250, 900);
  const maxWorkers = random.int(3, 7);
  const hostsPerWorker = random.pick([1, 1, 2]);
  const sleepMs = Math.ceil(
    ((short ? SHORT_S : LONG_S) * 1000 * maxWorkers) / (tasks * (SLEEPING / 1000) * MEAN_SLEEP),
  );
  const job = {
    name: 'first',
    letters: letters(random, {
      tasks,
      stuck,
      retried: retries > 0,
      children: random.chance(0.5),
      sleeping: SLEEPING,
    }),
    // Not on the disk that is full at times.
    side: '../../../first.side',
  };
  return {
    round,
    phase: 'running',
    language,
    jobs: [job],
    form: random.pick(FORMS),
    element: random.pick(['list', 'object']),
    pace: { every: Math.ceil(tasks / 60), ms: 0 },
    hostilePath: random.chance(0.2),
    stuck,
    sleepMs,
    timeoutS: 4,
    workers: 1,
    retries,
    taskConcurrency: 1,
    durability: random.pick(['batch', 'batch', 'record', 'none']),
    shuffle: random.chance(0.25),
    ordered: random.chance(0.2),
    grouped: random.chance(0.3),
    log: random.chance(0.6),
    fixedNames: random.chance(0.2),
    namesRun: random.chance(0.5),
    runKills: [],
    resumeKills: [],
    retryKills: !short && !stuck && random.chance(0.25) ? [] : null,
    maxWorkers,
    hostsPerWorker,
    workerTimeout: random.int(6, 12),
    strikes: strikesOf(random, short ? random.int(3, 4) : random.int(3, 8), stuck),
    successors: Array.from({ length: 8 }, () => random.pick(['resume', 'attach'] as const)),
  };
}

function strikesOf(random: Random, count: number, stuck: boolean): Strike[] {
  const kinds = (Object.keys(STRIKES) as StrikeKind[]).filter((kind) => !stuck || !STANDS_STILL.has(kind));
  const shares = Array.from({ length: count }, () => random.int(2, 100) / 100).sort((a, b) => a - b);
  if (random.chance(0.3)) shares[0] = 0;
  return shares.map((share): Strike => {
    const kind = random.pick(share === 0 ? AT_THE_START : kinds);
    const [least, most] = STRIKES[kind].healsIn;
    return {
      kind,
      share,
      delayMs: share === 0 ? random.int(0, 3_000) : 0,
      patienceMs: random.int(3_000, 12_000),
      healMs: random.int(least * 1000, most * 1000),
    };
  });
}
