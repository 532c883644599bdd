/** What a round's hosts need to run in its image: a tool that works, the image, and the paths that tasks use. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { ConfigError } from '../../base/errors.js';
import { packageRoot } from '../../base/package-root.js';
import type { RoundContext } from '../../contract/platform.js';
import type { JobSpec } from '../../contract/spec.js';
import { provideImage } from './image.js';
import type { ContainerPlan, ContainerTool } from './plan.js';
import { findTool } from './tools.js';

/** A round, as far as containers are concerned. */
export type ContainedRound = Pick<RoundContext, 'spec' | 'dir' | 'projectRoot' | 'cwd' | 'warn'>;

/**
 * Null: the hosts run on the machine as it is.
 *
 * Throws CONTAINER_UNAVAILABLE, IMAGE_UNAVAILABLE, and CONFIG_INVALID for paths that cannot be shown in a container.
 */
export async function openContainer(round: ContainedRound): Promise<ContainerPlan | null> {
  const { spec, dir, projectRoot, warn } = round;
  const choice = spec.container ?? 'none';
  if (choice === 'none') return null;
  const tool = await findTool(choice);
  const mounts = visiblePaths(round);
  refuseUnspeakable(tool, mounts);
  const folder = join(dlsRootOf(dir), 'cache', 'images');
  const address = await provideImage({ tool, image: spec.image, projectRoot, folder, warn });
  return { tool, image: spec.image, address, mounts, gpus: spec.gpus > 0 };
}

/** Folders that an image has itself: showing the machine's there would hide the image. */
const SYSTEM = new Set(
  '/ /bin /boot /dev /etc /lib /lib32 /lib64 /opt /proc /run /sbin /sys /usr /var'.split(' '),
);

/** Absolute paths that are there, without those that lie in another one. */
function visiblePaths({ spec, dir, projectRoot, cwd }: ContainedRound): string[] {
  if (SYSTEM.has(projectRoot)) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `a project in ${projectRoot} cannot be shown in a container: it would hide that folder of the image`,
      { hint: 'Move the project into a folder of its own, or set `container: none`.' },
    );
  }
  const wanted = [
    ...[dlsRootOf(dir), dir, projectRoot, packageRoot(), cwd].filter((path) => !SYSTEM.has(path)),
    ...spec.data.map((path) => resolve(projectRoot, path)),
    ...(spec.language === 'node' ? packageFolders(projectRoot) : []),
  ].filter((path) => existsSync(path));
  // What a link leads to must be there, too, under its own name.
  const all = [...new Set(wanted.flatMap((path) => [path, realpathSync(path)]))];
  return all
    .filter((path) => !all.some((other) => other !== path && path.startsWith(`${other}${sep}`)))
    .sort();
}

/** With the runs and what is kept for all of them; of a run that lies elsewhere, its own folder. */
function dlsRootOf(dir: string): string {
  return basename(dirname(dir)) === 'runs' ? dirname(dirname(dir)) : dir;
}

/** Where Node looks for packages from within the project: workspaces keep them further up. */
function packageFolders(projectRoot: string): string[] {
  const folders: string[] = [];
  for (let folder = projectRoot; ; folder = dirname(folder)) {
    folders.push(join(folder, 'node_modules'));
    if (folder === dirname(folder)) return folders;
  }
}

/** `:` and `,` separate what pyxis reads, and nothing can be said to mean them. */
function refuseUnspeakable(tool: ContainerTool, mounts: readonly string[]): void {
  const path = tool.name === 'pyxis' ? mounts.find((mount) => /[,:]/.test(mount)) : undefined;
  if (path === undefined) return;
  throw new ConfigError('CONFIG_INVALID', `pyxis cannot show a path with a comma or a colon: ${path}`, {
    hint: 'Rename the folder, or use another `container`.',
  });
}

/**
 * The name of the interpreter in an image. The setting `node` is that of workers, which run outside: a path on the
 * machines of a cluster means nothing in an image.
 */
export function programInImage(spec: JobSpec): string {
  return spec.language === 'python' ? spec.python : 'node';
}
