/** Installs what the `requirements` of a job name, before its tasks run. */
import { join } from 'node:path';
import { ConfigError, DlJobsError } from '../base/errors.js';
import type { Environment, Packages } from '../contract/packages.js';
import type { JobSpec } from '../contract/spec.js';
import { ensureEnvironment, type Lock } from '../envs/environment.js';
import { nodeKind } from '../envs/node-environment.js';
import { pythonKind } from '../envs/python-environment.js';
import { linkPackages } from '../snapshot/link-packages.js';
import { storeError } from '../store/atomic.js';
import { lockState, takeLock } from '../store/lock.js';
import { resolveInterpreter } from '../worker/host-command.js';
import { Reaper } from '../worker/reaper.js';

export interface InstallOptions {
  /** The project's root, absolute. */
  readonly root: string;
  /** Absolute. */
  readonly dlsRoot: string;
  /** The interpreter that the job names. */
  readonly python: string;
  readonly notice: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The environment of the packages; null: there are none to install, or the signal was aborted before they were.
 *
 * Throws ENV_BUILD_FAILED, PYTHON_NOT_FOUND, STORE_FAILED, and JOB_INVALID when what is to be installed has changed
 * since the job was submitted.
 */
export async function installPackages(
  packages: Packages | null,
  { root, dlsRoot, python, notice, signal }: InstallOptions,
): Promise<Environment | null> {
  if (packages === null || signal.aborted) return null;
  const folder = join(dlsRoot, 'cache', 'envs');
  const kind =
    packages.language === 'python'
      ? await pythonKind(packages, resolveInterpreter(python, root), root)
      : nodeKind(packages, root);
  const watcher = reaper();
  try {
    return await ensureEnvironment(kind, { folder, root, dlsRoot, notice, signal, watcher, lock: lockOf });
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error;
    throw storeError('write', folder, error);
  } finally {
    watcher.close();
  }
}

/** Lets the code in `code` find the packages; the job as it runs with them. */
export function useEnvironment(
  spec: JobSpec,
  environment: Environment | null,
  { code, root }: { readonly code: string; readonly root: string },
): JobSpec {
  if (environment === null) return spec;
  if (environment.python !== null) return { ...spec, python: environment.python };
  try {
    linkPackages(code, root, join(environment.folder, 'node_modules'));
  } catch (error) {
    throw storeError('write', code, error);
  }
  return spec;
}

/** An environment is made for this machine and its interpreter; an image has others. */
export function refuseInContainer(
  packages: Packages | null,
  { container = 'none' }: JobSpec,
  where: string,
): void {
  if (packages === null || container === 'none') return;
  throw new ConfigError(
    'CONFIG_INVALID',
    `${where}: container: expected \`none\` for a job with requirements, got \`${container}\``,
    {
      hint: 'What tasks in an image need is a part of the image: take `requirements` out, or set `container: none`.',
    },
  );
}

/** Its process is started when there is something to watch. */
function reaper(): { watch(pid: number): void; forget(pid: number): void; close(): void } {
  let made: Reaper | null = null;
  return {
    watch: (pid) => (made ??= new Reaper()).watch(pid),
    forget: (pid) => made?.forget(pid),
    close: () => made?.close(),
  };
}

async function lockOf(dir: string): Promise<Lock | string> {
  const place = { dir, lock: join(dir, 'lock') };
  try {
    return await takeLock(place);
  } catch (error) {
    if (!(error instanceof DlJobsError) || error.code !== 'RUN_LOCKED') throw error;
    const { holder } = lockState(place);
    return holder === null ? 'another process' : `process ${holder.pid} on ${holder.host}`;
  }
}
