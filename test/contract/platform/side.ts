/** Tasks that write down that they begin, and what has become of them. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { ends } from '../../e2e/journal.js';
import type { Scene, Status } from './scene.js';

export const TASKS = 120;
export const ALL = Array.from({ length: TASKS }, (_, i) => i);
/** These fail while the project has a file `broken`. */
export const isBad = (i: number): boolean => i % 5 === 3;
export const BAD = ALL.filter(isBad);
/** So many tasks have begun before a run is disturbed, */
export const BEGUN = 6;

export const FILES = {
  /** Each task writes down that it begins, and takes its time until there is hurry. */
  'tasks/side.ts': `
    import { appendFileSync, existsSync, readFileSync } from 'node:fs';
    const LABEL = 'submitted';
    const nap = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    export async function work(i: number) {
      appendFileSync('side', i + '\\n');
      if (existsSync('broken') && i % 5 === 3) throw new Error('no ' + i);
      for (let n = 0; n < 15 && !existsSync('hurry'); n++) await nap(20);
      console.log('did ' + i);
      return { i, label: LABEL };
    }
    export function flaky(i: number) {
      appendFileSync('try-' + i, 'x');
      if (i % 2 === 0 && readFileSync('try-' + i, 'utf8').length < 3) throw new Error('not yet');
      return { i };
    }`,
  'args.ndjson': ALL.map((i) => `${i}\n`).join(''),
  'run/jobs.ts': `
    import { DLJob } from 'dl-jobs';
    export function work() {
      return new DLJob({ moduleName: 'tasks.side', methodName: 'work', argsList: ${TASKS}, platformJob: true });
    }`,
  'script.mjs': `
    import { DLJob, openRun } from 'dl-jobs';
    const all = async (rows) => { const list = []; for await (const row of rows) list.push(row); return list; };
    const job = new DLJob({ moduleName: 'tasks.side', methodName: 'work', argsList: 8, platformJob: true });
    const { id, status, counts } = await job.run();
    const run = await openRun(id);
    const later = await run.status();
    console.log(JSON.stringify({
      status, counts, platform: run.spec.platform, later: [later.status, later.counts],
      results: await all(run.results({ ordered: true, withArgs: true })),
      errors: await all(run.errors()), log: await run.logs(4),
    }));`,
};

export const mark = (scene: Scene, name: string): void => writeFileSync(scene.project.path(name), '');
export const mend = (scene: Scene): void => rmSync(scene.project.path('broken'));
export const inOrder = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
export const labelled = (label: string, tasks: readonly number[] = ALL): object[] =>
  tasks.map((i) => ({ i, label }));

/** From now on the source says so. */
export function relabel(scene: Scene, label: string): void {
  const path = scene.project.path('tasks/side.ts');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/LABEL = '\w+'/, `LABEL = '${label}'`));
}

/** Tasks that have a final record. */
export function recorded({ path }: Status): number[] {
  return inOrder(
    ends(path)
      .filter(({ fin }) => fin !== false)
      .map(({ t }) => t),
  );
}
