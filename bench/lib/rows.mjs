/**
 * The table: what is run, by whom, and what must hold.
 *
 * A bound says `subject / reference <= max` (or, with `min`, `reference / subject >= min`), computed in each
 * round, then the median. `plusMs` is taken off the subject's time first. `aim` is what we are after.
 * `once` lists contenders that are slow enough to be run in the first round only; `sample` those that run two
 * small sizes instead, from which the time of `n` is extrapolated along a line.
 */
export const ROWS = [
  {
    id: 'noop-100k',
    title: '100k no-op tasks',
    kind: 'noop',
    n: 100_000,
    reference: 'floor',
    contenders: [
      'floor',
      'dl-jobs',
      'dl-jobs-nolog',
      'piscina',
      'piscina-chunked',
      'tinypool',
      'pool',
      'executor',
      'parallel',
    ],
    once: ['tinypool', 'parallel'],
    sample: { parallel: [100, 1000] },
    bounds: [
      { subject: 'dl-jobs', reference: 'floor', max: 2.5, aim: 1.5 },
      { subject: 'dl-jobs', reference: 'piscina', min: 6 },
    ],
  },
  {
    id: 'noop-1m',
    title: '1M no-op tasks',
    kind: 'noop',
    n: 1_000_000,
    reference: 'floor',
    contenders: ['floor', 'dl-jobs', 'dl-jobs-nolog', 'piscina', 'piscina-chunked', 'pool', 'executor'],
    once: ['piscina', 'executor'],
    bounds: [
      { subject: 'dl-jobs', reference: 'floor', max: 2.7, aim: 1.6 },
      { subject: 'dl-jobs', reference: 'piscina', min: 15 },
    ],
  },
  {
    id: 'python-100k',
    title: '100k no-op Python tasks',
    kind: 'noop',
    kinds: { 'dl-jobs': 'noop_py', 'dl-jobs-nolog': 'noop_py' },
    n: 100_000,
    reference: 'pool',
    contenders: ['pool', 'dl-jobs', 'dl-jobs-nolog', 'executor'],
    bounds: [{ subject: 'dl-jobs', reference: 'pool', max: 1.3, aim: 1 }],
  },
  {
    id: 'big-20k',
    title: '10 kB results, 20k',
    kind: 'big',
    n: 20_000,
    reference: 'floor',
    contenders: ['floor', 'dl-jobs', 'piscina', 'pool'],
    once: ['piscina', 'pool'],
    bounds: [{ subject: 'dl-jobs', reference: 'floor', max: 1.6, aim: 1.2 }],
  },
  {
    id: 'cpu-5k',
    title: '1 ms CPU tasks, 5k',
    kind: 'cpu',
    n: 5000,
    reference: 'floor',
    contenders: ['floor', 'dl-jobs', 'piscina', 'tinypool', 'pool', 'executor'],
    bounds: [{ subject: 'dl-jobs', reference: 'floor', max: 1.06, aim: 1 }],
  },
  {
    id: 'sleep-1000',
    title: '10 ms sleeps, 1,000 at 8',
    kind: 'sleep',
    n: 1000,
    reference: 'p-map',
    contenders: ['p-map', 'dl-jobs', 'piscina'],
    bounds: [{ subject: 'dl-jobs', reference: 'p-map', max: 1.05, aim: 1 }],
  },
  {
    id: 'one',
    title: 'one TypeScript task, whole process, warm cache',
    kind: 'noop',
    kinds: { 'dl-jobs': 'one' },
    n: 1,
    short: true,
    reference: 'node-node',
    contenders: ['node-node', 'dl-jobs', 'piscina', 'tinypool', 'pool'],
    bounds: [
      { subject: 'dl-jobs', reference: 'node-node', max: 1.5, plusMs: 60 },
      { subject: 'dl-jobs', reference: 'node-node', aim: 1.5 },
    ],
  },
  {
    id: 'help',
    title: 'dl_jobs --help',
    kind: 'help',
    n: 0,
    short: true,
    reference: 'node-e',
    contenders: ['node-e', 'dl-jobs-help'],
    bounds: [{ subject: 'dl-jobs-help', reference: 'node-e', max: 2, aim: 1.5 }],
  },
  {
    id: 'memory',
    title: 'peak memory, 1M against 100k no-op tasks',
    kind: 'noop',
    memory: true,
    sizes: [100_000, 1_000_000],
    contenders: ['floor', 'dl-jobs', 'piscina', 'pool'],
    once: ['piscina', 'pool'],
    bounds: [
      { subject: 'dl-jobs', part: 'controller', max: 1.2 },
      { subject: 'dl-jobs', part: 'host', max: 1.2 },
    ],
  },
];

/** Rows of the speed budget that wait for a command. */
export const LATER = [
  'status on a finished run of 1M',
  'errors on a finished run of 1M',
  'logs --task on a finished run of 1M',
];
