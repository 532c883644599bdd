/** Values read back from a run in which many tasks share one record. */
import { expect, test } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';
import { ends, records, runDir } from './journal.js';

const COUNT = 4_000;
const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\n',
  'tasks/v.ts': `
    const KINDS = [null, ']', '[,]{,}', '"', '\\\\', '\\\\"', 'ü日本🎉', 'a\\nb', [], {}, [1, [2, [']']]], { a: [{ b: '}' }] }, -1.5e-7, true];
    export function value(i: number) {
      if (i === 1500) throw new Error('no');
      if (i === 1700) return 'x'.repeat(3000);
      return KINDS[i % KINDS.length];
    }`,
  'script.mjs': `
    import { DLJob } from 'dl-jobs';
    const job = new DLJob({ moduleName: 'tasks.v', methodName: 'value', argsList: ${COUNT}, groupedResults: true });
    const summary = await job.run();
    const rows = async (options) => { const all = []; for await (const row of summary.results(options)) all.push(row); return all; };
    console.log(JSON.stringify({ counts: summary.counts, ordered: await rows({ ordered: true, withArgs: true }), any: await rows(), withArgs: await rows({ withArgs: true }) }));`,
};
const KINDS = [
  ...[null, ']', '[,]{,}', '"', '\\', '\\"', 'ü日本🎉', 'a\nb'],
  ...[[], {}, [1, [2, [']']]], { a: [{ b: '}' }] }, -1.5e-7, true],
];
const value = (i: number): unknown => (i === 1700 ? 'x'.repeat(3000) : KINDS[i % KINDS.length]);

interface Row {
  readonly task: number;
  readonly args?: unknown;
  readonly value: unknown;
}
interface Answer {
  readonly counts: unknown;
  readonly ordered: Row[];
  readonly any: Row[];
  readonly withArgs: Row[];
}

test('each task has its own value, in order and out of it, with arguments and without', async () => {
  const project = makeProject(FILES);
  const { code, stdout, stderr } = await project.node(['script.mjs']);
  expect(code, stderr).toBe(0);
  const { counts, ordered, any, withArgs } = JSON.parse(stdout) as Answer;
  const tasks = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i !== 1500);
  const wanted = tasks.map((task) => ({ task, value: value(task) }));
  const wantedWithArgs = wanted.map((row) => ({ ...row, args: row.task }));
  const byTask = (rows: readonly Row[]) => [...rows].sort((a, b) => a.task - b.task);
  expect(ordered).toEqual(wantedWithArgs);
  expect(byTask(any)).toEqual(wanted);
  expect(byTask(withArgs)).toEqual(wantedWithArgs);

  const lines = wanted.filter((row) => row.value !== null).map((row) => JSON.stringify(row.value));
  expect(counts).toMatchObject({ done: COUNT, ok: COUNT - 1, errors: 1, results: lines.length });
  const results = readNdjson(one(project.path('results/*.ndjson')));
  expect(results.map((line) => JSON.stringify(line)).sort()).toEqual(lines.sort());

  // It was the shared records that were read.
  const dir = runDir(project.dir);
  const shared = records(dir).filter((line) => line.k === 'ends');
  expect(shared.length).toBeGreaterThan(0);
  expect(
    ends(dir)
      .map((end) => end.t)
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: COUNT }, (_, i) => i));
});
