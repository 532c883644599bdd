/**
 * What the `requirements` of a job come to, as plain data: part of the code that was submitted, so that the same
 * environment can be built again later. Paths are relative to the project's root, `/` as separator.
 */
import type { Language } from './spec.js';

/** A file or folder that is installed from, and what it held: [path, digest]. */
export type LocalContent = readonly [path: string, digest: string];

export interface PythonPackages {
  readonly language: 'python';
  /** Lines of a requirements file; what other files said stands in its place. */
  readonly requirements: readonly string[];
  /** Lines of a constraints file. */
  readonly constraints: readonly string[];
  readonly local: readonly LocalContent[];
}

export interface NodePackages {
  readonly language: 'node';
  /** As `npm install` takes them; none: the manifest says what to install. */
  readonly specs: readonly string[];
  /** What a package.json says of dependencies; null: there are specs. */
  readonly manifest: Readonly<Record<string, unknown>> | null;
  /** The lock file beside the package.json. */
  readonly lock: { readonly name: string; readonly text: string } | null;
  /** Where an `.npmrc` may be, and paths in the manifest begin. */
  readonly folder: string;
  readonly local: readonly LocalContent[];
}

/** What to install for the tasks, besides what the interpreter or the project has. */
export type Packages = PythonPackages | NodePackages;

/** Packages that are installed, as a round uses them. */
export interface Environment {
  /** `py-` or `npm-` and a hash of what it is made of. */
  readonly name: string;
  readonly language: Language;
  /** Absolute. */
  readonly folder: string;
  /** Its interpreter, absolute; null: it has none. */
  readonly python: string | null;
}
