/** Tasks that write down that they begin, and what has become of them. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { ends } from '../../e2e/journal.js';
import type { Language } from './cases.js';
import type { Scene, Status } from './scene.js';

export const TASKS = 120;
export const ALL = Array.from({ length: TASKS }, (_, i) => i);
/** These fail while there is the mark `broken`. */
export const isBad = (i: number): boolean => i % 5 === 3;
export const BAD = ALL.filter(isBad);
/** So many tasks have begun before a run is disturbed, */
export const BEGUN = 6;

/**
 * Each task writes down that it begins, and takes its time until there is hurry: less than what an interrupt leaves it,
 * and so long that the run still goes on when a command that was started meanwhile gets to it.
 */
const TYPESCRIPT = `
  import { appendFileSync, existsSync, readFileSync } from 'node:fs';
  const LABEL = 'submitted';
  const at = (mark: string) => (process.env.SIDE_DIR ?? '.') + '/' + mark;
  const nap = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  export async function work(i: number) {
    appendFileSync(at('side'), i + '\\n');
    if (existsSync(at('broken')) && i % 5 === 3) throw new Error('no ' + i);
    for (let n = 0; n < 50 && !existsSync(at('hurry')); n++) await nap(20);
    console.log('did ' + i);
    return { i, label: LABEL };
  }
  export function flaky(i: number) {
    appendFileSync(at('try-' + i), 'x');
    if (i === 4) return 'ERROR never';
    if (i % 2 === 0 && readFileSync(at('try-' + i), 'utf8').length < 3) throw new Error('not yet');
    return { i };
  }`;

const PYTHON = `
import os, time

LABEL = 'submitted'

def at(mark):
    return os.path.join(os.environ.get("SIDE_DIR", "."), mark)

def leave(mark, text):
    with open(at(mark), "a") as file:
        file.write(text)

def work(i):
    leave("side", "%d\\n" % i)
    if os.path.exists(at("broken")) and i % 5 == 3:
        raise Exception("no %d" % i)
    for _ in range(50):
        if os.path.exists(at("hurry")):
            break
        time.sleep(0.02)
    print("did %d" % i)
    return {"i": i, "label": LABEL}

def flaky(i):
    leave("try-%d" % i, "x")
    if i == 4:
        return "ERROR never"
    if i % 2 == 0 and os.stat(at("try-%d" % i)).st_size < 3:
        raise Exception("not yet")
    return {"i": i}
`;

const JOBS = {
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

/** A project whose tasks are of this language. */
export function sideFiles(language: Language): Readonly<Record<string, string>> {
  return {
    ...JOBS,
    ...(language === 'node' ? { 'tasks/side.ts': TYPESCRIPT } : { 'tasks/side.py': PYTHON }),
  };
}

export const mark = (scene: Scene, name: string): void => writeFileSync(scene.mark(name), '');
export const mend = (scene: Scene): void => rmSync(scene.mark('broken'));
export const inOrder = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
export const labelled = (label: string, tasks: readonly number[] = ALL): object[] =>
  tasks.map((i) => ({ i, label }));

/** From now on the source says so. */
export function relabel(scene: Scene, label: string): void {
  const paths = ['tasks/side.ts', 'tasks/side.py'].map((name) => scene.project.path(name));
  const path = paths.find((one) => existsSync(one));
  if (path === undefined) throw new Error(`none of these is there: ${paths.join(', ')}`);
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
