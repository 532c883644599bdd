/**
 * How code of a snapshot finds installed packages: its `node_modules` becomes a folder of links, to those that were
 * installed for the job first, then to those of the project. Node goes on from where a link leads, so each package
 * finds its own dependencies beside itself.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** The nearest folder of packages, in `root` or above it; null: there is none. */
export function modulesAbove(root: string): string | null {
  for (let folder = root; ; folder = dirname(folder)) {
    const modules = join(folder, 'node_modules');
    if (existsSync(modules)) return modules;
    if (folder === dirname(folder)) return null;
  }
}

/**
 * @param code - the snapshot's folder
 * @param root - the project that it was made of
 * @param packages - the `node_modules` of what was installed
 */
export function linkPackages(code: string, root: string, packages: string): void {
  const target = join(code, 'node_modules');
  const links = new Map<string, string>();
  addLinks(links, packages);
  // Tasks have the one that runs them.
  links.delete('dl-jobs');
  const project = modulesAbove(root);
  if (project !== null) addLinks(links, project);
  if (lstatSync(target, { throwIfNoEntry: false })?.isDirectory() !== true) makeFolder(target, links);
  // One by one: tasks may be using the others.
  for (const [name, path] of links) putLink(join(target, name), path);
}

/** Puts a folder of these links in the place of the one link to the project's packages. */
function makeFolder(target: string, links: ReadonlyMap<string, string>): void {
  const temp = `${target}.${unique()}`;
  try {
    mkdirSync(temp);
    for (const [name, path] of links) putLink(join(temp, name), path);
    try {
      unlinkSync(target);
    } catch {
      // There was none, or somebody else has put a folder there.
    }
    renameSync(temp, target);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

function putLink(link: string, path: string): void {
  try {
    if (readlinkSync(link) === path) return;
  } catch {
    mkdirSync(dirname(link), { recursive: true });
  }
  const temp = `${link}.${unique()}`;
  symlinkSync(path, temp);
  renameSync(temp, link);
}

function unique(): string {
  return `${process.pid}-${Math.random().toString(36).slice(2, 8)}.tmp`;
}

/** Packages by name, `@scope/name` too; those that are there already stay. */
function addLinks(links: Map<string, string>, modules: string): void {
  for (const name of namesIn(modules)) {
    // What npm notes of its own work.
    if (name === '.package-lock.json') continue;
    const path = join(modules, name);
    const members = name.startsWith('@') ? namesIn(path).map((inner) => `${name}/${inner}`) : [name];
    for (const member of members) if (!links.has(member)) links.set(member, join(modules, member));
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
