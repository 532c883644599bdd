/** Each way in which a task can end, in both languages, in one run each. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ends } from '../../e2e/journal.js';
import { requires } from '../../support/requires.js';
import { errorsOf, resultsOf, sorted, type ErrorLine, type Scene, type Status } from './scene.js';
import type { NewScene } from './suite.js';

const TEXT = 'ü日本🎉 "quoted" \\ \u2028 two\nlines';

const TYPESCRIPT = `
  import { appendFileSync, readFileSync } from 'node:fs';
  const kept: unknown[] = [];
  function isFirstTry(i: number): boolean {
    appendFileSync('try-' + i, 'x');
    return readFileSync('try-' + i, 'utf8').length === 1;
  }
  export async function act({ i, kind }: { i: number; kind: string }): Promise<unknown> {
    await null;
    switch (kind) {
      case 'print':
        console.log('out ' + i + ' ü日本');
        console.error('err ' + i);
        process.stdout.write('no line end');
        return { i, kind };
      case 'text': return ${JSON.stringify(TEXT)};
      case 'nothing': return undefined;
      case 'numbers': return { i, nan: NaN, big: -1.5e-7 };
      case 'json': return '{"i":' + i + ',"text":"json"}';
      case 'list': return [{ i, part: 0 }, 'ERROR: part 1 is bad', { ERROR: 'part 2', own: [2] }, { i, part: 3 }];
      case 'throw':
        console.log('throwing ' + i);
        throw new RangeError('thrown by ' + i + '\\nin two lines');
      case 'returned': return { ERROR: 'returned by ' + i, own: { i } };
      case 'said': return 'ERROR said by ' + i;
      case 'invalid': return { deep: [{ big: 10n }] };
      case 'exit':
        console.log('exiting ' + i);
        process.exit(7);
      case 'signal': process.kill(process.pid, 'SIGSEGV'); await new Promise((r) => setTimeout(r, 60_000)); return null;
      case 'hang': for (;;);
      case 'large': for (let n = 0; n < 1024; n++) kept.push(Buffer.alloc(1 << 20, 1)); return null;
      case 'fragile': if (isFirstTry(i)) process.exit(1); return { i, kind };
    }
    return { i, kind };
  }`;

const PYTHON = `
import json, os, signal, sys, time

def is_first_try(i):
    with open("try-%d" % i, "a") as file:
        file.write("x")
    return os.stat("try-%d" % i).st_size == 1

def act(arg):
    i, kind = arg["i"], arg["kind"]
    if kind == "print":
        print("out %d ü日本" % i)
        print("err %d" % i, file=sys.stderr)
        sys.stdout.write("no line end")
    elif kind == "text":
        return json.loads(${JSON.stringify(JSON.stringify(TEXT))})
    elif kind == "nothing":
        return None
    elif kind == "numbers":
        return {"i": i, "nan": float("nan"), "big": -1.5e-7}
    elif kind == "json":
        return '{"i":%d,"text":"json"}' % i
    elif kind == "list":
        return [{"i": i, "part": 0}, "ERROR: part 1 is bad", {"ERROR": "part 2", "own": [2]}, {"i": i, "part": 3}]
    elif kind == "throw":
        print("throwing %d" % i)
        raise ValueError("thrown by %d\\nin two lines" % i)
    elif kind == "returned":
        return {"ERROR": "returned by %d" % i, "own": {"i": i}}
    elif kind == "said":
        return "ERROR said by %d" % i
    elif kind == "invalid":
        return {"deep": [{"big": object()}]}
    elif kind == "exit":
        print("exiting %d" % i, flush=True)
        os._exit(7)
    elif kind == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif kind == "hang":
        time.sleep(1000)
    elif kind == "large":
        kept = [bytearray(b"x") * (1 << 20) for _ in range(1024)]
    elif kind == "fragile" and is_first_try(i):
        os._exit(1)
    return {"i": i, "kind": kind}
`;

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

/** What the error lines of a task of each kind hold; other kinds are ok. */
const ERRORS: Readonly<Record<string, (i: number) => object[]>> = {
  list: () => [
    { FAILURE_TYPE: 'returned', ERROR: expect.stringContaining('part 1 is bad') },
    { FAILURE_TYPE: 'returned', ERROR: 'part 2', own: [2] },
  ],
  throw: (i) => [
    {
      FAILURE_TYPE: 'exception',
      TYPE: expect.stringMatching(/^(Range|Value)Error$/),
      ERROR: `thrown by ${i}\nin two lines`,
      STACK: expect.stringMatching(/tasks\/act\.(ts|py)/),
      LOG: `throwing ${i}\n`,
    },
  ],
  returned: (i) => [{ FAILURE_TYPE: 'returned', ERROR: `returned by ${i}`, own: { i } }],
  said: (i) => [{ FAILURE_TYPE: 'returned', ERROR: expect.stringContaining(`said by ${i}`) }],
  invalid: () => [
    { FAILURE_TYPE: 'invalid', TYPE: 'InvalidResult', ERROR: expect.stringContaining('deep[0].big') },
  ],
  exit: (i) => [
    { FAILURE_TYPE: 'crash', TYPE: 'Crash', ERROR: expect.stringMatching(/\b7\b/), LOG: `exiting ${i}\n` },
  ],
  signal: () => [{ FAILURE_TYPE: 'crash', TYPE: 'Crash', ERROR: expect.stringContaining('SIGSEGV') }],
  hang: () => [{ FAILURE_TYPE: 'timeout', TYPE: 'Timeout', ERROR: expect.stringMatching(/\b2s\b/) }],
  large: () => [{ FAILURE_TYPE: 'oom', TYPE: 'OutOfMemory' }],
};

/** Kinds that are tried twice, as `retry_on` says; a first try may also succeed only the second time. */
const TRIED_TWICE = ['throw', 'exit', 'signal', 'fragile'];

const LANGUAGES = [
  ['TypeScript', { 'tasks/act.ts': TYPESCRIPT }, {}],
  ['Python', { 'tasks/act.py': PYTHON }, requires('python3')],
] as const;

export function outcomeCases(newScene: NewScene): void {
  describe.concurrent('each way to end', () => {
    for (const [language, task, needs] of LANGUAGES) {
      test(`is told and counted as what it is: ${language}`, needs, async () => {
        const scene = newScene(
          { ...task, 'args.ndjson': KINDS.map((kind, i) => `${JSON.stringify({ i, kind })}\n`).join('') },
          {
            config: [
              'timeout: 2s',
              'memory: 300MB',
              'retries: 1',
              'retry_on: [exception, crash]',
              'retry_delay: 10ms',
            ],
          },
        );
        const { stdout } = await scene.run(1, scene.map('tasks.act.act', '--noisy', '--print_logs'));
        await check(scene, stdout);
        await scene.isQuiet();
      });
    }
  });
}

async function check(scene: Scene, stdout: string): Promise<void> {
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
    expect(found, kind).toMatchObject(ERRORS[kind]?.(i) ?? []);
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
    const own = tries.filter(({ t }) => t === i).sort((a, b) => Number(a['a']) - Number(b['a']));
    const wanted = TRIED_TWICE.includes(kind) ? [1, 2] : [1];
    expect(
      own.map((end) => end['a']),
      `tries of ${kind}`,
    ).toEqual(wanted);
    expect(own.map(({ fin }) => fin ?? true)).toEqual(wanted.map((a) => a === wanted.length));
  }

  await checkCommands(scene, status, lines);
}

/** What is told of the run later, by its folder. */
async function checkCommands(scene: Scene, { id, outputs, path }: Status, lines: unknown[]): Promise<void> {
  const log = async (task: number): Promise<string> =>
    (await scene.run(0, ['logs', id, '--task', `${task}`])).stdout;
  expect(await log(KINDS.lastIndexOf('print'))).toBe('out 18 ü日本\nerr 18\nno line end');
  expect(await log(KINDS.indexOf('throw'))).toBe('throwing 7\nthrowing 7\n');
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
