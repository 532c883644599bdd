/** Job functions in Python: a process of the user's interpreter calls them, and gives their arguments as they are read. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { JobError, UsageError } from '../base/errors.js';
import { Nap } from '../base/nap.js';
import { packageRoot } from '../base/package-root.js';
import type { Settings } from '../config/settings.js';
import { nearest } from '../config/nearest.js';
import { runScript, unusable, whyNot } from '../snapshot/python-script.js';
import { resolveInterpreter } from '../worker/host-command.js';
import { Reaper } from '../worker/reaper.js';
import { CALL_TEXTS } from './argument-list.js';
import { DLJob } from './dl-job.js';
import type { DLJobOptions } from './options.js';
import { PythonLines, type PythonFailure } from './python-lines.js';

/** A Ctrl-C that ended the process comes to this one within this time. */
const INTERRUPT_MS = 250;

/** Where a job function in Python is. */
export interface PythonPlace {
  /** Of the project, absolute. */
  readonly root: string;
  /** As Python imports it; null: its folder is no package below the root. */
  readonly module: string | null;
  /** Absolute. */
  readonly path: string;
  /** Relative to the root, for messages. */
  readonly file: string;
  readonly method: string;
  /** The interpreter. */
  readonly python: string;
}

export interface PythonCall {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Options of the command line, for a function that takes them. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Those in force. */
  readonly settings: Settings;
  /** Where the user stands. */
  readonly cwd: string;
  /** The name of the function in messages. */
  readonly label: string;
}

export interface Defined {
  readonly jobs: readonly DLJob[];
  /** Options that the function was given. */
  readonly taken: readonly string[];
}

/**
 * Calls the function, and makes jobs of what it returns; `None` in a list is passed over.
 *
 * Throws JOB_INVALID, JOB_FUNCTION_NOT_FOUND, MODULE_LOAD_FAILED, USAGE, PYTHON_NOT_FOUND.
 */
export async function callPythonJob(place: PythonPlace, call: PythonCall): Promise<Defined> {
  const { lines } = new Definition(place, call.cwd);
  const { args, kwargs, options, settings } = call;
  const { root, module, path, method } = place;
  const answer = await lines.ask({ root, module, path, method, args, kwargs, options, settings });
  if (answer['error'] !== undefined) {
    lines.end();
    throw failureOf(answer['error'] as PythonFailure, place, call.label);
  }
  const specs = answer['jobs'] as (Record<string, unknown> | null)[];
  const open = specs.flatMap((spec, i) => (spec !== null && isStreamed(spec) ? [i] : []));
  if (open.length === 0) lines.end();
  return {
    jobs: specs.flatMap((spec, i) =>
      spec === null ? [] : [jobOf(spec, isStreamed(spec) ? lines.elements(i, call.label) : undefined)],
    ),
    taken: answer['taken'] as string[],
  };
}

/** Its elements are in the process still. */
export function isStreamed(spec: Readonly<Record<string, unknown>>): boolean {
  return !('args' in spec) && !('args_list' in spec);
}

/** The job that Python describes so; the elements of its list come from there. */
export function jobOf(
  { call, ...spec }: Readonly<Record<string, unknown>>,
  elements: AsyncIterable<unknown> | undefined,
): DLJob {
  if (typeof call === 'string') CALL_TEXTS.set(spec['args'] as object, call);
  const options = Object.fromEntries(
    Object.entries(spec).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
  return new DLJob({ ...options, ...(elements && { argsList: elements }) } as unknown as DLJobOptions);
}

/**
 * What the public functions of a Python file take, as the JSON of a list of `FunctionSignature`; nothing is imported.
 *
 * @param python - the interpreter, as `resolveInterpreter` gives it
 */
export async function readPythonSignatures(path: string, python: string): Promise<string> {
  const { how, stdout, stderr } = await runScript(python, '_signatures.py', { args: [path] });
  if (how === 0) return stdout;
  if (typeof how === 'string') throw unusable(python, how);
  const why = stderr.split('\n').slice(-4).join('\n');
  throw new JobError('MODULE_LOAD_FAILED', `${path} cannot be read: ${why}`, {
    hint: 'It must be Python that the interpreter of the setting `python` reads.',
  });
}

function failureOf(
  { kind, message, trace }: PythonFailure,
  { file, module, method }: PythonPlace,
  label: string,
): Error {
  const traced = trace === null || trace === '' ? message : trace;
  switch (kind) {
    case 'usage':
      return new UsageError('USAGE', message, {
        hint: `\`dl_jobs run ${label} --help\` shows what it takes.`,
      });
    case 'missing': {
      const names = trace === null || trace === '' ? [] : trace.split(', ');
      const near = nearest(method, names);
      return new JobError('JOB_FUNCTION_NOT_FOUND', `${file}: ${message}`, {
        hint:
          near !== undefined
            ? `Did you mean ${near}?`
            : names.length > 0
              ? `It has: ${names.join(', ')}.`
              : 'Write a function that returns a DLJob.',
      });
    }
    case 'load':
      return new JobError('MODULE_LOAD_FAILED', `${message}:\n${traced}`, {
        hint: `It threw while it was imported${module === null ? '' : ` as ${module}`}.`,
      });
    case 'threw':
      return new JobError('JOB_INVALID', `${label} threw:\n${traced}`, { hint: 'No task was run.' });
    case 'jobs':
      return new JobError('JOB_INVALID', `${label}: ${message}`, {
        hint: 'Return DLJob(module_name=…, …) of dl_jobs.job.',
      });
  }
}

/** The process, which lives as long as somebody may ask it for elements. */
class Definition {
  readonly lines: PythonLines;
  readonly #child: ChildProcess;
  readonly #place: PythonPlace;
  #spawnError: NodeJS.ErrnoException | null = null;

  constructor(place: PythonPlace, cwd: string) {
    this.#place = place;
    const script = join(packageRoot(), 'python', 'dl_jobs', '_define.py');
    const child = spawn(resolveInterpreter(place.python, place.root), [script], {
      cwd,
      stdio: ['inherit', 'inherit', 'inherit', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.lines = new PythonLines({
      requests: child.stdio[3] as Socket,
      answers: child.stdio[4] as Socket,
      death: () => this.#death(),
      onWaiting: (isWaiting) => {
        if (isWaiting) child.ref();
        else child.unref();
      },
    });
    child.on('error', (error) => {
      this.#spawnError = error;
      this.lines.over();
    });
    // It ends by itself when nobody can ask it any more, unless code of the user's keeps it, such as a list that makes
    // its next element: then the reaper ends it, also where this process is killed.
    const reaper = new Reaper();
    if (child.pid !== undefined) reaper.watchPatiently(child.pid);
    child.once('exit', () => reaper.close());
  }

  async #death(): Promise<Error> {
    const { python, file } = this.#place;
    if (this.#spawnError !== null) return unusable(python, whyNot(this.#spawnError));
    this.#child.ref();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    const { exitCode, signalCode } = this.#child;
    // By Ctrl-C, of which we hear at the same time: then nobody wants to know of this.
    if (exitCode === 130 || signalCode === 'SIGINT') await new Nap().for(INTERRUPT_MS);
    const how = this.#child.signalCode ?? `exit code ${this.#child.exitCode}`;
    return new JobError('JOB_INVALID', `the process that defines the job of ${file} ended (${how})`, {
      hint: 'A job function must return, not exit.',
    });
  }
}
