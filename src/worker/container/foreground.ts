/** Starts a host in its image on the user's own terminal. */
import { spawn, type StdioOptions } from 'node:child_process';
import type { Socket } from 'node:net';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isatty } from 'node:tty';
import { UsageError } from '../../base/errors.js';
import { HOST_IN, HOST_OUT } from '../../contract/wire.js';
import type { HostCommand, StartedHost } from '../host-body.js';
import { containerArgs, type ContainerStart } from './args.js';
import { ContainedBody } from './body.js';
import type { ContainerPlan } from './plan.js';
import { environmentLine, shellWords } from './script.js';
import { containerName, makeBox } from './start.js';

/** Throws USAGE where a debugger is wanted and cannot be reached. */
export function startContainedInForeground(
  command: HostCommand,
  plan: ContainerPlan,
): Omit<StartedHost, 'progress'> {
  const { tool } = plan;
  const overDescriptors = tool.transport === 'descriptors';
  if (!overDescriptors && command.env['DL_JOBS_INSPECT'] !== undefined) {
    throw new UsageError('USAGE', `a debugger cannot reach a task in a container of ${tool.name}`, {
      hint: 'Its terminal is not passed on there: replay without --inspect, or with `container: podman`.',
    });
  }
  const name = containerName();
  const box = tool.name === 'apptainer' ? '' : makeBox(tmpdir());
  try {
    const way = overDescriptors ? 'descriptors' : 'stdio on a terminal';
    const shell = [...shellWords(name, { over: way }), command.command, ...command.args];
    const args = containerArgs({ plan, name, cwd: command.cwd, box, shell, foreground: streams() });
    const stdio: StdioOptions = overDescriptors
      ? ['inherit', 'inherit', 'inherit', 'pipe', 'pipe', 'ignore']
      : ['pipe', 'pipe', 'inherit'];
    // Not in a session of its own, as other hosts are: it could not read from the terminal.
    const child = spawn(tool.program, args, { cwd: '/', stdio });
    const ends = (child.stdio ?? []) as readonly (Socket | null | undefined)[];
    const input = ends[overDescriptors ? HOST_IN : 0] ?? undefined;
    const output = ends[overDescriptors ? HOST_OUT : 1] ?? undefined;
    if (child.pid !== undefined) input?.write(environmentLine(command.env));
    return { child, input, output, body: new ContainedBody(tool, child.pid, name, box, false) };
  } catch (error) {
    if (box !== '') rmSync(box, { recursive: true, force: true });
    throw error;
  }
}

/** What podman must be told of them. */
function streams(): ContainerStart['foreground'] {
  if (isatty(0) && isatty(1)) return 'terminal';
  return [0, 1, 2].some((fd) => isatty(fd)) ? 'mixed' : 'files';
}
