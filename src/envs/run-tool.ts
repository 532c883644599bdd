/** Runs a program that installs packages. What it prints goes into a file. */
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { InfrastructureError } from '../base/errors.js';
import { fromWholeLine } from '../base/last-lines.js';

export interface Tool {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Absolute. */
  readonly cwd: string;
}

/** What watches over programs whose starter may be killed. */
export interface Watcher {
  /** The process group of `pid` lives. */
  watch(pid: number): void;
  /** It is gone. */
  forget(pid: number): void;
}

export interface ToolOptions {
  /** What it prints is added here. */
  readonly log: string;
  /** Aborted: it is killed. */
  readonly signal: AbortSignal;
  readonly watcher: Watcher;
}

/** An error shows this many of the last lines. */
const LINES_SHOWN = 12;
const TAIL_BYTES = 8_192;

/** False: the signal was aborted. Throws ENV_BUILD_FAILED unless the program ends with 0. */
export async function runTool(tool: Tool, { log, signal, watcher }: ToolOptions): Promise<boolean> {
  if (signal.aborted) return false;
  const how = await ended(tool, log, signal, watcher);
  if (signal.aborted) return false;
  if (how === null) return true;
  const lines = lastLines(log, LINES_SHOWN);
  throw new InfrastructureError(
    'ENV_BUILD_FAILED',
    [`requirements cannot be installed: ${tool.command} ${how}`, ...lines].join('\n  '),
    {
      hint: `All that it said is in ${log}. Correct \`requirements\`, or how packages are found: pip.conf, PIP_INDEX_URL and PIP_FIND_LINKS for Python, .npmrc for npm.`,
    },
  );
}

/** Null: with exit code 0. */
async function ended(
  { command, args, env, cwd }: Tool,
  log: string,
  signal: AbortSignal,
  watcher: Watcher,
): Promise<string | null> {
  const fd = openSync(log, 'a');
  try {
    // A group of its own: one kill reaches the compilers that it starts.
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', fd, fd], detached: true });
    const { pid } = child;
    const kill = (): void => {
      if (pid !== undefined) killGroup(pid);
    };
    if (pid !== undefined) watcher.watch(pid);
    signal.addEventListener('abort', kill);
    try {
      return await new Promise((resolve) => {
        child.on('error', (error: NodeJS.ErrnoException) =>
          resolve(error.code === 'ENOENT' ? 'was not found' : `could not be started: ${error.message}`),
        );
        child.on('exit', (code, ending) =>
          resolve(
            code === 0 ? null : `ended with ${code === null ? `signal ${ending}` : `exit code ${code}`}`,
          ),
        );
      });
    } finally {
      signal.removeEventListener('abort', kill);
      kill();
      if (pid !== undefined) watcher.forget(pid);
    }
  } finally {
    closeSync(fd);
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

/** The last lines of a file that say something. */
export function lastLines(path: string, count: number): string[] {
  const bytes = Buffer.alloc(TAIL_BYTES);
  let text: string;
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const from = Math.max(0, size - TAIL_BYTES);
      const read = readSync(fd, bytes, 0, TAIL_BYTES, from);
      text = bytes.toString('utf8', 0, read);
      if (from > 0) text = fromWholeLine(text);
    } finally {
      closeSync(fd);
    }
  } catch {
    return [];
  }
  return stripVTControlCharacters(text)
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-count);
}
