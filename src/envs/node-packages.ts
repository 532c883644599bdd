/** What to install for TypeScript and JavaScript tasks. */
import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { describeValue, JobError } from '../base/errors.js';
import type { LocalContent, NodePackages } from '../contract/packages.js';
import { fromRoot, readText } from './requirement-lines.js';

/** Our own package: tasks always have the one that runs them. */
const OURS = 'dl-jobs';
/** The members of a package.json that name packages, and those that bear on which versions these get. */
const NEEDED = ['dependencies', 'optionalDependencies', 'peerDependencies'] as const;
const STEERING = ['peerDependenciesMeta', 'overrides'] as const;
const LOCKS = ['npm-shrinkwrap.json', 'package-lock.json'];

type Contents = (sources: readonly string[]) => LocalContent[];

/** @param said - as `npm install` takes them */
export function listedPackages(said: readonly string[], contents: Contents): NodePackages | null {
  const specs = said
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '' && spec !== OURS && !spec.startsWith(`${OURS}@`));
  if (specs.length === 0) return null;
  const local = contents(specs.flatMap((spec) => localPart(spec)?.path ?? []));
  return { language: 'node', specs, manifest: null, lock: null, folder: '', local };
}

/** Throws JOB_INVALID for a file that is no package.json, or one of workspaces. */
export function manifestPackages(file: string, root: string, contents: Contents): NodePackages | null {
  const whole = parseManifest(file);
  const folder = dirname(file);
  const lock = LOCKS.find((name) => existsSync(join(folder, name)));
  // A lock file speaks of them too, and npm compares the two.
  const kept = [...NEEDED, ...STEERING, ...(lock === undefined ? [] : ['devDependencies'])];
  const manifest = Object.fromEntries(kept.flatMap((key) => (key in whole ? [[key, whole[key]]] : [])));
  const needed = NEEDED.flatMap((key) => Object.entries(manifest[key] ?? {}) as [string, unknown][]);
  if (!needed.some(([name]) => name !== OURS)) return null;
  const sources = needed.flatMap(([, spec]) => {
    const path = typeof spec === 'string' ? localPart(spec)?.path : undefined;
    return path === undefined ? [] : [isAbsolute(path) ? path : fromRoot(root, join(folder, path))];
  });
  return {
    language: 'node',
    specs: [],
    manifest,
    lock: lock === undefined ? null : { name: lock, text: readText(join(folder, lock), 'requirements') },
    folder: fromRoot(root, folder),
    local: contents(sources),
  };
}

/** The path in what `npm install` takes, and what stands before it; null: it names a package, or an address. */
export function localPart(spec: string): { readonly before: string; readonly path: string } | null {
  const before = /^(?:@[^/@]+\/)?[^/@:.~][^/@:]*@/.exec(spec)?.[0] ?? '';
  const rest = spec.slice(before.length);
  if (rest.startsWith('file:'))
    return { before, path: rest.slice('file:'.length).replace(/^\/\/(?=\/)/, '') };
  const isPath = /^(?:\.{0,2}\/|\.{1,2}$)/.test(rest) || /^[^:]+\.(?:tgz|tar\.gz|tar)$/i.test(rest);
  return isPath ? { before, path: rest } : null;
}

/**
 * The package.json to install by. Paths are absolute in it, for it lies elsewhere than the project's; our own package
 * is taken out.
 */
export function manifestToInstall(
  { manifest }: NodePackages,
  folder: string,
): { readonly manifest: Readonly<Record<string, unknown>>; readonly isChanged: boolean } {
  let isChanged = false;
  const moved = Object.entries(manifest ?? {}).map(([key, value]): [string, unknown] => {
    if (!/ependencies$/.test(key) || typeof value !== 'object' || value === null) return [key, value];
    const members = Object.entries(value).flatMap(([name, spec]): [string, unknown][] => {
      const local = typeof spec === 'string' ? localPart(spec) : null;
      if (name !== OURS && (local === null || isAbsolute(local.path))) return [[name, spec]];
      isChanged = true;
      return name === OURS || local === null ? [] : [[name, `file:${join(folder, local.path)}`]];
    });
    return [key, Object.fromEntries(members)];
  });
  return { manifest: Object.fromEntries(moved), isChanged };
}

function parseManifest(file: string): Readonly<Record<string, unknown>> {
  const invalid = (what: string, hint: string): JobError =>
    new JobError('JOB_INVALID', `requirements: ${what}`, { hint });
  if (basename(file) !== 'package.json') {
    throw invalid(
      `expected a package.json for TypeScript and JavaScript tasks, got ${file}`,
      "Or list what `npm install` takes: requirements: ['lodash@4'].",
    );
  }
  const text = readText(file, 'requirements');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalid(`${file} is not JSON: ${(error as Error).message}`, 'Mend the file.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalid(`expected ${file} to hold an object, got ${describeValue(parsed)}`, 'Mend the file.');
  }
  const manifest = parsed as Record<string, unknown>;
  if (manifest['workspaces'] !== undefined) {
    throw invalid(
      `expected a package without workspaces, got ${file}`,
      'Name the package.json of the package that the tasks need, or list what they need.',
    );
  }
  return manifest;
}
