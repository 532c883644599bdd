/** Runs that go on while a test looks at them. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeProject, type Project, type RunOptions, type RunResult } from '../support/project.js';
import { runDirs } from './journal.js';
import { isRunning, tree, until } from './processes.js';

/** Tasks that say that they run, and some that never end by themselves. */
export const SLOW_FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nworkers: 2\n',
  'twenty.ndjson': Array.from({ length: 20 }, (_, i) => `${i}\n`).join(''),
  'two.ndjson': '0\n1\n',
  'tasks/slow.ts': `
    import { spawn } from 'node:child_process';
    import { existsSync, writeFileSync } from 'node:fs';
    const mark = (i: unknown) => writeFileSync('started-' + String(i), '');
    const file = (name: string) => new Promise<void>((resolve) => {
      const look = () => (existsSync(name) ? resolve() : setTimeout(look, 10));
      look();
    });
    /** The first six at once, of which 0 and 3 fail; the others wait for the file go. */
    export async function wait(i: number) {
      if (i >= 6) { mark(i); await file('go'); }
      if (i % 3 === 0) throw new RangeError('no ' + i + '\\nmore of it');
      return { i };
    }
    /** Each waits for a file of its own. */
    export async function gate(i: string | number) { mark(i); await file('go-' + i); return { i }; }
    export function square(i: number) { return { square: i * i }; }
    export function busy(i: number) { mark(i); for (;;); }
    export function family(i: number) {
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      writeFileSync('child-' + i, String(child.pid));
      mark(i);
      for (;;);
    }`,
  'tasks/nap.py': [
    'import ctypes, time',
    'def sleep(i):',
    '    open("started-%d" % i, "w").close()',
    '    # In C, and without a look at signals in between.',
    '    ctypes.PyDLL(None).usleep(600000000)',
    '    return i',
    '',
  ].join('\n'),
  'run/jobs.ts': `
    import { DLJob } from 'dl-jobs';
    const gate = (...names: string[]) => new DLJob({ moduleName: 'tasks.slow', methodName: 'gate', argsList: names });
    export function three() { return [gate('a'), gate('b'), gate('c')]; }
    export function noisy({ ordered = false } = {}) {
      return new DLJob({
        moduleName: 'tasks.slow', methodName: 'gate', argsList: ['0', '1', '2', '3', '4'], workers: 5, noisy: true, ordered,
        name: 'noisy', resultsTimestamp: false,
      });
    }`,
};

export interface LiveRun {
  readonly project: Project;
  /** Of the controller. */
  readonly pid: number;
  readonly ended: Promise<RunResult>;
  /** Resolves once all these files are there. */
  marked(...names: readonly string[]): Promise<void>;
  /** Resolves once it has printed this on stderr. */
  said(text: string): Promise<void>;
  /** Processes that the controller has started, without itself. */
  children(): number[];
}

/** A project of slow tasks. */
export function slowProject(
  options: { readonly hostilePath?: boolean } = {},
  files: Readonly<Record<string, string>> = {},
): Project {
  return makeProject({ ...SLOW_FILES, ...files }, options);
}

/** Starts a command in a project. */
export function begin(project: Project, args: readonly string[], options: RunOptions = {}): LiveRun {
  let pid = 0;
  let heard = '';
  const ended = project.run(args, {
    ...options,
    onStart: (child: ChildProcess) => {
      pid = child.pid as number;
      child.stderr?.on('data', (data) => (heard += String(data)));
      options.onStart?.(child);
    },
  });
  return {
    project,
    pid,
    ended,
    marked: (...names) =>
      until(`${names.join(', ')} are there`, () => names.every((name) => existsSync(project.path(name)))),
    said: (text) => until(`it says ${text}`, () => heard.includes(text)),
    children: () =>
      tree(pid)
        .map((p) => p.pid)
        .filter((p) => p !== pid),
  };
}

/** Words that map a function over a list. */
export function over(list: string, method: string, ...more: readonly string[]): string[] {
  return ['map', method, '--args_list', list, ...more];
}

/** Lets the tasks of a project end that wait for these files. */
export function open(project: Project, ...names: readonly string[]): void {
  for (const name of names) writeFileSync(project.path(name), '');
}

/** The id of the latest run. */
export function latest(project: Project): string {
  return runDirs(project.dir).at(-1)?.split('/').at(-1) ?? '';
}

/** What `state.json` of the latest run says. */
export function stateOf(project: Project): Record<string, unknown> {
  return JSON.parse(readFileSync(stateFile(project), 'utf8')) as Record<string, unknown>;
}

export function stateFile(project: Project): string {
  return join(project.path('dl_jobs/runs'), latest(project), 'state.json');
}

/** Resolves once the state of the latest run holds what `condition` wants of it. */
export async function untilState(
  project: Project,
  what: string,
  condition: (state: Record<string, unknown>) => boolean,
): Promise<void> {
  await until(what, () => existsSync(stateFile(project)) && condition(stateOf(project)));
}

/** Resolves once none of these processes is left. */
export async function allEnd(pids: readonly number[]): Promise<void> {
  await until('all processes end', () => pids.every((pid) => !isRunning(pid)));
}

/** What `status --json` says of a run. */
export async function statusOf(project: Project, ...words: readonly string[]): Promise<Status> {
  const { code, stdout, stderr } = await project.run(['status', '--json', ...words]);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Status;
}

/** The parts of it that tests look at. */
export interface Status {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly counts: { total: number | null; done: number; ok: number; errors: number; results: number };
  readonly percent: number | null;
  readonly rate: number | null;
  readonly etaMs: number | null;
  readonly durationMs: number;
  readonly failures: { failure: string; count: number; example: object | null }[];
  readonly taskMs: { p50: number; p95: number; max: number } | null;
  readonly hosts: { pid: number; state: string; task: number | null; since: string | null }[];
  readonly controller: { host: string; pid: number } | null;
  readonly rounds: object[];
  readonly outputs: Record<string, string | null>;
  readonly path: string;
  readonly next: string[];
}

/** Starts the job of which six tasks are done and two wait. */
export async function sixDone(project: Project = slowProject()): Promise<LiveRun> {
  const live = begin(project, over('twenty.ndjson', 'tasks.slow.wait'));
  await live.marked('started-6');
  await untilState(
    project,
    'six are done and two hosts are told of, one of them with a later task',
    // A state may be older than the mark, and of the moment before the next batch was sent.
    ({ counts, hosts }) =>
      (counts as { done: number }).done === 6 &&
      (hosts as unknown[]).length === 2 &&
      (hosts as { state: string }[]).some(({ state }) => state === 'running'),
  );
  return live;
}

/** The same, once its controller was killed. */
export async function killed(project?: Project): Promise<LiveRun> {
  const live = await sixDone(project);
  process.kill(live.pid, 'SIGKILL');
  await live.ended;
  return live;
}

/** The cells of a printed table. */
export function rowsOf(stdout: string): string[][] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
}
