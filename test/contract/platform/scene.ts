/** A platform under test, and a project whose jobs go there. */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'vitest';
import { runDirs } from '../../e2e/journal.js';
import { isRunning, until } from '../../e2e/processes.js';
import {
  makeProject,
  readNdjson,
  type Project,
  type RunOptions,
  type RunResult,
} from '../../support/project.js';
import type { Abilities } from './cases.js';

/** A platform that has been started for a test file. */
export interface Ground {
  /** Added to the environment of every command. */
  readonly env: Readonly<Record<string, string>>;
  /** Lines of `dl_jobs.config.yaml` that send jobs there, three tasks at a time. */
  readonly config: readonly string[];
  /** Whether a round goes on when its controller is killed. */
  readonly outlivesController: boolean;
  /** All that the platform itself keeps of a run, other than in its folder; rejects when it should, and does not. */
  traces(run: string): Promise<string>;
  /** What of ours still waits or runs there, in the platform's words. */
  left(): Promise<readonly string[]>;
  /** The same of these runs alone. Left out where all that works is a process in the folder of the project. */
  atWork?(runs: readonly string[]): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** What `status --json` says, as far as cases look at it. */
export interface Status {
  readonly id: string;
  readonly job: string;
  readonly platform: string;
  readonly status: string;
  readonly reason: string | null;
  readonly rounds: readonly { readonly kind: string; readonly platform: string }[];
  readonly counts: { total: number | null; done: number; ok: number; errors: number; results: number };
  readonly failures: readonly { readonly failure: string; readonly count: number }[];
  readonly controller: { readonly pid: number } | null;
  readonly outputs: { readonly results: string | null; readonly errors: string | null };
  readonly path: string;
}

/** A line of an errors file. */
export interface ErrorLine {
  readonly ERROR: unknown;
  readonly TASK_ID: unknown;
  readonly FAILURE_TYPE: string;
  readonly TYPE: string | null;
  readonly STACK: string | null;
  readonly ARGS: unknown;
  readonly KWARGS: unknown;
  readonly LOG: string;
  readonly [key: string]: unknown;
}

export interface SceneOptions {
  /** Lines of `dl_jobs.config.yaml`. */
  readonly config?: readonly string[];
  /** The setting `env`. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** Given where tasks and case leave marks for each other: those that are there from the start. */
  readonly marks?: readonly string[];
  readonly hostilePath?: boolean;
}

/** A command that runs. */
export interface Live {
  readonly pid: number;
  readonly ended: Promise<RunResult>;
}

export class Scene {
  readonly project: Project;
  readonly #platform: string;
  readonly #ground: Ground;
  /** Where marks are left: in the folder of the project, or, where tasks do not see it, in the one that `SIDE_DIR` names. */
  readonly #marks: string;
  readonly #told: Readonly<Record<string, string>>;

  constructor(
    platform: string,
    ground: Ground,
    { sharesFiles }: Pick<Abilities, 'sharesFiles'>,
    files: Readonly<Record<string, string>>,
    { config = [], env = {}, marks, hostilePath = false }: SceneOptions = {},
  ) {
    this.#platform = platform;
    this.#ground = ground;
    const isTold = marks !== undefined && !sharesFiles;
    // Not where it is not needed: with secrets, what a task prints is not shown as it comes.
    const variables = Object.entries(isTold ? { ...env, SIDE_DIR: null } : env);
    const lines = [
      ...['noisy: false', 'print_logs: false', 'is_dev: false', ...ground.config, ...config],
      ...(variables.length > 0 ? ['env:'] : []),
      ...variables.map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`),
    ];
    this.project = makeProject(
      { ...files, 'dl_jobs.config.yaml': lines.map((line) => `${line}\n`).join('') },
      { hostilePath, untilFileEnds: true },
    );
    // Beside the project, and removed with it.
    this.#marks = sharesFiles ? this.project.dir : join(dirname(this.project.dir), 'marks');
    this.#told = isTold ? { SIDE_DIR: this.#marks } : {};
    mkdirSync(this.#marks, { recursive: true });
    for (const name of marks ?? []) writeFileSync(this.mark(name), '');
  }

  /** Runs a command line to its end, which must have this exit code. */
  async run(code: number, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const result = await this.project.run(args, this.#with(options));
    expect(result.code, `dl_jobs ${args.join(' ')}\n${result.stdout}\n${result.stderr}`).toBe(code);
    return result;
  }

  /** Words that map a task function over `args.ndjson`. */
  map(method: string, ...more: readonly string[]): string[] {
    return ['map', method, '--args_list', 'args.ndjson', '--platform', this.#platform, ...more];
  }

  /** Runs `node <args>` in the project. */
  async node(args: readonly string[]): Promise<RunResult> {
    const result = await this.project.node(args, this.#with({}));
    expect(result.code, result.stderr).toBe(0);
    return result;
  }

  /** Starts a command line. */
  begin(args: readonly string[], options: RunOptions = {}): Live {
    let pid = 0;
    const ended = this.project.run(args, {
      ...this.#with(options),
      onStart: (child) => {
        pid = child.pid as number;
        options.onStart?.(child);
      },
    });
    return { pid, ended };
  }

  /** What is known of a run; each of its rounds must have been on the platform under test. */
  async status(run?: string): Promise<Status> {
    const { stdout } = await this.run(0, ['status', '--json', ...(run === undefined ? [] : [run])]);
    const status = JSON.parse(stdout) as Status;
    expect(status.platform).toBe(this.#platform);
    expect(new Set(status.rounds.map(({ platform }) => platform))).toEqual(new Set([this.#platform]));
    return status;
  }

  /** What is known of each run, in the order in which they were made. */
  async statuses(): Promise<Status[]> {
    const all: Status[] = [];
    for (const dir of runDirs(this.project.dir)) all.push(await this.status(basename(dir)));
    return all;
  }

  /** The id of the latest run. */
  get latest(): string {
    return basename(runDirs(this.project.dir).at(-1) ?? '');
  }

  /** The path of a mark. */
  mark(name: string): string {
    return join(this.#marks, name);
  }

  /** How often a task has begun that leaves a letter in the mark `try-<i>` each time. */
  tries(i: number): number {
    return readFileSync(this.mark(`try-${i}`), 'utf8').length;
  }

  /** Numbers that tasks wrote into the mark `side`, one a line. */
  side(): number[] {
    try {
      return readFileSync(this.mark('side'), 'utf8').split('\n').slice(0, -1).map(Number);
    } catch {
      return [];
    }
  }

  /** Resolves once nothing runs any more that was started in the project, hosts and workers on nodes among it. */
  async isQuiet(): Promise<void> {
    await until(`nothing runs in ${this.project.dir}`, () => runningIn(this.project.dir).length === 0);
    const runs = runDirs(this.project.dir).map((dir) => basename(dir));
    // No `expect.poll`: vitest does not know which of several tests that run at a time it belongs to.
    const end = Date.now() + 120_000;
    for (;;) {
      const working = (await this.#ground.atWork?.(runs)) ?? [];
      if (working.length === 0) return;
      if (Date.now() > end) throw new Error(`waited in vain: this ends: ${working.join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #with(options: RunOptions): RunOptions {
    return { ...options, env: { ...this.#ground.env, ...this.#told, ...options.env } };
  }
}

/** The lines of a results file, which may be missing. */
export function resultsOf({ outputs }: Pick<Status, 'outputs'>): unknown[] {
  return outputs.results === null ? [] : readNdjson(outputs.results);
}

/** The lines of an errors file, which may be missing. */
export function errorsOf({ outputs }: Pick<Status, 'outputs'>): ErrorLine[] {
  return outputs.errors === null ? [] : readNdjson(outputs.errors);
}

/** Lines as a multiset. */
export function sorted(lines: readonly unknown[]): string[] {
  return lines.map((line) => JSON.stringify(line)).sort();
}

/** Processes whose working directory is in `dir`; none where there is no /proc. */
function runningIn(dir: string): number[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const cwd = readlinkSync(`/proc/${pid}/cwd`);
        return (cwd === dir || cwd.startsWith(`${dir}/`)) && isRunning(pid);
      } catch {
        return false;
      }
    });
}
