/**
 * Keeps what tracing and transpiling found, under `<dls_root>/cache/`, for as long as it would find the same:
 * every traced file, its namesakes (a new file can win a resolution) and the files that steer resolution
 * are compared by content.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../base/package-root.js';
import type { NodeFile } from './node-graph.js';

declare const DL_JOBS_VERSION: string;

interface CacheEntry {
  readonly stamp: string;
  readonly files: readonly NodeFile[];
}

/** What `build` gives, or gave before from the same sources. */
export async function cached(
  dlsRoot: string,
  root: string,
  key: string,
  build: () => Promise<NodeFile[]>,
): Promise<readonly NodeFile[]> {
  const folder = join(dlsRoot, 'cache', 'trace');
  const path = join(folder, `${sha(`${root}\0${key}`)}.json`);
  try {
    const entry = JSON.parse(readFileSync(path, 'utf8')) as CacheEntry;
    if (entry.stamp === stampOf(root, entry.files)) return entry.files;
  } catch {
    // Not there, torn, or a traced file is gone: build.
  }
  const files = await build();
  writeCache(path, JSON.stringify({ stamp: stampOf(root, files), files } satisfies CacheEntry));
  return files;
}

/** The name up to its first dot. */
function stemOf(name: string): string {
  const dot = name.indexOf('.', 1);
  return dot < 0 ? name : name.slice(0, dot);
}

function stampOf(root: string, files: readonly NodeFile[]): string {
  const hash = createHash('sha256');
  hash.update(
    // An import of dl-jobs can be an absolute path of this installation.
    `${typeof DL_JOBS_VERSION === 'string' ? DL_JOBS_VERSION : 'source'} ${process.versions.node} ${packageRoot()}\0`,
  );
  const folders = new Set<string>();
  const stems = new Set(files.flatMap(({ file }) => file.split('/').map(stemOf)));
  for (const { file } of files) {
    hash.update(`${file}\0`).update(readFileSync(join(root, file)));
    for (let folder = dirname(file); ; folder = dirname(folder)) {
      folders.add(folder);
      if (folder === '.') break;
    }
  }
  for (const folder of [...folders].sort()) {
    const names = readdirSync(join(root, folder)).sort();
    // Only a namesake of something traced can be found in its place; results and logs come and go beside the code.
    const namesakes = names.filter((name) => stems.has(stemOf(name)));
    hash.update(`${folder}\0${namesakes.join('\0')}\0`);
    for (const steering of ['package.json', 'tsconfig.json']) {
      if (names.includes(steering)) hash.update(readFileSync(join(root, folder, steering)));
    }
  }
  return hash.digest('hex');
}

function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

/** Text that depends on nothing but `key`. */
export async function cachedText(
  dlsRoot: string,
  key: string,
  build: () => Promise<string>,
): Promise<string> {
  const version = typeof DL_JOBS_VERSION === 'string' ? DL_JOBS_VERSION : 'source';
  const path = join(dlsRoot, 'cache', 'text', sha(`${version}\0${key}`));
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not there yet.
  }
  const text = await build();
  writeCache(path, text);
  return text;
}

/** What was noted under `key` by {@link note}; '' when nothing was. A hint, never more. */
export function noted(dlsRoot: string, key: string): string {
  try {
    return readFileSync(join(dlsRoot, 'cache', 'notes', sha(key)), 'utf8');
  } catch {
    return '';
  }
}

/** Notes a hint for later invocations. */
export function note(dlsRoot: string, key: string, text: string): void {
  if (noted(dlsRoot, key) !== text) writeCache(join(dlsRoot, 'cache', 'notes', sha(key)), text);
}

function writeCache(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const temp = `${path}.${process.pid}.tmp`;
    writeFileSync(temp, text);
    renameSync(temp, path);
  } catch {
    // A cache that cannot be written costs time only.
  }
}
