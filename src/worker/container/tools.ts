/** Which programs that run containers this machine has, and how they are set up. */
import { existsSync } from 'node:fs';
import { InfrastructureError } from '../../base/errors.js';
import type { ContainerChoice } from '../../contract/spec.js';
import { ask, complaint } from './ask.js';
import type { ContainerTool, ToolName } from './plan.js';

/** In this order `auto` looks for them. */
const ORDER: readonly ToolName[] = ['apptainer', 'podman', 'docker', 'pyxis'];
/** A tool that does not say how it is within this time does not work. */
const PATIENCE_MS = 30_000;

/** A tool that works, or why it does not. */
type Found = { readonly tool: ContainerTool } | { readonly why: string };

/** Throws CONTAINER_UNAVAILABLE. */
export async function findTool(choice: Exclude<ContainerChoice, 'none'>): Promise<ContainerTool> {
  const reasons: string[] = [];
  for (const name of choice === 'auto' ? ORDER : [choice]) {
    const found = await LOOK[name]();
    if ('tool' in found) return found.tool;
    reasons.push(`${name}: ${found.why}`);
  }
  throw new InfrastructureError(
    'CONTAINER_UNAVAILABLE',
    choice === 'auto'
      ? `expected a program that runs containers, found none that works\n${reasons.map((why) => `  ${why}`).join('\n')}`
      : `expected a working ${choice}: ${reasons[0]?.slice(choice.length + 2) ?? ''}`,
    {
      hint: 'Install one, or start its service, on the machine where tasks run; `container: none` runs them without an image.',
    },
  );
}

/** What `choice` comes to on this machine; null: no container. A text: why none can be run. */
export async function lookForTool(choice: ContainerChoice): Promise<ContainerTool | string | null> {
  if (choice === 'none') return null;
  try {
    return await findTool(choice);
  } catch (error) {
    if (error instanceof InfrastructureError) return error.message;
    throw error;
  }
}

const LOOK: Readonly<Record<ToolName, () => Promise<Found>>> = {
  apptainer: async () => {
    const asked = await ask('apptainer', ['version'], PATIENCE_MS);
    if (asked.code === 0) return { tool: apptainer('apptainer') };
    // The name that it had, and that its sister still has.
    const older = await ask('singularity', ['version'], PATIENCE_MS);
    return older.code === 0 ? { tool: apptainer('singularity') } : { why: complaint(asked) };
  },
  podman: async () => {
    const asked = await ask('podman', ['info', '--format={{json .}}'], PATIENCE_MS);
    const info = asked.code === 0 ? (parsed(asked.stdout) as PodmanInfo | null) : null;
    return info?.host === undefined ? { why: complaint(asked) } : { tool: podman(info) };
  },
  docker: async () => {
    const asked = await ask('docker', ['info', '--format={{json .}}'], PATIENCE_MS);
    const info = asked.code === 0 ? (parsed(asked.stdout) as DockerInfo | null) : null;
    // Without its service it still tells of itself, and ends with 0 in some versions.
    const errors = info?.ServerErrors ?? [];
    if (info === null || errors.length > 0) return { why: errors[0] ?? complaint(asked) };
    const isRootless = (info.SecurityOptions ?? []).some((option) => /\bname=rootless\b/.test(option));
    // In its own world the user is root, and what root makes there is the user's here.
    const options = ['--ipc=host', ...(isRootless ? ['--user=0:0'] : asUser())];
    return { tool: { name: 'docker', program: 'docker', transport: 'stdio', options } };
  },
  pyxis: async () => {
    const asked = await ask('srun', ['--help'], PATIENCE_MS);
    if (asked.code !== 0) return { why: complaint(asked) };
    if (!`${asked.stdout}${asked.stderr}`.includes('--container-image'))
      return { why: '`srun --help` shows no --container-image' };
    const node = process.env['SLURMD_NODENAME'];
    if (process.env['SLURM_JOB_ID'] === undefined || node === undefined)
      return { why: 'it works inside of a Slurm job only' };
    return { tool: { name: 'pyxis', program: 'srun', transport: 'stdio', options: [`--nodelist=${node}`] } };
  },
};

interface PodmanInfo {
  readonly host?: {
    readonly ociRuntime?: { readonly name?: string };
    readonly security?: { readonly rootless?: boolean };
    readonly serviceIsRemote?: boolean;
  };
  readonly version?: { readonly Version?: string };
}

interface DockerInfo {
  readonly ServerErrors?: readonly string[];
  readonly SecurityOptions?: readonly string[];
}

/** The first version that passes standard streams on to the container. */
const PASSTHROUGH_SINCE = 4;

function podman({ host, version }: PodmanInfo): ContainerTool {
  const isRemote = host?.serviceIsRemote === true;
  const major = Number(/^\d+/.exec(version?.Version ?? '')?.[0] ?? PASSTHROUGH_SINCE);
  const isRootless = host?.security?.rootless === true;
  return {
    name: 'podman',
    program: 'podman',
    transport: isRemote || major < PASSTHROUGH_SINCE ? 'stdio' : 'descriptors',
    options: [
      // Memory that processes share is small by default. A user can have that of the machine only with its queues.
      isRootless && !existsSync('/dev/mqueue') ? '--volume=/dev/shm:/dev/shm' : '--ipc=host',
      ...(isRootless ? ['--userns=keep-id', ...(isRemote ? [] : ['--group-add=keep-groups'])] : asUser()),
      // In a control group of its own it would leave that of the batch job, with its limits. Only crun can do without.
      ...(host?.ociRuntime?.name === 'crun' ? ['--cgroups=disabled'] : []),
    ],
  };
}

function apptainer(program: string): ContainerTool {
  return { name: 'apptainer', program, transport: 'descriptors', options: [] };
}

/** Files that tasks make are the user's. */
function asUser(): string[] {
  const { getuid, getgid, getgroups } = process;
  if (getuid === undefined || getgid === undefined) return [];
  const group = getgid();
  const more = (getgroups?.() ?? []).filter((id) => id !== group).map((id) => `--group-add=${id}`);
  return [`--user=${getuid()}:${group}`, ...more];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
