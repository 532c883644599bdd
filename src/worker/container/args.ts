/** The words with which each tool starts a host in an image. */
import { join } from 'node:path';
import type { ContainerPlan } from './plan.js';

export interface ContainerStart {
  readonly plan: ContainerPlan;
  /** Unique on this machine. */
  readonly name: string;
  readonly cwd: string;
  /** A folder of this container's own, outside and inside; empty: there is none. */
  readonly box: string;
  /** What `/bin/sh` gets. */
  readonly shell: readonly string[];
  /** What our standard streams are, where the host gets them: a terminal, or none of them, or some. Null: it gets its log. */
  readonly foreground: 'terminal' | 'files' | 'mixed' | null;
}

/** In {@link ContainerStart.box}: the number of the container's first process. */
export const PID_FILE = 'pid';
/** In {@link ContainerStart.box}: what the host says it does, where no descriptor can be passed. */
export const PROGRESS_NAME = 'progress';
/** In {@link ContainerStart.box}: job and step of Slurm, and the number of the host's process. */
export const STEP_FILE = 'step';

export function containerArgs(start: ContainerStart): string[] {
  switch (start.plan.tool.name) {
    case 'podman':
      return start.plan.tool.transport === 'descriptors' ? podmanArgs(start) : attachedArgs(start);
    case 'docker':
      return attachedArgs(start);
    case 'apptainer':
      return apptainerArgs(start);
    case 'pyxis':
      return pyxisArgs(start);
  }
}

/**
 * What podman and docker take alike. Only the files are the image's: network, shared memory and limits of name spaces
 * would be in the way of what tasks do, and a user of the machine is not kept out by them. A first process (`--init`)
 * is needed: signals with which a program ends itself do nothing where it is the first one itself.
 */
function commonArgs({ plan, name, cwd, box }: ContainerStart, more: readonly string[]): string[] {
  const { tool, mounts, gpus } = plan;
  return [
    ...['run', '--rm', '--init', '--pull=never', '--no-healthcheck', '--name', name],
    ...['--network=host', '--security-opt=label=disable'],
    ...tool.options,
    ...more,
    ...(gpus ? (tool.name === 'docker' ? ['--gpus=all'] : ['--device=nvidia.com/gpu=all']) : []),
    ...[...mounts, ...(box === '' || tool.transport === 'descriptors' ? [] : [box])].map(
      (path) => `--mount=${bindMount(path)}`,
    ),
    `--workdir=${cwd}`,
    '--entrypoint=/bin/sh',
  ];
}

/** The client stays in between only until the container has started: standard streams are passed through to it. */
function podmanArgs(start: ContainerStart): string[] {
  // Behind the standard streams; one that only looks at a task has no use for its progress.
  const descriptors = start.foreground === null ? 3 : 2;
  // A terminal is never passed through.
  const streams = {
    terminal: ['--interactive', '--tty', '--log-driver=none'],
    mixed: ['--interactive', '--log-driver=none'],
    files: ['--log-driver=passthrough'],
  }[start.foreground ?? 'files'];
  return [
    ...commonArgs(start, [
      ...streams,
      `--preserve-fds=${descriptors}`,
      `--pidfile=${join(start.box, PID_FILE)}`,
    ]),
    start.plan.address,
    ...start.shell,
  ];
}

/** What host and worker say goes through the client, and through the daemon behind it. */
function attachedArgs(start: ContainerStart): string[] {
  return [...commonArgs(start, ['--interactive', '--log-driver=none']), start.plan.address, ...start.shell];
}

function apptainerArgs({ plan, cwd, shell }: ContainerStart): string[] {
  return [
    ...['--quiet', 'exec', '--cleanenv', '--no-home', `--pwd=${cwd}`],
    ...plan.tool.options,
    ...(plan.gpus ? ['--nv'] : []),
    ...plan.mounts.map((path) => (/[,:"\n]/.test(path) ? `--mount=${bindMount(path)}` : `--bind=${path}`)),
    plan.address,
    '/bin/sh',
    ...shell,
  ];
}

function pyxisArgs({ plan, cwd, box, shell, name }: ContainerStart): string[] {
  return [
    // A step beside the one that we are in, with all that the job has here.
    ...['--overlap', '--nodes=1', '--ntasks=1', '--mem=0', '--cpu-bind=none', `--job-name=${name}`],
    ...plan.tool.options,
    `--container-image=${plan.address}`,
    `--container-mounts=${[...plan.mounts, box].map((path) => `${path}:${path}`).join(',')}`,
    `--container-workdir=${cwd}`,
    ...['--no-container-mount-home', '--no-container-entrypoint', '--no-container-remap-root'],
    '/bin/sh',
    ...shell,
  ];
}

/** The path inside is the path outside. The tools read a line of CSV. */
function bindMount(path: string): string {
  return `type=bind,${csvField(`source=${path}`)},${csvField(`destination=${path}`)}`;
}

function csvField(text: string): string {
  return /[,"\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
