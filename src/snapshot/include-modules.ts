/** What `modules: [...]` of a job adds to its snapshot: packages, folders, files, by dotted name or path. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { JobError } from '../base/errors.js';

const NODE_SOURCE = /(?<!\.d)\.[mc]?[jt]sx?$/;
const SKIPPED = new Set(['node_modules', '__pycache__', '.git', 'results', 'errors', 'logs']);

export interface IncludedFiles {
  /** TypeScript and JavaScript files, relative to the root. */
  readonly node: readonly string[];
  /** Names as given, for the Python tracer. */
  readonly python: readonly string[];
}

/** `dl_jobs`, `dl-jobs` and modules of them are this package itself, and always there. Throws MODULE_NOT_FOUND. */
export function filesOfModules(root: string, modules: readonly string[], dlsRoot: string): IncludedFiles {
  const node: string[] = [];
  const python: string[] = [];
  for (const name of modules) {
    if (/^dl[_-]jobs(?:\.|$)/.test(name)) continue;
    const path = pathOf(root, name);
    if (path === null) {
      throw new JobError(
        'MODULE_NOT_FOUND',
        `modules: expected a module, folder or file of the project, got \`${name}\``,
        {
          hint: `Names are dotted (pkg.sub) or paths from ${root}.`,
        },
      );
    }
    const files = listFiles(root, path, dlsRoot);
    node.push(...files.filter((file) => NODE_SOURCE.test(file)));
    if (files.some((file) => file.endsWith('.py'))) python.push(name);
  }
  return { node: [...new Set(node)].sort(), python };
}

function pathOf(root: string, name: string): string | null {
  const dotted = name.replaceAll('.', '/');
  const extensions = ['', '.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.py'];
  for (const candidate of [name, ...extensions.map((extension) => dotted + extension)]) {
    const path = relative(root, join(root, candidate));
    if (path.startsWith('..') || isAbsolute(path)) continue;
    if (existsSync(join(root, path))) return path;
  }
  return null;
}

function listFiles(root: string, path: string, dlsRoot: string): string[] {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    const inner = path === '' ? entry.name : `${path}/${entry.name}`;
    if (SKIPPED.has(entry.name) || join(root, inner) === dlsRoot) return [];
    if (entry.isDirectory()) return listFiles(root, inner, dlsRoot);
    return entry.isFile() ? [inner] : [];
  });
}
