/** What each job function of test/fixtures/seed-project comes to: the same on every platform, whoever runs it. */

export interface SeedCase {
  readonly title: string;
  readonly module: string;
  readonly method: string;
  readonly args: readonly string[];
  readonly kwargs: Readonly<Record<string, string>>;
  /** File → its lines, sorted. */
  readonly results: Readonly<Record<string, readonly string[]>>;
  /** File → its lines without `STACK`, sorted by `TASK_ID`. */
  readonly errors?: Readonly<Record<string, readonly object[]>>;
  /** On the way, in what the job function prints or the command says of it. */
  readonly said?: readonly string[];
  /** One of {@link PROGRAM_CASES}. */
  readonly fromPython?: true;
}

function water(product: string): string[] {
  return [
    `{"key":"meridian:10:0","product":"${product}","version":"2020.01","water":0.5,"clusters":[2,1],"pixels":{"land":3,"water":3}}`,
    `{"key":"meridian:10:1","product":"${product}","version":"2020.01","water":0.0,"clusters":[],"pixels":{"land":6}}`,
    `{"key":"méridien:10:2","product":"${product}","version":"2020.01","water":0.5,"clusters":[1,1,1],"pixels":{"land":3,"water":3}}`,
  ];
}

const plain = (value: unknown): string => JSON.stringify({ value, text: typeof value === 'string' });

/** An error that the task returned. */
const returned = (task: number, fields: object, log = ''): object => ({
  ...fields,
  TASK_ID: task,
  FAILURE_TYPE: 'returned',
  TYPE: null,
  LOG: log,
});

export const SEED_CASES: readonly SeedCase[] = [
  {
    title: 'a single task with args and kwargs by name, of the default method',
    module: 'product',
    method: 'task',
    args: [],
    kwargs: {},
    results: { 'results/water.ndjson': water('water').slice(0, 1) },
    fromPython: true,
  },
  {
    title: 'a list of jobs with None in it, over NDJSON that update_list has added to',
    module: 'product',
    method: 'create',
    args: ['amazon', 'meridian:10:0', 'méridien:10:2'],
    kwargs: { confirm: 'true', threshold: '0.1' },
    results: {
      'results/amazon.ndjson': water('amazon'),
      'results/summaries/amazon-summary.ndjson': [
        '{"product":"amazon","zone":"meridian","tile":0}',
        '{"product":"amazon","zone":"méridien","tile":2}',
      ],
    },
    said: ['product.create: amazon\n', ' 0:00:0'],
    fromPython: true,
  },
  {
    title: 'None, where it was not confirmed',
    module: 'product',
    method: 'create',
    args: ['nowhere'],
    kwargs: { confirm: 'No' },
    results: {},
    said: ['-- not confirmed: nothing to do\n', 'no job was found for product.create'],
  },
  {
    title: 'the default method of a package',
    module: 'products',
    method: 'task',
    args: [],
    kwargs: {},
    results: { 'results/histogram.ndjson': ['{"1":1,"2":2,"3":3}'] },
  },
  {
    title: 'the default method of a module in a package, grouped results of lists that expand_args spreads',
    module: 'products.tiles',
    method: 'task',
    args: ['3'],
    kwargs: { factor: '2' },
    results: {
      'results/tiles.ndjson': ['[[20.0,40.0],[30.0,50.0]]', '[[5.0,5.0],[5.0,5.0]]', '[[5.0,9.0],[5.0,1.0]]'],
    },
    fromPython: true,
  },
  {
    title: 'a line for each element of a list that a task returns',
    module: 'products.tiles',
    method: 'rows',
    args: [],
    kwargs: {},
    results: { 'results/rows.ndjson': ['[10,30,40]', '[10,50,50]', '[5,5,5]', '[5,5,5]'] },
  },
  {
    title: 'errors that attempt has caught',
    module: 'products.tiles',
    method: 'broken',
    args: [],
    kwargs: {},
    results: { 'results/broken.ndjson': water('water').slice(1, 2) },
    errors: {
      'errors/broken-errors.ndjson': [
        returned(0, {
          ERROR: "task() missing 1 required positional argument: 'nir'",
          ARGS: [{ key: 'none', red: [[1]] }],
          KWARGS: {},
        }),
        returned(
          1,
          {
            ERROR: 'raster: expected rows of one width, got []',
            ARGS: [{ key: 'empty', red: [], nir: [] }],
            KWARGS: {},
          },
          'water: empty (task of water)\n',
        ),
      ],
    },
  },
  {
    title: 'scalars, as words and as they are',
    module: 'kinds',
    method: 'scalars',
    args: ['word'],
    kwargs: {},
    results: { 'results/scalars.ndjson': ['word', 1, 2.5, null, true, 'ü "x"'].map(plain) },
  },
  {
    title: 'a count',
    module: 'kinds',
    method: 'count',
    args: ['3'],
    kwargs: {},
    results: { 'results/count.ndjson': [0, 1, 2].map(plain) },
  },
  {
    title: 'a range in a list',
    module: 'kinds',
    method: 'ranges',
    args: [],
    kwargs: {},
    results: { 'results/ranges.ndjson': Array.from({ length: 10 }, (_, i) => plain(i)) },
  },
  {
    title: 'a generator of dicts, spread by expand_args',
    module: 'kinds',
    method: 'generated',
    args: ['3'],
    kwargs: { k: 'a b' },
    results: { 'results/generated.ndjson': [0, 1, 4].map((b, a) => JSON.stringify({ a, b, k: 'a b' })) },
    fromPython: true,
  },
  {
    title: 'args and kwargs by name, with expand_args and without, and keywords of the job itself',
    module: 'kinds',
    method: 'by_name',
    args: ['1'],
    kwargs: { k: 'ü' },
    results: {
      'results/expanded.ndjson': ['{"a":"1","b":"b","k":"ü"}'],
      'results/spread.ndjson': ['{"args":["1","b"],"kwargs":{"k":"ü"}}'],
      'results/keywords.ndjson': ['{"args":[],"kwargs":{"k":"ü"}}'],
    },
  },
  {
    title: 'errors of all kinds, and what looks like one',
    module: 'kinds',
    method: 'errors',
    args: [],
    kwargs: {},
    results: {
      'results/errors.ndjson': ['"tile-1"', '{"ERROR":false,"kind":"false"}', '{"kind":"list"}'],
    },
    errors: {
      'errors/errors-errors.ndjson': [
        returned(1, { ERROR: 'ERROR: no tile', ...of('text') }),
        returned(2, { ERROR: true, kind: 'dict', ...of('dict') }),
        {
          ERROR: 'tile "raised"',
          ...of('raised'),
          TASK_ID: 3,
          FAILURE_TYPE: 'exception',
          TYPE: 'RuntimeError',
          LOG: '',
        },
        returned(4, { ERROR: "'attempted'", ARGS: [{ k: null, kind: 'attempted' }], KWARGS: {} }),
        returned(6, { ERROR: 'in the list', ...of('list') }),
      ],
    },
    fromPython: true,
  },
];

/** Those that Python programs run, too, where each run takes its time. */
export const PROGRAM_CASES = SEED_CASES.filter(({ fromPython }) => fromPython === true);

function of(kind: string): object {
  return { ARGS: [], KWARGS: { k: null, kind } };
}
