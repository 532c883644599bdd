/** Each way in which a task can end, in both languages, in one run each. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { parseSize } from '../../../src/base/sizes.js';
import { ends } from '../../e2e/journal.js';
import type { Abilities, Cases } from './cases.js';
import { python, TEXT, typescript } from './outcome-tasks.js';
import { errorsOf, resultsOf, sorted, type ErrorLine, type Scene, type Status } from './scene.js';

const KINDS = [
  ...['plain', 'print', 'text', 'nothing', 'numbers', 'json', 'list', 'throw', 'returned', 'said', 'invalid'],
  ...['plain', 'exit', 'plain', 'signal', 'hang', 'large', 'fragile', 'print', 'plain', 'plain'],
];

/** Lines of results that a task of each kind gives; other kinds give `{ i, kind }`. */
const LINES: Readonly<Record<string, (i: number) => unknown[]>> = {
  text: () => [TEXT],
  nothing: () => [],
  numbers: (i) => [{ i, nan: null, big: -1.5e-7 }],
  json: (i) => [{ i, text: 'json' }],
  list: (i) => [
    { i, part: 0 },
    { i, part: 3 },
  ],
};

/** The log of so many of two tries, of which each prints `line`; of both where there is one log for all. */
function logged({ recordsEachTry }: Abilities, line: string, tries: number): unknown {
  return recordsEachTry ? line.repeat(tries) : expect.stringMatching(new RegExp(`^(${line}){1,2}$`));
}

/** What the error lines of a task of each kind hold; other kinds are ok. */
const ERRORS: Readonly<Record<string, (i: number, can: Abilities) => object[]>> = {
  list: () => [
    { FAILURE_TYPE: 'returned', ERROR: expect.stringContaining('part 1 is bad') },
    { FAILURE_TYPE: 'returned', ERROR: 'part 2', own: [2] },
  ],
  throw: (i, can) => [
    {
      FAILURE_TYPE: 'exception',
      TYPE: expect.stringMatching(/^(Range|Value)Error$/),
      ERROR: `thrown by ${i}\nin two lines`,
      STACK: expect.stringMatching(/tasks\/act\.(ts|py)/),
      LOG: logged(can, `throwing ${i}\n`, 1),
    },
  ],
  returned: (i) => [{ FAILURE_TYPE: 'returned', ERROR: `returned by ${i}`, own: { i } }],
  said: (i) => [{ FAILURE_TYPE: 'returned', ERROR: expect.stringContaining(`said by ${i}`) }],
  invalid: () => [
    { FAILURE_TYPE: 'invalid', TYPE: 'InvalidResult', ERROR: expect.stringContaining('deep[0].big') },
  ],
  exit: (i, can) => [
    {
      FAILURE_TYPE: 'crash',
      TYPE: 'Crash',
      ERROR: expect.stringMatching(/\b7\b/),
      LOG: logged(can, `exiting ${i}\n`, 1),
    },
  ],
  signal: () => [{ FAILURE_TYPE: 'crash', TYPE: 'Crash', ERROR: expect.stringContaining('SIGSEGV') }],
  hang: (_, { timeout }) => [
    {
      FAILURE_TYPE: 'timeout',
      TYPE: 'Timeout',
      ERROR: expect.stringMatching(new RegExp(`\\b${timeout}\\b`)),
    },
  ],
  large: () => [{ FAILURE_TYPE: 'oom', TYPE: 'OutOfMemory' }],
};

/** Kinds that are tried twice, as `retry_on` says; a first try may also succeed only the second time. */
const triedTwice = ({ retriesEachType }: Abilities): string[] => [
  ...['throw', 'exit', 'signal', 'fragile'],
  ...(retriesEachType ? [] : ['hang', 'large']),
];
const retryOn = ({ retriesEachType }: Abilities): string =>
  ['exception', 'crash', ...(retriesEachType ? [] : ['oom', 'timeout'])].join(', ');

const LANGUAGES = [
  ['TypeScript', 'node', 'tasks/act.ts', typescript],
  ['Python', 'python', 'tasks/act.py', python],
] as const;

export function outcomeCases(cases: Cases): void {
  const { can } = cases;
  // More than the limit, and at least so much that no page cache or slow watcher hides it.
  const large = Math.max(1024, Math.ceil((1.5 * parseSize(can.memory)) / 2 ** 20));

  describe.concurrent('each way to end', () => {
    cases.part('has a record and a log of each try', ['recordsEachTry']);
    cases.part('is tried again or not by its own type', ['retriesEachType']);
    cases.part('has a log to the byte', ['exactLogs']);
    for (const [name, language, path, source] of LANGUAGES) {
      cases.test(`is told and counted as what it is: ${name}`, [language], async () => {
        const scene = cases.newScene(
          {
            [path]: source(large),
            'args.ndjson': KINDS.map((kind, i) => `${JSON.stringify({ i, kind })}\n`).join(''),
          },
          {
            config: [
              `timeout: ${can.timeout}`,
              `memory: ${can.memory}`,
              'retries: 1',
              `retry_on: [${retryOn(can)}]`,
              'retry_delay: 10ms',
            ],
            marks: [],
          },
        );
        const { stdout } = await scene.run(1, scene.map('tasks.act.act', '--noisy', '--print_logs'));
        await check(scene, can, stdout);
        await scene.isQuiet();
      });
    }
  });
}

async function check(scene: Scene, can: Abilities, stdout: string): Promise<void> {
  const status = await scene.status();
  const lines = KINDS.flatMap((kind, i) => LINES[kind]?.(i) ?? (kind in ERRORS ? [] : [{ i, kind }]));
  const failing = KINDS.flatMap((kind, i) => (kind in ERRORS ? [i] : []));
  expect(status).toMatchObject({
    status: 'finished',
    counts: {
      total: KINDS.length,
      done: KINDS.length,
      ok: KINDS.length - failing.length,
      errors: failing.length,
      results: lines.length,
    },
  });
  expect(Object.fromEntries(status.failures.map(({ failure, count }) => [failure, count]))).toEqual({
    exception: 1,
    returned: 3,
    invalid: 1,
    crash: 2,
    timeout: 1,
    oom: 1,
  });

  expect(sorted(resultsOf(status))).toEqual(sorted(lines));
  const byTask = new Map<unknown, ErrorLine[]>();
  for (const line of errorsOf(status)) byTask.set(line.TASK_ID, [...(byTask.get(line.TASK_ID) ?? []), line]);
  expect([...byTask.keys()].sort((a, b) => Number(a) - Number(b))).toEqual(failing);
  for (const i of failing) {
    const kind = KINDS[i] as string;
    const found = byTask.get(i) ?? [];
    expect(found, kind).toMatchObject(ERRORS[kind]?.(i, can) ?? []);
    for (const line of found) expect(line.KWARGS, kind).toEqual({ i, kind });
  }

  // What a noisy job prints are the lines of its results file; then comes what its tasks printed.
  const printed = new Set(stdout.split('\n'));
  for (const line of readFileSync(status.outputs.results as string, 'utf8')
    .trimEnd()
    .split('\n'))
    expect(printed).toContain(line);
  expect(stdout).toContain('out 1 ü日本\nerr 1\nno line end');

  const tries = ends(status.path);
  for (const [i, kind] of KINDS.entries()) {
    const own = tries
      .filter(({ t, fin }) => t === i && (can.recordsEachTry || fin !== false))
      .sort((a, b) => Number(a['a']) - Number(b['a']));
    const wanted = triedTwice(can).includes(kind) ? [1, 2] : [1];
    // More often where it shared its process with one that crashed: it begins again then, for no fault of its own.
    expect(scene.tries(i), `beginnings of ${kind}`).toBeGreaterThanOrEqual(wanted.length);
    if (!can.recordsEachTry) {
      expect(own.length, `final records of ${kind}`).toBe(1);
      continue;
    }
    expect(
      own.map((end) => end['a']),
      `tries of ${kind}`,
    ).toEqual(wanted);
    expect(own.map(({ fin }) => fin ?? true)).toEqual(wanted.map((a) => a === wanted.length));
  }

  await checkCommands(scene, can, status, lines);
}

/** What is told of the run later, by its folder. */
async function checkCommands(
  scene: Scene,
  can: Abilities,
  { id, outputs, path }: Status,
  lines: unknown[],
): Promise<void> {
  const log = async (task: number): Promise<string> =>
    (await scene.run(0, ['logs', id, '--task', `${task}`])).stdout;
  const printed = await log(KINDS.lastIndexOf('print'));
  expect(can.exactLogs ? printed : printed.replace(/\n$/, '')).toBe('out 18 ü日本\nerr 18\nno line end');
  expect(await log(KINDS.indexOf('throw'))).toEqual(logged(can, 'throwing 7\n', 2));
  expect(await log(0)).toBe('');

  const { stdout: grouped } = await scene.run(0, ['errors', id, '--json']);
  const groups = grouped
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { failure: string; count: number; task: number });
  expect(groups.map(({ task }) => task).sort((a, b) => a - b)).toEqual(
    KINDS.flatMap((kind, i) => (kind in ERRORS ? [i] : [])),
  );

  const texts = KINDS.indexOf('text');
  const { stdout: one } = await scene.run(0, ['results', id, '--task', `${texts}`, '--with-args']);
  expect(JSON.parse(one)).toEqual({ task: texts, args: { i: texts, kind: 'text' }, value: TEXT });

  // Results and errors are made anew from the records alone, in the order of the tasks.
  const errors = errorsOf({ outputs });
  for (const file of [outputs.results, outputs.errors]) rmSync(file as string);
  await scene.run(0, ['outputs', id]);
  expect(resultsOf({ outputs })).toEqual(lines);
  expect(sorted(errorsOf({ outputs }))).toEqual(sorted(errors));

  await scene.run(0, ['rm', id]);
  expect(existsSync(path)).toBe(false);
}
