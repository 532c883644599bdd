/**
 * `tool/`: the program that the workers of a run are, copied when the run is given to a platform, so that a newer
 * release changes nothing for what is queued. It is laid out as this package is.
 */
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../base/package-root.js';
import { storeError } from './atomic.js';
import type { RunPaths } from './run-folder.js';

/** What a worker does without: it loads no settings, and transpiles nothing. */
const NOT_NEEDED = /\.(map|d\.ts|pyc)$|\/__pycache__$|\/dist\/vendor$|\/THIRD_PARTY_LICENSES/;

/** The folder of the tool, absolute; it is there once this has returned. Throws STORE_FAILED. */
export function makeTool(paths: RunPaths): string {
  const tool = join(paths.dir, 'tool');
  if (existsSync(tool)) return tool;
  const temp = `${tool}.${process.pid}.tmp`;
  try {
    rmSync(temp, { recursive: true, force: true });
    for (const part of ['package.json', 'dist', 'python']) {
      cpSync(join(packageRoot(), part), join(temp, part), {
        recursive: true,
        dereference: true,
        filter: (source) => !NOT_NEEDED.test(source),
      });
    }
    renameSync(temp, tool);
    return tool;
  } catch (error) {
    rmSync(temp, { recursive: true, force: true });
    throw storeError('create', tool, error);
  }
}
