/** A small real project in a folder of its own, and the built command line run in it. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, onTestFinished } from 'vitest';

/** Root of this repository. */
export const repoRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** The built command line. */
export const bin = join(repoRoot, 'dist/cli/bin.js');

const HOSTILE_NAME = 'sp ace "dq" \'sq\'\n$HOME #%20 ñ日本';

export interface RunOptions {
  /** Written to standard input, which is then closed; without it standard input is empty. */
  readonly input?: string | Buffer;
  /** Added to the environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Relative to the project; the project itself unless given. */
  readonly cwd?: string;
  /** Called with the process right after it started: to send signals, to watch output. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface RunResult {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Project {
  /** Absolute, without symlinks. */
  readonly dir: string;
  /** An absolute path inside the project. */
  path(...parts: string[]): string;
  /** Runs `dl_jobs <args>` in the project. Never rejects because the command failed. */
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs `node <args>` in the project. */
  node(args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

const leftovers = new Set<() => void>();
afterAll(() => {
  for (const remove of leftovers) remove();
});

export interface ProjectOptions {
  /** Its path holds everything that a shell, a URL or a careless join gets wrong. */
  readonly hostilePath?: boolean;
  /** It stays until the test file ends: vitest does not know which of several tests that run at a time it belongs to. */
  readonly untilFileEnds?: boolean;
}

/**
 * A temporary project: `files` by their path relative to it, and `node_modules/dl-jobs` linked to this repository.
 * It is removed, and what still runs in it killed, when the test ends; made outside of a test, when the file ends.
 */
export function makeProject(files: Readonly<Record<string, string>>, options: ProjectOptions = {}): Project {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'dl-jobs-test-')));
  const dir = join(base, options.hostilePath === true ? HOSTILE_NAME : 'project');
  const children = new Set<ChildProcess>();
  const remove = (): void => {
    leftovers.delete(remove);
    for (const child of children) child.kill('SIGKILL');
    // What was killed just now may still make a file.
    rmSync(base, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  leftovers.add(remove);
  try {
    if (options.untilFileEnds !== true) onTestFinished(remove);
  } catch {
    // Not inside a test: `afterAll` removes it.
  }

  mkdirSync(join(dir, 'node_modules'), { recursive: true });
  symlinkSync(repoRoot, join(dir, 'node_modules/dl-jobs'), 'dir');
  for (const [name, content] of Object.entries(files)) {
    const file = join(dir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  const node = (args: readonly string[], how: RunOptions = {}): Promise<RunResult> =>
    runProcess(process.execPath, args, { ...how, cwd: resolve(dir, how.cwd ?? '.') }, children);
  return {
    dir,
    path: (...parts) => join(dir, ...parts),
    node,
    run: (args, how) => {
      if (!existsSync(bin)) throw new Error(`${bin} is missing: run \`npm run build\` first`);
      return node([bin, ...args], how);
    },
  };
}

/** Runs a command to its end. Rejects only when it cannot be started. */
export function runProcess(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
  children?: Set<ChildProcess>,
): Promise<RunResult> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: environment(options.env),
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    children?.add(child);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', fail);
    child.on('close', (code, signal) => {
      children?.delete(child);
      done({
        code,
        signal,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
      });
    });
    // A command that does not read its input ends with EPIPE here; its exit code tells the story.
    child.stdin?.on('error', () => undefined);
    if (options.input !== undefined) child.stdin?.end(options.input);
    options.onStart?.(child);
  });
}

/** What is remembered for the user between invocations goes here, and not to the one who runs the tests. */
let userCache: string | undefined;
function cacheFolder(): string {
  if (userCache === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'dl-jobs-cache-'));
    leftovers.add(() => rmSync(folder, { recursive: true, force: true }));
    userCache = folder;
  }
  return userCache;
}

/** This process's environment without what would change what a test sees, plus `extra`. */
function environment(extra: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (/^(DL_JOBS_|VITEST|FORCE_COLOR$|NO_COLOR$|NODE_OPTIONS$|NODE_ENV$|TEST$|npm_)/.test(name)) continue;
    env[name] = value;
  }
  env['XDG_CACHE_HOME'] = cacheFolder();
  for (const [name, value] of Object.entries(extra)) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  return env;
}

/** The values of an NDJSON file. Throws on a line that is not JSON, and on a last line without its end. */
export function readNdjson<T = unknown>(path: string): T[] {
  const text = readFileSync(path, 'utf8');
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error(`${path}: the last line has no end`);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line, index) => {
      try {
        return JSON.parse(line) as T;
      } catch (error) {
        throw new Error(`${path}:${index + 1}: not JSON: ${line}`, { cause: error });
      }
    });
}

/**
 * The one file that `pattern` matches; `*` stands for anything in its last part: `one(join(dir, 'results/*.ndjson'))`.
 *
 * @throws Error when none or several match, naming what is there.
 */
export function one(pattern: string): string {
  const folder = dirname(pattern);
  const parts = basename(pattern)
    .split('*')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const wanted = new RegExp(`^${parts.join('.*')}$`, 's');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const matches = names.filter((name) => wanted.test(name));
  const [match] = matches;
  if (match === undefined || matches.length > 1) {
    throw new Error(
      `expected one file ${pattern}, got ${matches.length}; there are: ${names.join(', ') || 'none'}`,
    );
  }
  return join(folder, match);
}
