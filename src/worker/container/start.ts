/** Starts a host in its image. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { spawn, type StdioOptions } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Socket } from 'node:net';
import { HOST_IN, HOST_OUT } from '../../contract/wire.js';
import type { HostCommand, StartedHost } from '../host-body.js';
import { ProgressFile } from '../progress-file.js';
import { containerArgs, PROGRESS_NAME, STEP_FILE } from './args.js';
import { ContainedBody } from './body.js';
import type { ContainerPlan } from './plan.js';
import { environmentLine, shellWords, type ScriptWay } from './script.js';

/** Throws what the system says. `log` is the file of that name, open. */
export function startContained(
  command: HostCommand,
  plan: ContainerPlan,
  log: number,
  logFile: string,
): StartedHost {
  const { tool } = plan;
  const name = containerName();
  const overDescriptors = tool.transport === 'descriptors';
  const box = tool.name === 'apptainer' ? '' : makeBox(dirname(logFile));
  let progress: ProgressFile | undefined;
  try {
    const progressFile = join(box, PROGRESS_NAME);
    progress = overDescriptors ? new ProgressFile(dirname(logFile)) : ProgressFile.named(progressFile);
    const way: ScriptWay = overDescriptors
      ? { over: 'descriptors' }
      : tool.name === 'pyxis'
        ? { over: 'srun', stepFile: join(box, STEP_FILE), logFile, progressFile }
        : { over: 'stdio', logFile, progressFile };
    const shell = [...shellWords(name, way), command.command, ...command.args];
    const args = containerArgs({ plan, name, cwd: command.cwd, box, shell, foreground: null });
    const stdio: StdioOptions = overDescriptors
      ? ['ignore', log, log, 'pipe', 'pipe', progress.fd]
      : ['pipe', 'pipe', log];
    const child = spawn(tool.program, args, { cwd: '/', stdio, detached: true });
    const streams = (child.stdio ?? []) as readonly (Socket | null | undefined)[];
    const input = streams[overDescriptors ? HOST_IN : 0] ?? undefined;
    const output = streams[overDescriptors ? HOST_OUT : 1] ?? undefined;
    // Where nothing could be started, an error is still to come.
    if (child.pid !== undefined) input?.write(environmentLine(command.env));
    return { child, input, output, progress, body: new ContainedBody(tool, child.pid, name, box, true) };
  } catch (error) {
    progress?.close();
    if (box !== '') rmSync(box, { recursive: true, force: true });
    throw error;
  }
}

/** Unique on this machine, and easy to know in the tool's list. */
export function containerName(): string {
  return `dl_jobs-${process.pid}-${randomBytes(6).toString('hex')}`;
}

/** A folder for what is said about a container. */
export function makeBox(otherFolder: string): string {
  try {
    return mkdtempSync(join(tmpdir(), 'dl-jobs-box-'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') throw error;
    return mkdtempSync(join(otherFolder, 'dl-jobs-box-'));
  }
}
