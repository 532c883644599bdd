/** Where arguments come from, how many there are, which of them run, and in which order. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ends } from '../../e2e/journal.js';
import type { Cases } from './cases.js';
import { resultsOf, sorted } from './scene.js';

const MANY = 10_000;

const TASKS = {
  node: {
    'tasks/t.ts': `
      import { appendFileSync } from 'node:fs';
      const SIDE = (process.env.SIDE_DIR ?? '.') + '/side';
      export const same = (got: unknown) => ({ got });
      export function hello(name: string, { mark = '.' } = {}) {
        console.log('said hello');
        return { text: 'hello ' + name + mark };
      }
      export function cell(at: { x: number; y: number }) {
        appendFileSync(SIDE, at.x * 30 + at.y + '\\n');
        return at;
      }`,
  },
  python: {
    'tasks/t.py': `
import os

SIDE = os.path.join(os.environ.get("SIDE_DIR", "."), "side")

def same(got):
    return {"got": got}

def hello(name, mark="."):
    print("said hello")
    return {"text": "hello " + name + mark}

def cell(at):
    with open(SIDE, "a") as file:
        file.write("%d\\n" % (at["x"] * 30 + at["y"]))
    return at
`,
  },
};

const JOBS = {
  'rows.ndjson': '1\n\n  {"b": "ü\u2028"}\r\n"text"\n[1, [2]]\n',
  'run/jobs.ts': `
    import { DLJob } from 'dl-jobs';
    const job = (options: object) => new DLJob({ moduleName: 'tasks.t', methodName: 'same', platformJob: true, ...options });
    async function* some() { for (let i = 0; i < 5; i++) { await null; yield { i, list: [[i]] }; } }
    function* grid() { for (let x = 0; x < 30; x++) for (let y = 0; y < 30; y++) yield { x, y }; }
    export function all() {
      return [
        job({ argsList: some() }),
        job({ argsList: 'rows.ndjson' }),
        job({ argsList: ${MANY} }),
        job({ argsList: [] }),
        job({ methodName: 'hello', args: ['Ada'], kwargs: { mark: '!' } }),
      ];
    }
    export function cells() { return job({ methodName: 'cell', argsList: grid() }); }`,
};

export function argumentCases(cases: Cases): void {
  const { language } = cases;
  const files = { ...JOBS, ...TASKS[language] };

  describe.concurrent('arguments', () => {
    cases.test(
      'come from a generator, a file, a count, a list that is empty, and are those of one call',
      [language],
      async () => {
        const scene = cases.newScene(files);
        const { stdout } = await scene.run(0, ['run', 'jobs.all']);
        const [some, rows, many, none, one, ...more] = await scene.statuses();
        if (one === undefined || none === undefined || many === undefined)
          throw new Error('expected five runs');
        expect(more).toEqual([]);
        for (const status of [some, rows, many, none, one]) expect(status?.status).toBe('finished');
        const got = (values: readonly unknown[]): string[] => sorted(values.map((value) => ({ got: value })));
        expect(sorted(some ? resultsOf(some) : [])).toEqual(
          got([0, 1, 2, 3, 4].map((i) => ({ i, list: [[i]] }))),
        );
        expect(sorted(rows ? resultsOf(rows) : [])).toEqual(got([1, { b: 'ü\u2028' }, 'text', [1, [2]]]));
        expect(many.counts).toMatchObject({ total: MANY, done: MANY, ok: MANY, errors: 0, results: MANY });
        expect(sorted(resultsOf(many))).toEqual(got(Array.from({ length: MANY }, (_, i) => i)));
        expect(none.counts).toMatchObject({ total: 0, done: 0, results: 0 });
        expect(resultsOf(one)).toEqual([{ text: 'hello Ada!' }]);
        // What the only task of a job prints is shown as it comes.
        expect(stdout).toBe('said hello\n');

        // Each task has one record, and there is no file a task.
        expect(
          ends(many.path)
            .map(({ t }) => t)
            .sort((a, b) => a - b),
        ).toEqual(Array.from({ length: MANY }, (_, i) => i));
        expect(countFiles(many.path)).toBeLessThan(MANY / 20);
        await scene.isQuiet();
      },
    );

    cases.test(
      'are cut, tried out, shuffled and put in order: --limit, --sample, resume, --shuffle, --ordered',
      [language],
      async () => {
        const scene = cases.newScene(files, { marks: [] });
        const alone = ['--workers', '1', '--max_workers', '1'];
        const words = [
          'run',
          'jobs.cells',
          '--limit',
          '60',
          '--sample',
          '10',
          '--shuffle',
          '--ordered',
          ...alone,
        ];
        await scene.run(0, words);
        expect(await scene.status()).toMatchObject({
          status: 'stopped',
          reason: expect.stringContaining('a sample of 10'),
          counts: { done: 10, ok: 10, results: 10 },
        });
        const sample = scene.side();
        expect(new Set(sample).size).toBe(10);
        expect(Math.max(...sample)).toBeLessThan(60);
        expect([...sample].sort((a, b) => a - b)).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

        await scene.run(0, ['resume']);
        const status = await scene.status();
        expect(status).toMatchObject({
          status: 'finished',
          counts: { total: 60, done: 60, ok: 60, results: 60 },
        });
        expect(resultsOf(status)).toEqual(
          Array.from({ length: 60 }, (_, i) => ({ x: Math.floor(i / 30), y: i % 30 })),
        );
        const others = scene.side().slice(10);
        const inOrder = [...others].sort((a, b) => a - b);
        expect([...inOrder, ...sample].sort((a, b) => a - b)).toEqual(
          Array.from({ length: 60 }, (_, i) => i),
        );
        expect(others).not.toEqual(inOrder);
        await scene.isQuiet();
      },
    );

    cases.test('come back as they were given: `dl_jobs test 4 --dev false`', [language], async () => {
      const scene = cases.newScene({});
      const { stdout } = await scene.run(0, ['test', '4', 'a b', 'key=v"', '--dev', 'false', '--noisy']);
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object);
      expect(sorted(lines)).toEqual(
        sorted(
          [0, 1, 2, 3].map((task_id) => ({
            task_id,
            args: ['a b'],
            kwargs: { key: 'v"' },
            options: { dev: false, noisy: true },
          })),
        ),
      );
      await scene.status();
      await scene.isQuiet();
    });
  });
}

/** Files below a folder; links to the project are not followed. */
function countFiles(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce(
    (sum, entry) => sum + (entry.isDirectory() ? countFiles(join(folder, entry.name)) : 1),
    0,
  );
}
