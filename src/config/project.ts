import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Name of the configuration file; the folder that holds it is the project's root. */
export const CONFIG_FILE = 'dl_jobs.config.yaml';

export interface Project {
  /** Absolute. */
  readonly root: string;
  /** Absolute; null: the project has none. */
  readonly configFile: string | null;
}

/** The nearest folder, from `start` upward, that has something named `name`. */
function folderWith(start: string, name: string): string | null {
  for (let folder = start; ; folder = dirname(folder)) {
    if (statSync(join(folder, name), { throwIfNoEntry: false }) !== undefined) return folder;
    if (dirname(folder) === folder) return null;
  }
}

/**
 * The project that `cwd` stands in: the folder of `dl_jobs.config.yaml`, searched upward; else that of the
 * nearest `package.json`; else `cwd` itself.
 */
export function findProject(cwd: string): Project {
  const start = resolve(cwd);
  const root = folderWith(start, CONFIG_FILE);
  if (root !== null) return { root, configFile: join(root, CONFIG_FILE) };
  return { root: folderWith(start, 'package.json') ?? start, configFile: null };
}
