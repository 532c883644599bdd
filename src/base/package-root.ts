import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

/** Folder of this package: where `dist/` and `python/` are. The bundler moves code between files, so it is searched upward. */
export function packageRoot(): string {
  if (found !== undefined) return found;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'python', 'dl_jobs', '_host.py'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error('the installation of dl-jobs is incomplete: python/dl_jobs is missing');
    folder = parent;
  }
  found = folder;
  return folder;
}
