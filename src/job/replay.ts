/** Runs one recorded task again, on the user's terminal. The run is only read. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InfrastructureError, UsageError, type DlJobsError } from '../base/errors.js';
import type { RoundContext } from '../contract/platform.js';
import { scanEnds } from '../contract/record-scan.js';
import type { JobSpec, RunFile } from '../contract/spec.js';
import { WIRE_VERSION, type InitMessage } from '../contract/wire.js';
import { describeFailure } from '../outputs/describe-outcome.js';
import { checkTask, taskNotFound } from '../outputs/known-task.js';
import { RecordLines } from '../outputs/record-lines.js';
import { readPackages } from '../envs/read-packages.js';
import { findModule } from '../snapshot/find-module.js';
import { loadedFile, packagesOf, realRoot, takeSnapshot } from '../snapshot/snapshot.js';
import { ArgsReader, readSealed } from '../store/args-store.js';
import { readRounds, specOfRound, type RoundFile } from '../store/rounds.js';
import { readRun, type RunPaths } from '../store/run-folder.js';
import { ForegroundHost, type ForegroundEnd } from '../worker/foreground-host.js';
import { openContainer } from '../worker/container/open.js';
import { containerError } from '../worker/container/start-error.js';
import { hostCommand, tracingPython } from '../worker/host-command.js';
import { fatalError } from '../worker/start-errors.js';
import type { HostCommand } from '../worker/host-body.js';
import { countArgs } from './count-args.js';
import { installPackages, useEnvironment } from './environments.js';
import { storedEnvironment } from './stored-environment.js';
import { writeCode } from './write-code.js';

export interface ReplayOptions {
  /** `new`: the code as it is now. `run`: that of the run's last round. */
  readonly code: 'new' | 'run';
  /** Stop in a debugger before the task runs. */
  readonly inspect: boolean;
  /** Where the values of the job's variables come from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted: the process is ended. */
  readonly signal: AbortSignal;
  /** Told what is installed. */
  readonly notice: (text: string) => void;
  /** Something that the user should know now. */
  readonly warn: (text: string) => void;
}

export interface Replayed {
  readonly ok: boolean;
  /** Lines of results, as latin1 bytes without newlines. */
  readonly results: readonly string[];
  /** How it ended, in words; with the stack of an error. */
  readonly outcome: string;
}

/** Code that can be loaded. */
interface Code {
  /** Absolute. */
  readonly root: string;
  readonly spec: JobSpec;
  /** Relative to the root. */
  readonly entry: string;
}

/**
 * Throws TASK_NOT_FOUND, ENV_MISSING, what loading the function throws, and HOST_START_FAILED. A task that fails, or
 * takes its process with it, is an outcome.
 */
export async function replayTask(paths: RunPaths, task: number, options: ReplayOptions): Promise<Replayed> {
  const run = readRun(paths);
  const line = argumentLine(paths, task);
  const env = storedEnvironment(run.spec, options.environment);
  const found = options.code === 'run' ? codeOfRun(paths, run) : await codeOfNow(paths, run);
  const code = await withPackages(found, paths, run, options);
  const { spec } = code;
  const { cwd } = run;
  const { warn } = options;
  const container = await openContainer({ spec, dir: paths.dir, projectRoot: run.codeRoot, cwd, warn });
  // Here nobody minds how much memory it takes.
  const unlimited = { ...spec, policy: { ...spec.policy, memory: null } };
  const command = debugged(hostCommand({ spec: unlimited, cwd }, env, container), spec, options.inspect);
  if (!existsSync(run.cwd)) {
    throw new InfrastructureError(
      'HOST_START_FAILED',
      `expected the folder that the run was started in, ${run.cwd}: it is not there`,
      { hint: 'Tasks run in that folder. Make it again.' },
    );
  }
  const host = new ForegroundHost(command, initMessage(run, code), task, line);
  const kill = (): void => host.kill('SIGTERM');
  options.signal.addEventListener('abort', kill);
  if (options.signal.aborted) kill();
  try {
    return outcomeOf(await host.done, paths, { ...run, spec: code.spec }, command);
  } finally {
    options.signal.removeEventListener('abort', kill);
  }
}

/** The recorded arguments, with the newline. */
function argumentLine(paths: RunPaths, task: number): Buffer {
  checkTask(paths, task);
  const count = readSealed(paths)?.count ?? countArgs(paths);
  if (task >= count) throw taskNotFound(paths, task, count);
  const args = new ArgsReader(paths);
  try {
    // A copy: the reader's memory is much larger.
    return Buffer.from(args.lines(task, 1));
  } finally {
    args.close();
  }
}

function codeOfRun(paths: RunPaths, run: RunFile): Code {
  const round = readRounds(paths).at(-1);
  const spec = specOfLast(run, round);
  const root = round === undefined ? null : join(paths.code, round.code);
  if (round === undefined || root === null || !existsSync(join(root, round.entry))) {
    throw new UsageError('RUN_STATE', `expected code in ${paths.code} that the run has run, found none`, {
      hint: 'Use the code as it is now: `--code new`.',
    });
  }
  return { root, spec, entry: round.entry };
}

/** In the image, and with the tool for it, that the last round had; its packages are found anew. */
function specOfLast({ spec }: RunFile, round: RoundFile | undefined): JobSpec {
  return { ...specOfRound(spec, round), python: spec.python };
}

async function codeOfNow(paths: RunPaths, run: RunFile): Promise<Code> {
  const { moduleName, modules, requirements } = run.spec;
  const root = realRoot(run.codeRoot);
  const dlsRoot = rootOf(paths);
  const { file, language } = findModule(root, moduleName);
  const snapshot = await takeSnapshot({
    root,
    entries: [{ file, language, module: moduleName }],
    modules,
    packages: readPackages(requirements, { language, root: run.projectRoot, dlsRoot }),
    dlsRoot,
    python: () => tracingPython(run.spec, root),
  });
  return {
    root: writeCode(snapshot, join(dlsRoot, 'cache', 'code')),
    spec: { ...specOfLast(run, readRounds(paths).at(-1)), file, language },
    entry: loadedFile(snapshot, file),
  };
}

/** The same code, with what its `requirements` name. */
async function withPackages(
  code: Code,
  paths: RunPaths,
  run: RunFile,
  { notice, signal }: ReplayOptions,
): Promise<Code> {
  const { python } = run.spec;
  const environment = await installPackages(packagesOf(code.root), {
    root: run.projectRoot,
    dlsRoot: rootOf(paths),
    python,
    notice,
    signal,
  });
  return { ...code, spec: useEnvironment(code.spec, environment, { code: code.root, root: run.codeRoot }) };
}

function debugged(command: HostCommand, { language }: JobSpec, inspect: boolean): HostCommand {
  if (!inspect) return command;
  return language === 'python'
    ? { ...command, env: { ...command.env, DL_JOBS_INSPECT: '1' } }
    : { ...command, args: ['--inspect-brk', ...command.args] };
}

function initMessage(run: RunFile, { root, spec, entry }: Code): InitMessage {
  return {
    type: 'init',
    v: WIRE_VERSION,
    root,
    projectRoot: run.codeRoot,
    file: join(root, entry),
    module: spec.moduleName,
    method: spec.methodName,
    call: spec.call,
    grouped: spec.groupedResults,
    host: 0,
    digests: 'none',
    concurrency: 1,
    progress: false,
    timeoutMs: null,
    retries: 0,
    retryOn: [],
    redact: [],
  };
}

function outcomeOf(end: ForegroundEnd, paths: RunPaths, run: RunFile, command: HostCommand): Replayed {
  switch (end.kind) {
    case 'unstarted':
      throw startFailed(end.error, run.spec, command);
    case 'fatal':
      throw fatalError(end.message, { spec: run.spec } as RoundContext, null);
    case 'exit': {
      const { code, signal } = end.status;
      const { container } = command;
      if (container !== undefined && !end.wasReady) {
        // What it said stands on the terminal already.
        const error = containerError(container, command.command, { code }, '', run.spec.language);
        if (error !== null) throw error;
      }
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      return { ok: false, results: [], outcome: `crash: the process ended with ${how} before the task did` };
    }
    case 'record':
      return recorded(end.record, paths, run);
  }
}

function recorded(record: Buffer, paths: RunPaths, run: RunFile): Replayed {
  const text = record.toString('latin1');
  const lines = new RecordLines(paths, run, '', 'results');
  let replayed: Replayed | null = null;
  try {
    scanEnds(text, (end) => {
      const json = text.slice(end.valueFrom, end.valueTo);
      replayed = {
        ok: end.failure === null,
        results: lines.of(end, text, record),
        outcome: describeFailure({ failure: end.failure, json }),
      };
    });
  } finally {
    lines.close();
  }
  if (replayed === null) throw new Error('the host answered without a record');
  return replayed;
}

function startFailed(
  error: NodeJS.ErrnoException,
  { language }: JobSpec,
  { command }: HostCommand,
): DlJobsError {
  const message = `cannot start \`${command}\`: ${error.code ?? error.message}`;
  return language === 'python'
    ? new InfrastructureError('PYTHON_NOT_FOUND', message, {
        hint: 'The run used this interpreter. Install it, or make the path right again.',
      })
    : new InfrastructureError('HOST_START_FAILED', message, {
        hint: 'Check the limits on processes and memory.',
      });
}

/** `dls_root` of the project. */
function rootOf({ dir }: RunPaths): string {
  return join(dir, '..', '..');
}
