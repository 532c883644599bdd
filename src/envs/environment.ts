/**
 * Environments: packages that are installed once for all runs that need the same ones, below `<dls_root>/cache/envs/`.
 *
 * `<name>/complete` names the folder beside it that is ready for use. Each attempt installs into a folder of its own,
 * where it stays, for a virtual environment cannot be moved; the file is written last. So nobody ever uses one that was
 * cut off, and a builder that was given up for dead, but was not, disturbs no other. The lock only saves double work.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JobError } from '../base/errors.js';
import { formatTime } from '../base/timer.js';
import type { Environment, Packages } from '../contract/packages.js';
import { digestOf } from './local-content.js';
import { lastLines, type ToolOptions } from './run-tool.js';

/** How packages of a language are installed. */
export interface Kind {
  readonly prefix: string;
  readonly packages: Packages;
  /** What they fit: another one needs an environment of its own. */
  readonly runtime: Readonly<Record<string, string>>;
  /** For people. */
  readonly what: string;
  /** The interpreter of an environment in `folder`; null: it has none. */
  python(folder: string): string | null;
  /** False: it was aborted. Throws ENV_BUILD_FAILED. */
  install(folder: string, options: ToolOptions): Promise<boolean>;
}

export interface Lock {
  isOurs(): boolean;
  release(): void;
}

export interface EnvironmentOptions extends Omit<ToolOptions, 'log'> {
  /** `<dls_root>/cache/envs`, absolute. */
  readonly folder: string;
  /** The project's root, absolute. */
  readonly root: string;
  /** Absolute. */
  readonly dlsRoot: string;
  /** What the user sees of it. */
  readonly notice: (text: string) => void;
  /** The lock of a folder, or who holds it. */
  readonly lock: (folder: string) => Promise<Lock | string>;
}

/** Raised when the same packages are to be installed in another way. */
const VERSION = 1;
/** How often one looks whether another process is done. */
const LOOK_MS = 250;
/** Somebody who waits hears of it this often. */
const TELL_MS = 10_000;

/** What `complete` holds. */
interface Complete {
  readonly version: 1;
  /** Where it was made, absolute: elsewhere than there its scripts do not work. */
  readonly folder: string;
  /** Epoch milliseconds. */
  readonly made: number;
}

/**
 * The environment of these packages, which is made unless it is there; null: the signal was aborted before it was.
 *
 * Throws ENV_BUILD_FAILED, and JOB_INVALID when what was to be installed has changed since the job was submitted.
 */
export async function ensureEnvironment(
  kind: Kind,
  options: EnvironmentOptions,
): Promise<Environment | null> {
  const name = `${kind.prefix}-${hashOf(kind)}`;
  const home = join(options.folder, name);
  const notice = (text: string): void => options.notice(`environment ${name}: ${text}`);
  const { language } = kind.packages;
  const made = (folder: string): Environment => ({ name, language, folder, python: kind.python(folder) });
  let waited = false;
  for (;;) {
    const complete = readComplete(home);
    if (complete !== null) {
      notice(`ready, made ${formatTime(complete.made)}`);
      return made(complete.folder);
    }
    if (options.signal.aborted) return null;
    mkdirSync(home, { recursive: true });
    const lock = await options.lock(home);
    if (typeof lock === 'string') {
      if (!waited) notice(`${lock} makes it, waiting`);
      waited = true;
      await delay(LOOK_MS, undefined, { signal: options.signal }).catch(() => undefined);
      continue;
    }
    try {
      if (readComplete(home) !== null) continue;
      refuseChanged(kind.packages, options);
      const folder = await build(kind, home, lock, options, notice);
      if (folder !== null) return made(folder);
    } finally {
      lock.release();
    }
  }
}

/** Null: it was aborted, or somebody else took over. Who looks again sees which. */
async function build(
  kind: Kind,
  home: string,
  lock: Lock,
  options: EnvironmentOptions,
  notice: (text: string) => void,
): Promise<string | null> {
  sweep(home);
  const id = randomBytes(4).toString('hex');
  const folder = join(home, id);
  const log = join(home, `${id}.log`);
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  mkdirSync(folder);
  notice(`installing ${kind.what}; the output goes to ${log}`);
  const teller = setInterval(() => {
    notice(`still at it after ${seconds()}: ${lastLines(log, 1)[0] ?? ''}`);
  }, TELL_MS);
  let done = false;
  try {
    done = await kind.install(folder, { ...options, log });
    done &&= lock.isOurs();
    if (!done) return null;
    writeComplete(home, { version: 1, folder, made: Date.now() });
    notice(`made in ${seconds()}`);
    return folder;
  } finally {
    clearInterval(teller);
    if (!done) rmSync(folder, { recursive: true, force: true });
  }
}

function hashOf({ packages, runtime }: Kind): string {
  const text = JSON.stringify([VERSION, packages, runtime]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Null: there is none that can be used. */
function readComplete(home: string): Complete | null {
  try {
    const complete = JSON.parse(readFileSync(completeFile(home), 'utf8')) as Complete;
    // The folder of runs was moved, and scripts name the place of then.
    return complete.folder.startsWith(`${home}/`) && existsSync(complete.folder) ? complete : null;
  } catch {
    return null;
  }
}

function completeFile(home: string): string {
  return join(home, 'complete');
}

function writeComplete(home: string, complete: Complete): void {
  const temp = join(home, `complete.${process.pid}.tmp`);
  writeFileSync(temp, `${JSON.stringify(complete)}\n`);
  renameSync(temp, completeFile(home));
}

/** Removes what attempts left that were cut off. */
function sweep(home: string): void {
  for (const path of unusedIn(home)) rmSync(path, { recursive: true, force: true });
}

/** What lies in the folder of an environment and is no part of it, nor of its lock. */
export function unusedIn(home: string): string[] {
  const complete = readComplete(home);
  return readdirSync(home)
    .filter((name) => name !== 'complete' && !name.startsWith('lock'))
    .map((name) => join(home, name))
    .filter((path) => complete === null || (path !== complete.folder && path !== `${complete.folder}.log`));
}

/** An environment may be made long after the job was submitted, and is to be what it would have been then. */
function refuseChanged({ local }: Packages, { root, dlsRoot }: EnvironmentOptions): void {
  for (const [path, digest] of local) {
    const absolute = path.startsWith('/') ? path : join(root, path);
    if (digestOf(absolute, dlsRoot) === digest) continue;
    throw new JobError('JOB_INVALID', `requirements: ${path} is not what it was when the job was submitted`, {
      hint: 'Run with requirements and code as they are now: `--code new`.',
    });
  }
}
