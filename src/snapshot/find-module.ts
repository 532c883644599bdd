/** From a dotted module name to the file that holds it. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { JobError } from '../base/errors.js';
import type { Language } from '../contract/spec.js';

const NODE_EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

export interface FoundModule {
  /** Relative to the root, `/` as separator. */
  readonly file: string;
  readonly language: Language;
}

/**
 * `tiles.segment` is `tiles/segment.{ts,mts,js,mjs,cjs}`, `tiles/segment/index.*`, `tiles/segment.py` or the Python
 * package `tiles/segment/__init__.py`, under `root`.
 *
 * Throws MODULE_NOT_FOUND with near names, MODULE_AMBIGUOUS with both files.
 */
export function findModule(root: string, dotted: string): FoundModule {
  const parts = dotted.split('.');
  if (dotted === '' || parts.some((part) => part === '' || /[/\\\0]/.test(part))) {
    throw new JobError(
      'MODULE_NOT_FOUND',
      `expected a dotted module name such as tiles.segment, got \`${dotted}\``,
      {
        hint: `Modules are named from ${root}, without a file extension.`,
      },
    );
  }
  const base = parts.join('/');
  const candidates = [
    ...NODE_EXTENSIONS.map((extension) => `${base}${extension}`),
    ...NODE_EXTENSIONS.map((extension) => `${base}/index${extension}`),
    `${base}.py`,
    `${base}/__init__.py`,
  ].filter((file) => isFile(join(root, file)));
  const [first, second] = candidates;
  if (first === undefined) throw notFound(root, dotted);
  if (second !== undefined) {
    throw new JobError('MODULE_AMBIGUOUS', `\`${dotted}\` is both ${candidates.join(' and ')} in ${root}`, {
      hint: 'Rename or remove one of them.',
    });
  }
  return { file: first, language: first.endsWith('.py') ? 'python' : 'node' };
}

function notFound(root: string, dotted: string): JobError {
  const near = allModules(root)
    .map((name) => ({ name, far: distance(name, dotted) }))
    .filter(
      ({ name, far }) => far <= Math.max(2, Math.ceil(dotted.length / 3)) || name.endsWith(`.${dotted}`),
    )
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ name }) => name);
  return new JobError(
    'MODULE_NOT_FOUND',
    `expected a module \`${dotted}\`: ${dotted.replaceAll('.', '/')}.{ts,mts,cts,js,mjs,cjs,py} in ${root}, found none`,
    {
      hint:
        near.length > 0
          ? `Did you mean ${near.join(' or ')}?`
          : 'Module names are dotted paths from the project root.',
    },
  );
}

const SKIPPED = new Set(['node_modules', '__pycache__', 'dist', 'results', 'errors', 'logs', 'dl_jobs']);

/** Dotted names of the modules under `root`, a few folders deep; for suggestions and listings. */
export function allModules(root: string, depth = 4): string[] {
  const names: string[] = [];
  const walk = (folder: string, prefix: string, left: number): void => {
    let entries;
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) {
      if (entry.name.startsWith('.') || SKIPPED.has(entry.name) || names.length > 5_000) continue;
      if (entry.isDirectory()) {
        if (left > 0) walk(join(folder, entry.name), `${prefix}${entry.name}.`, left - 1);
        continue;
      }
      const match = /^(.+?)\.(?:ts|mts|cts|js|mjs|cjs|py)$/.exec(entry.name);
      if (match === null || /\.d\.[mc]?ts$/.test(entry.name)) continue;
      const stem = match[1] as string;
      names.push(stem === 'index' || stem === '__init__' ? prefix.slice(0, -1) : prefix + stem);
    }
  };
  walk(root, '', depth);
  return names.filter((name) => name !== '').sort();
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
