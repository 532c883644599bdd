/** Tasks that write down each of their executions, so that a test can tell what was done twice. */
import { existsSync } from 'node:fs';
import {
  makeProject,
  one,
  readNdjson,
  type Project,
  type RunOptions,
  type RunResult,
} from '../support/project.js';
import { endsOf, shards } from './journal.js';
import { isRunning, tree, until } from './processes.js';

/** Every fifth task fails. From `HOLD` on they never end, so that a run still goes on when it is to be killed. */
const TASK = `
  import { appendFileSync } from 'node:fs';
  const SIDE = process.env.SIDE ?? 'side';
  export async function work(i: number) {
    if (i >= Number(process.env.HOLD ?? Infinity)) await new Promise(() => setInterval(() => undefined, 1e6));
    appendFileSync(SIDE, i + '\\n');
    await new Promise((resolve) => setTimeout(resolve, Number(process.env.NAP ?? 5)));
    if (i % 5 === 3) throw new Error('no ' + i);
    return { i, text: 'x'.repeat(Number(process.env.BYTES ?? 10)) };
  }`;

const JOB = `
  import { DLJob } from 'dl-jobs';
  export function task(count: string) {
    return new DLJob({ moduleName: 'tasks.side', methodName: 'work', argsList: Number(count) });
  }`;

/** A project of `dl_jobs run side COUNT`; what `config` says goes into its configuration. */
export function sideProject(config: Readonly<Record<string, unknown>> = {}): Project {
  const lines = Object.entries({ noisy: false, print_logs: false, workers: 2, ...config }).map(
    ([key, value]) => `${key}: ${JSON.stringify(value)}\n`,
  );
  return makeProject({
    'dl_jobs.config.yaml': lines.join(''),
    'run/side.ts': JOB,
    'tasks/side.ts': TASK,
  });
}

/** Tasks in the order in which they were executed. */
export function executions(project: Project, side = project.path('side')): number[] {
  return existsSync(side) ? readNdjson<number>(side) : [];
}

/** Tasks that have an outcome in the journal of the run at `dir`, which may have been killed. */
export function recorded(dir: string, wasKilled = false): number[] {
  return shards(dir, wasKilled)
    .flatMap(({ lines }) => lines.flatMap(endsOf))
    .filter(({ fin }) => fin !== false)
    .map(({ t }) => t)
    .sort((a, b) => a - b);
}

/** Runs `words` and kills the controller once `isTime`. Resolves when nothing of it runs any more. */
export async function runAndKill(
  project: Project,
  words: readonly string[],
  isTime: () => boolean,
  options: RunOptions = {},
): Promise<RunResult> {
  let pid = 0;
  const result = project.run(words, {
    ...options,
    onStart: (child) => {
      pid = child.pid as number;
    },
  });
  await until('it is time to kill', () => isTime() || !isRunning(pid));
  if (!isRunning(pid)) throw new Error(`it ended too early: ${(await result).stderr}`);
  // Its hosts live for a moment longer, and go on with their tasks. While it is stopped it starts no further one.
  process.kill(pid, 'SIGSTOP');
  const all = tree(pid).map((one) => one.pid);
  process.kill(pid, 'SIGKILL');
  const ended = await result;
  await until('its hosts end', () => !all.some(isRunning));
  return ended;
}

/** What the results files hold: the tasks that are ok, in order. */
export function okTasks(folder: string): number[] {
  return readNdjson<{ i: number }>(one(`${folder}/*.ndjson`))
    .map(({ i }) => i)
    .sort((a, b) => a - b);
}

export const expectedOk = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => i).filter((i) => i % 5 !== 3);
