/**
 * A snapshot: the user's code as it was when a round was made. What is imported is copied, transpiled beside the
 * original; everything else of the project is reachable at the same path through symbolic links.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { JobError } from '../base/errors.js';
import type { Packages } from '../contract/packages.js';
import type { Language } from '../contract/spec.js';
import { cached } from './trace-cache.js';
import { buildNodeGraph, type NodeFile } from './node-graph.js';
import { tracePython } from './python-trace.js';
import { filesOfModules } from './include-modules.js';
import { modulesAbove } from './link-packages.js';

/** A module to begin from. */
export interface Entry {
  /** Relative to the root. */
  readonly file: string;
  readonly language: Language;
  /** Dotted name. */
  readonly module: string;
}

export interface SnapshotRequest {
  /** Absolute. */
  readonly root: string;
  readonly entries: readonly Entry[];
  /** `modules` of the job: packages, folders or files to add whole. */
  readonly modules: readonly string[];
  /** What is to be installed for the code; null: nothing. */
  readonly packages: Packages | null;
  /** Absolute; also holds the cache. */
  readonly dlsRoot: string;
  /** Holds the cache instead, for who leaves nothing behind. Absolute. @default `dlsRoot` */
  readonly cacheRoot?: string | undefined;
  /** The interpreter; asked for only when there is Python to trace. */
  readonly python: () => string;
}

export interface Snapshot {
  readonly root: string;
  readonly dlsRoot: string;
  /** Names the content: the same code has the same hash. */
  readonly hash: string;
  readonly files: readonly NodeFile[];
  readonly packages: Packages | null;
}

/** Finds what the entries need and freezes it in memory. Throws MODULE_LOAD_FAILED, MODULE_NOT_FOUND. */
export async function takeSnapshot(request: SnapshotRequest): Promise<Snapshot> {
  const { root, entries, dlsRoot, cacheRoot = dlsRoot } = request;
  const included = filesOfModules(root, request.modules, dlsRoot);
  const node = [...entries.filter((e) => e.language === 'node').map((e) => e.file), ...included.node];
  const python = entries.filter((e) => e.language === 'python').map((e) => e.module);
  const files = new Map<string, NodeFile>();
  if (node.length > 0) {
    const built = await cached(cacheRoot, root, `node ${node.join('\0')}`, () =>
      buildNodeGraph(
        root,
        node.map((file) => join(root, file)),
      ),
    );
    for (const file of built) files.set(file.file, file);
  }
  if (python.length > 0 || included.python.length > 0) {
    const traced = await cached(
      cacheRoot,
      root,
      `python ${python.join('\0')}\n${included.python.join('\0')}`,
      async () => {
        const names = await tracePython({
          root,
          modules: python,
          include: included.python,
          python: request.python(),
        });
        return names.map((file): NodeFile => ({ file, output: null, code: '', map: '' }));
      },
    );
    for (const file of traced) files.set(file.file, file);
  }
  const list = [...files.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
  const hash = createHash('sha256');
  for (const { file } of list)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  const { packages } = request;
  if (packages !== null) hash.update(JSON.stringify(packages));
  return { root, dlsRoot, hash: hash.digest('hex').slice(0, 16), files: list, packages };
}

/** The file to load for a source file of the snapshot, relative to the snapshot's root. */
export function loadedFile(snapshot: Snapshot, file: string): string {
  return snapshot.files.find((f) => f.file === file)?.output ?? file;
}

/** Says what is to be installed for the code. */
const PACKAGES_FILE = '.dl_jobs-packages.json';

/** Never linked: our own runs would be found again in each snapshot, and version control is no code. */
const NEVER_LINKED = new Set(['.git', '.hg', '.svn', '__pycache__']);

/** Writes a snapshot to `<folder>/<hash>` unless it is there. Returns that folder. */
export function writeSnapshot(snapshot: Snapshot, folder: string): string {
  const target = join(folder, snapshot.hash);
  if (existsSync(target)) return target;
  const temp = join(folder, `.${snapshot.hash}.${process.pid}.${Math.random().toString(36).slice(2, 8)}`);
  try {
    fill(snapshot, temp);
  } catch (error) {
    rmSync(temp, { recursive: true, force: true });
    throw error;
  }
  try {
    renameSync(temp, target);
  } catch (error) {
    // Another process wrote the same content first.
    rmSync(temp, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}

function fill(snapshot: Snapshot, temp: string): void {
  const folders = new Set<string>(['']);
  for (const { file } of snapshot.files) {
    for (let parent = dirname(file); parent !== '.'; parent = dirname(parent)) folders.add(parent);
  }
  const taken = new Set<string>();
  for (const path of folders) {
    mkdirSync(join(temp, path), { recursive: true });
    taken.add(path);
  }
  for (const { file, output, code, map } of snapshot.files) {
    writeFileSync(join(temp, file), readFileSync(join(snapshot.root, file)));
    taken.add(file);
    if (output === null) continue;
    writeFileSync(join(temp, output), code);
    writeFileSync(join(temp, `${output}.map`), map);
    taken.add(output).add(`${output}.map`);
  }
  if (snapshot.packages !== null) {
    writeFileSync(join(temp, PACKAGES_FILE), JSON.stringify(snapshot.packages));
    taken.add(PACKAGES_FILE);
  }
  for (const path of folders) linkTheRest(snapshot, temp, path, taken);
  linkOuterModules(snapshot.root, temp);
}

/** What is to be installed for the code of the snapshot in `folder`; null: nothing. */
export function packagesOf(folder: string): Packages | null {
  try {
    return JSON.parse(readFileSync(join(folder, PACKAGES_FILE), 'utf8')) as Packages;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function linkTheRest(snapshot: Snapshot, temp: string, path: string, taken: ReadonlySet<string>): void {
  const source = join(snapshot.root, path);
  for (const name of readdirSync(source)) {
    const inside = path === '' ? name : `${path}/${name}`;
    if (taken.has(inside) || NEVER_LINKED.has(name)) continue;
    const from = join(source, name);
    if (from === snapshot.dlsRoot || isInside(from, snapshot.dlsRoot)) continue;
    symlinkSync(from, join(temp, inside));
  }
}

/** Dependencies that are installed above the project (a workspace, a home folder) must be found from the snapshot too. */
function linkOuterModules(root: string, temp: string): void {
  if (existsSync(join(temp, 'node_modules'))) return;
  const modules = modulesAbove(root);
  if (modules !== null) symlinkSync(modules, join(temp, 'node_modules'));
}

/** True when `inner` lies inside `outer`. */
function isInside(outer: string, inner: string): boolean {
  const path = relative(outer, inner);
  return path !== '' && !path.startsWith('..') && !isAbsolute(path);
}

/** The project's root without symbolic links: tracing and snapshots agree on it. Throws MODULE_NOT_FOUND. */
export function realRoot(root: string): string {
  try {
    return realpathSync(resolve(root));
  } catch (error) {
    throw new JobError('MODULE_NOT_FOUND', `the project folder ${root} cannot be read`, { cause: error });
  }
}
