/** Why a container could not begin: the image, the program in it, or the tool is to blame, and no task was run. */
import { InfrastructureError, type DlJobsError } from '../../base/errors.js';
import type { Language } from '../../contract/spec.js';
import type { HostExit } from '../host-process.js';
import type { ContainerPlan, ToolName } from './plan.js';

/** A shell could not run the program; some tools say the same of the shell. */
const NOT_RUN = [126, 127];
/** The tools themselves failed. */
const FAILED: Readonly<Record<ToolName, readonly number[]>> = {
  podman: [125, ...NOT_RUN],
  docker: [125, ...NOT_RUN],
  apptainer: [255],
  pyxis: [],
};
/** What our shell says, and what tools say that found none. */
const NO_PROGRAM = /^dl_jobs|\/bin\/sh\W/m;

/** What a tool says, and what helps. */
const HINTS: readonly (readonly [said: RegExp, hint: string])[] = [
  [/container-init|catatonit/i, 'podman needs a first process for its containers: install `catatonit`.'],
  [
    /CDI device|nvidia\.com\/gpu/i,
    'podman finds GPUs by what `nvidia-ctk cdi generate` writes: ask for it on this machine.',
  ],
  [
    /could not select device driver|nvidia-container/i,
    'Install the NVIDIA container toolkit on this machine.',
  ],
  [/descriptor 3 is closed/, 'This version of the tool passes no descriptors on: use another `container`.'],
];

/**
 * Null: it is no matter of the container.
 *
 * @param tail - the end of the host's log
 */
export function containerError(
  { tool, image }: ContainerPlan,
  program: string,
  exit: Pick<HostExit, 'code' | 'spawnError'>,
  tail: string,
  language: Language,
): DlJobsError | null {
  const { code, spawnError } = exit;
  if (spawnError !== undefined) return null;
  const said = tail.trim() === '' ? '' : `:\n${tail.trimEnd()}`;
  if (code !== null && NOT_RUN.includes(code) && (tail === '' || NO_PROGRAM.test(tail))) {
    const least = language === 'python' ? 'Python, 3.8 or newer' : 'Node.js, 20.19 or newer';
    return new InfrastructureError(
      language === 'python' ? 'PYTHON_NOT_FOUND' : 'HOST_START_FAILED',
      `cannot start \`${program}\` in the image ${image}${said}`,
      {
        hint: `Tasks run with the interpreter of the image: take one that has ${least}, as \`${program}\`, and /bin/sh.`,
      },
    );
  }
  const isSlurms = tool.name === 'pyxis' && /^(srun|slurmstepd|pyxis): /m.test(tail);
  if (!isSlurms && (code === null || !FAILED[tool.name].includes(code))) return null;
  return new InfrastructureError(
    'CONTAINER_FAILED',
    `${tool.name} cannot run a container of the image ${image}${said}`,
    {
      hint:
        HINTS.find(([words]) => words.test(tail))?.[1] ??
        `See whether \`${tool.program}\` runs the image without dl_jobs.`,
    },
  );
}
