/** What a round does: all of it follows from the seed and the number of the round. */
import { letters } from './kinds.js';
import { Random } from './random.js';

export const PHASES = ['start-up', 'producing arguments', 'running', 'writing outputs', 'resuming'] as const;
export type PlannedPhase = (typeof PHASES)[number];
/** `retrying`: besides, where a round runs its failed tasks again. */
export type Phase = PlannedPhase | 'retrying';

/** What is killed. */
export const TARGETS = ['controller', 'its process group', 'one host', 'all hosts', 'everything'] as const;
export type Target = (typeof TARGETS)[number];

/** When: what must be seen in the run folder or the outputs, since the command began. */
export type Moment =
  | { readonly at: 'once' }
  /** The folder of a run is there. */
  | { readonly at: 'folder' }
  | { readonly at: 'committed' }
  /** A further round is written down. */
  | { readonly at: 'round' }
  | { readonly at: 'shard' }
  /** A batch was handed out. */
  | { readonly at: 'started' }
  /** This part of the arguments is written, and there are more to come. */
  | { readonly at: 'arguments'; readonly share: number }
  /** Tasks were executed so many times, as a part of their number. */
  | { readonly at: 'executions'; readonly share: number }
  /** The results grew for the nth time. */
  | { readonly at: 'output'; readonly times: number }
  /** A file is being made anew beside its old self. */
  | { readonly at: 'temp' }
  /** The journal says that the round has ended, and the controller is still there. */
  | { readonly at: 'end' };

export interface Kill {
  readonly moment: Moment;
  /** After the moment was seen. */
  readonly delayMs: number;
  readonly target: Target;
  /** Of a kill that leaves the controller: it follows so many milliseconds later; null: it may go on. */
  readonly controllerAfterMs: number | null;
}

export const FORMS = ['count', 'array', 'file', 'generator', 'async generator'] as const;
export type Form = (typeof FORMS)[number];

export interface JobPlan {
  /** Name of its module in `tasks/`. */
  readonly name: string;
  readonly letters: string;
  /** The file to which its executions are appended, relative to the project. */
  readonly side: string;
}

export interface RoundPlan {
  readonly round: number;
  readonly phase: PlannedPhase;
  readonly language: 'typescript' | 'python';
  readonly jobs: readonly JobPlan[];
  readonly form: Form;
  /** What an element is besides its index: nothing, a place in a list, a key of an object. */
  readonly element: 'list' | 'object';
  /** Milliseconds that the generator rests after each so many elements. */
  readonly pace: { readonly every: number; readonly ms: number };
  readonly hostilePath: boolean;
  readonly stuck: boolean;
  /** The unit of what tasks sleep that sleep. */
  readonly sleepMs: number;
  /** Seconds that a try of a task may take, where some are stuck. */
  readonly timeoutS: number;
  readonly workers: number;
  readonly retries: number;
  readonly taskConcurrency: number;
  readonly durability: 'batch' | 'record' | 'none';
  readonly shuffle: boolean;
  readonly ordered: boolean;
  readonly grouped: boolean;
  readonly log: boolean;
  /** The results have a name without the time, and a file of that name is there already. */
  readonly fixedNames: boolean;
  /** `resume` is told which run. */
  readonly namesRun: boolean;
  /** Of `run`, one try each while no run exists. */
  readonly runKills: readonly Kill[];
  /** Of `resume`, one try each. */
  readonly resumeKills: readonly Kill[];
  /** Of `retry` when the run is done, and of what goes on with that; null: nothing is retried. */
  readonly retryKills: readonly Kill[] | null;
}

export function planRound(seed: number, round: number, short: boolean): RoundPlan {
  const random = Random.of(seed, round, short ? 'short' : 'long');
  const phase = PHASES[round % PHASES.length] as PlannedPhase;
  const language =
    (Math.floor(round / PHASES.length) + (round % PHASES.length)) % 2 === 0 ? 'typescript' : 'python';
  // Of the dozen rounds of the short form one in each language.
  const stuck = short ? round % 7 === 2 : random.chance(0.4);
  // A stuck task costs its time limit, and the patience of the one who ends it, for each try.
  const retries = random.pick(stuck ? [0, 0, 0, 1] : [0, 0, 1, 2]);
  const tasks = short ? random.int(400, 800) : random.int(2_000, 4_000);
  const jobOf = (name: string, count: number): JobPlan => ({
    name,
    letters: letters(random, { tasks: count, stuck, retried: retries > 0, children: random.chance(0.6) }),
    side: `${name}.side`,
  });
  const jobs = [jobOf('first', tasks)];
  if (random.chance(0.15)) jobs.push(jobOf('second', Math.round(tasks / 10)));
  const form =
    phase === 'producing arguments'
      ? random.pick(['generator', 'async generator'] as const)
      : random.pick(FORMS);
  const slow = phase === 'producing arguments' || (form.endsWith('generator') && random.chance(0.3));
  const every = Math.max(1, Math.round(tasks / 60));
  const fixedNames = random.chance(0.3);
  const retried = !stuck && jobs.length === 1 && random.chance(0.3);
  const runKills = firstKills(random, phase);
  return {
    round,
    phase,
    language,
    jobs,
    form,
    element: random.pick(['list', 'object']),
    pace: { every, ms: slow ? random.int(5, 25) : 0 },
    hostilePath: random.chance(0.2),
    stuck,
    sleepMs: 1,
    // A machine that stands still for a moment makes no task late that is not stuck.
    timeoutS: 3,
    workers: random.int(1, 3),
    retries,
    // A host that runs several at a time runs async functions; Python's are sync here.
    taskConcurrency: language === 'typescript' && random.chance(0.25) ? random.int(2, 5) : 1,
    durability: random.pick(['batch', 'batch', 'record', 'none']),
    shuffle: random.chance(0.25),
    ordered: random.chance(0.2) || runKills.some(({ moment }) => moment.at === 'temp'),
    grouped: random.chance(0.3),
    log: random.chance(0.6),
    fixedNames,
    namesRun: random.chance(0.5) && jobs.length === 1,
    runKills,
    resumeKills: Array.from({ length: phase === 'resuming' ? random.int(2, 4) : random.int(0, 2) }, () =>
      resumeKill(random),
    ),
    retryKills: retried ? Array.from({ length: random.int(0, 2) }, () => resumeKill(random)) : null,
  };
}

/** Ways to say when, each for one of the phases. */
function firstKills(random: Random, phase: PlannedPhase): Kill[] {
  switch (phase) {
    case 'start-up':
      return Array.from({ length: random.int(1, 2) }, () => startKill(random));
    case 'producing arguments':
      return [kill(random, { at: 'arguments', share: random.int(1, 90) / 100 }, 40)];
    case 'running':
      return [kill(random, { at: 'executions', share: random.int(1, 95) / 100 }, 20)];
    case 'writing outputs':
      return [outputKill(random)];
    case 'resuming':
      return [
        { ...kill(random, { at: 'executions', share: random.int(1, 50) / 100 }, 20), target: 'controller' },
      ];
  }
}

function kill(random: Random, moment: Moment, maxDelayMs: number): Kill {
  const target = random.pick([
    'controller',
    'controller',
    'its process group',
    'one host',
    'all hosts',
    'everything',
  ] as const);
  return {
    moment,
    delayMs: random.int(0, maxDelayMs),
    target,
    controllerAfterMs: target.endsWith('host') || target.endsWith('hosts') ? afterHosts(random) : null,
  };
}

function afterHosts(random: Random): number | null {
  return random.chance(0.6) ? random.int(0, 150) : null;
}

function startKill(random: Random): Kill {
  const at = random.pick(['once', 'folder', 'committed', 'round', 'shard', 'started'] as const);
  return kill(random, { at }, at === 'once' ? 250 : 5);
}

function outputKill(random: Random): Kill {
  const at = random.pick(['output', 'output', 'executions', 'end', 'end', 'temp'] as const);
  if (at === 'output') return kill(random, { at, times: random.int(1, 6) }, 3);
  if (at === 'executions') return kill(random, { at, share: 1 }, 60);
  return kill(random, { at }, 4);
}

function resumeKill(random: Random): Kill {
  const at = random.pick([
    'once',
    'round',
    'shard',
    'started',
    'arguments',
    'executions',
    'executions',
    'output',
    'temp',
    'end',
  ] as const);
  switch (at) {
    case 'once':
      return kill(random, { at }, 600);
    case 'arguments':
      return kill(random, { at, share: random.int(10, 95) / 100 }, 20);
    case 'executions':
      return kill(random, { at, share: random.int(1, 60) / 100 }, 20);
    case 'output':
      return kill(random, { at, times: random.int(1, 3) }, 3);
    default:
      return kill(random, { at }, 5);
  }
}
