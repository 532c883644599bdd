/** The project of a round, and the built command line run in it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RoundPlan } from './plan.js';
import { taskModule } from './task-source.js';

/** Everything that a shell, a URL or a careless join gets wrong. */
const HOSTILE_NAME = 'sp ace "dq" \'sq\'\n$HOME #%20 ñ日本';

/** A word of the command line that stands in each argument: it must come back the same when the run is continued. */
export const NOTE = 'a "note"\twith $(echo) \'all\' ü\u2028 = {}';

/** Stands in the environment of all that a round starts: what has it and still runs is of that round. */
export const MARK = 'CHAOS_MARK';

export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Command {
  readonly words: readonly string[];
  readonly pid: number;
  readonly ended: Promise<CommandResult>;
  /** Null while it runs. */
  result: CommandResult | null;
}

type Settings = Readonly<Record<string, unknown>>;

export interface ProjectOptions {
  /** The folder that it is made in. @default that for temporary files */
  readonly parent?: string;
  /** Added to the configuration. */
  readonly settings?: Settings;
  /** Added to the environment of all commands. */
  readonly env?: Readonly<Record<string, string>>;
}

export class ChaosProject {
  readonly base: string;
  readonly dir: string;
  readonly mark: string;
  readonly #repo: string;
  readonly #cache: string;
  readonly #env: Readonly<Record<string, string>>;

  /** @param repo - root of this repository, whose build is run */
  constructor(repo: string, plan: RoundPlan, mark: string, options: ProjectOptions = {}) {
    this.#repo = repo;
    this.#env = options.env ?? {};
    this.mark = mark;
    this.base = realpathSync(mkdtempSync(join(options.parent ?? tmpdir(), 'dl-jobs-chaos-')));
    this.dir = join(this.base, plan.hostilePath ? HOSTILE_NAME : 'project');
    this.#cache = join(this.base, 'cache');
    for (const [name, text] of Object.entries(files(plan, options.settings ?? {}))) {
      const path = join(this.dir, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    mkdirSync(join(this.dir, 'node_modules'));
    symlinkSync(repo, join(this.dir, 'node_modules/dl-jobs'), 'dir');
  }

  /** Starts `dl_jobs <words>`, as the first of a process group. */
  start(words: readonly string[]): Command {
    const env: NodeJS.ProcessEnv = {};
    for (const [name, value] of Object.entries(process.env)) {
      if (/^(DL_JOBS_|VITEST|FORCE_COLOR$|NO_COLOR$|NODE_OPTIONS$|NODE_ENV$|TEST$|npm_)/.test(name)) continue;
      env[name] = value;
    }
    const child = spawn(process.execPath, [join(this.#repo, 'dist/cli/bin.js'), ...words], {
      cwd: this.dir,
      env: { ...env, ...this.#env, XDG_CACHE_HOME: this.#cache, [MARK]: this.mark },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const command: Command = { words, pid: child.pid ?? 0, result: null, ended: outcome(child) };
    void command.ended.then((result) => {
      command.result = result;
    });
    return command;
  }

  async run(words: readonly string[]): Promise<CommandResult> {
    return await this.start(words).ended;
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

function outcome(child: ChildProcess): Promise<CommandResult> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // Not `close`: what a task left behind could hold the pipes open, which is for the search for orphans to find.
    child.on('exit', (code, signal) => {
      setImmediate(() =>
        resolve({
          code,
          signal,
          stdout: Buffer.concat(out).toString(),
          stderr: Buffer.concat(err).toString(),
        }),
      );
    });
  });
}

/** The words that run the job. */
export function runWords(plan: RoundPlan): string[] {
  return ['run', 'chaos', String(plan.pace.every), `note=${NOTE}`];
}

function files(plan: RoundPlan, settings: Settings): Record<string, string> {
  const python = plan.language === 'python';
  const config = {
    noisy: false,
    print_logs: false,
    log: plan.log,
    workers: plan.workers,
    task_concurrency: plan.taskConcurrency,
    durability: plan.durability,
    retries: plan.retries,
    retry_delay: '0.05s',
    shuffle: plan.shuffle,
    ordered: plan.ordered,
    ...(plan.stuck && { timeout: `${plan.timeoutS}s` }),
    ...settings,
  };
  const lines = Object.entries(config).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
  const oldResults = plan.fixedNames
    ? Object.fromEntries(plan.jobs.map(({ name }) => [`results/${fixedName(name)}`, OLD_RESULT]))
    : {};
  return {
    'dl_jobs.config.yaml': lines.join(''),
    'run/chaos.ts': jobModule(plan),
    ...(plan.form === 'file' && argumentFiles(plan)),
    ...oldResults,
    ...Object.fromEntries(plan.jobs.map((job) => taskModule(job, python, plan.sleepMs))),
  };
}

export const OLD_RESULT = '"of an earlier run"\n';

/** Name of the results file where it holds no time. */
export function fixedName(job: string): string {
  return `${job}-fixed.ndjson`;
}

function argumentFiles(plan: RoundPlan): Record<string, string> {
  return Object.fromEntries(
    plan.jobs.map(({ name, letters }) => {
      const lines = Array.from(letters, (_, i) => `${JSON.stringify(elementOf(plan, i))}\n`);
      return [`${name}.ndjson`, lines.join('')];
    }),
  );
}

/** The argument of task `i`. */
export function elementOf({ form, element }: Pick<RoundPlan, 'form' | 'element'>, i: number): unknown {
  if (form === 'count') return i;
  return element === 'list' ? [i, NOTE] : { i, note: NOTE };
}

function jobModule(plan: RoundPlan): string {
  const { form, pace, fixedNames } = plan;
  const element = plan.element === 'list' ? '[i, note]' : '{ i, note }';
  const lists = {
    count: 'return count;',
    file: "return name + '.ndjson';",
    array: `return Array.from({ length: count }, (_, i) => (${element}));`,
    generator: `return (function* () {
    for (let i = 0; i < count; i++) {
      if (${pace.ms} > 0 && i % every === every - 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${pace.ms});
      yield ${element};
    }
  })();`,
    'async generator': `return (async function* () {
    for (let i = 0; i < count; i++) {
      if (${pace.ms} > 0 && i % every === every - 1) await new Promise((resolve) => setTimeout(resolve, ${pace.ms}));
      yield ${element};
    }
  })();`,
  } as const;
  return `import { DLJob } from 'dl-jobs';

const JOBS = ${JSON.stringify(plan.jobs.map(({ name, letters }) => [name, letters.length]))} as [string, number][];

function list(name: string, count: number, every: number, note: string) {
  ${lists[form]}
}

export function task(every: string, { note = '' } = {}) {
  return JOBS.map(([name, count]) => new DLJob({
    moduleName: 'tasks.' + name,
    methodName: 'work',
    groupedResults: ${plan.grouped},
    ${fixedNames ? "saveResults: name + '-fixed', saveErrors: name + '-fixed', resultsTimestamp: false," : ''}
    argsList: list(name, count, Number(every), note),
  }));
}
`;
}
