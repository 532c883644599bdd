/** The programs that hosts are, on this machine or in an image. */
import { closeSync, existsSync, openSync, readSync, realpathSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { packageRoot } from '../base/package-root.js';
import type { RoundContext } from '../contract/platform.js';
import type { JobSpec } from '../contract/spec.js';
import { programInImage } from './container/open.js';
import type { ContainerPlan } from './container/plan.js';
import { containedEnvironment } from './container/script.js';
import type { HostCommand } from './host-body.js';

type Env = Readonly<Record<string, string>>;

/** Node needs some room to start in. */
const LEAST_HEAP_MIB = 32;

/**
 * A host for JavaScript: the Node that runs us, with stacks mapped to the user's sources.
 *
 * @param memory - bytes that its heap may grow to; null: as V8 likes
 */
export function nodeHost(cwd: string, extra: Env, memory: number | null): HostCommand {
  return { command: process.execPath, args: nodeArgs(memory), env: hostEnvironment(extra), cwd };
}

function nodeArgs(memory: number | null): string[] {
  const heap = memory === null ? null : Math.max(Math.floor(memory / 1024 / 1024), LEAST_HEAP_MIB);
  return [
    ...(heap === null ? [] : [`--max-old-space-size=${heap}`]),
    '--enable-source-maps',
    join(packageRoot(), 'dist', 'worker', 'node-host.js'),
  ];
}

/** A host for Python. `interpreter` is a name on PATH or a path, relative to the working directory. */
export function pythonHost(interpreter: string, cwd: string, extra: Env): HostCommand {
  return {
    command: resolveInterpreter(interpreter, cwd),
    args: pythonArgs(),
    env: hostEnvironment(extra),
    cwd,
  };
}

function pythonArgs(): string[] {
  return [join(packageRoot(), 'python', 'dl_jobs', '_host.py')];
}

/** What a round's hosts are: on this machine, or in `container`, with the interpreter of its image. */
export function hostCommand(
  { spec, cwd }: Pick<RoundContext, 'spec' | 'cwd'>,
  extra: Env,
  container: ContainerPlan | null,
): HostCommand {
  const { memory } = spec.policy;
  const heap = memory === null ? null : memory * spec.taskConcurrency;
  const isPython = spec.language === 'python';
  if (container === null) return isPython ? pythonHost(spec.python, cwd, extra) : nodeHost(cwd, extra, heap);
  return {
    command: programInImage(spec),
    args: isPython ? pythonArgs() : nodeArgs(heap),
    env: containedEnvironment(extra, container.tool.name),
    cwd,
    container,
  };
}

/** Ours and what is added. Only `replay --inspect` asks for a debugger: in a host without a terminal it would hang. */
function hostEnvironment(extra: Env): NodeJS.ProcessEnv {
  const { DL_JOBS_INSPECT: _, ...env } = process.env;
  return { ...env, ...extra };
}

/** A Python of this machine that can read sources: the job's, or any where that is one of its image. */
export function tracingPython(spec: JobSpec, root: string): string {
  const path = locate(spec.python, root);
  const isOfImage = (spec.container ?? 'none') !== 'none' && (path === null || !existsSync(path));
  return resolveInterpreter(isOfImage ? 'python3' : spec.python, root);
}

const resolved = new Map<string, string>();

/**
 * The real interpreter behind a name. A shim (pyenv, asdf) is a script that needs a tenth of a second for each start,
 * so it is asked once where the interpreter is. A name that is not found is returned as it is: starting it says so.
 */
export function resolveInterpreter(interpreter: string, cwd: string): string {
  const key = `${interpreter}\0${cwd}`;
  const known = resolved.get(key);
  if (known !== undefined) return known;
  const path = locate(interpreter, cwd);
  let real = path ?? interpreter;
  if (path !== null && isScript(path)) {
    const asked = spawnSync(path, ['-c', 'import sys; print(sys.executable)'], {
      encoding: 'utf8',
      cwd,
      timeout: 30_000,
    });
    const answer = asked.status === 0 ? asked.stdout.trim() : '';
    if (answer !== '' && existsSync(answer)) real = answer;
  }
  resolved.set(key, real);
  return real;
}

function locate(name: string, cwd: string): string | null {
  if (name.includes('/')) return isAbsolute(name) ? name : resolve(cwd, name);
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && existsSync(join(folder, name))) return join(folder, name);
  }
  return null;
}

function isScript(path: string): boolean {
  try {
    const fd = openSync(realpathSync(path), 'r');
    try {
      const start = Buffer.alloc(2);
      return readSync(fd, start, 0, 2, 0) === 2 && start.toString('latin1') === '#!';
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}
