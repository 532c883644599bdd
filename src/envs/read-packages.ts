/** From a job's `requirements` to what is to be installed. */
import { existsSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { JobError } from '../base/errors.js';
import type { LocalContent, Packages, PythonPackages } from '../contract/packages.js';
import type { Language } from '../contract/spec.js';
import { digestOf } from './local-content.js';
import { listedPackages, manifestPackages } from './node-packages.js';
import { installs, localSource, readText, requirementLines } from './requirement-lines.js';

export interface ReadPackagesOptions {
  readonly language: Language;
  /** The project's root, absolute. */
  readonly root: string;
  /** Absolute; never a part of what is installed. */
  readonly dlsRoot: string;
}

/**
 * Null: nothing is to be installed. `requirements` is a list, or the path of a file or of the folder that it lies in.
 *
 * Throws JOB_INVALID for a file that is not there or cannot be read.
 */
export function readPackages(
  requirements: readonly string[] | string | null,
  { language, root, dlsRoot }: ReadPackagesOptions,
): Packages | null {
  if (requirements === null) return null;
  const contents = (sources: readonly string[]): LocalContent[] => contentsOf(sources, root, dlsRoot);
  if (language === 'python') return pythonPackages(requirements, root, contents);
  return typeof requirements === 'string'
    ? manifestPackages(fileOf(requirements, root, 'package.json'), root, contents)
    : listedPackages(requirements, contents);
}

function pythonPackages(
  said: readonly string[] | string,
  root: string,
  contents: (sources: readonly string[]) => LocalContent[],
): PythonPackages | null {
  const file = typeof said === 'string' ? fileOf(said, root, 'requirements.txt') : null;
  const text = file === null ? (said as readonly string[]).join('\n') : readText(file, 'requirements');
  const { requirements, constraints } = requirementLines(text, file, root);
  // Options alone, such as the address of an index, install nothing.
  if (!requirements.some(installs)) return null;
  const sources = requirements.flatMap((line) => localSource(line, root) ?? []);
  return { language: 'python', requirements, constraints, local: contents(sources) };
}

/** A file as it is said; for a folder the file `name` in it. */
function fileOf(said: string, root: string, name: string): string {
  const path = isAbsolute(said) ? said : join(root, said);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new JobError('JOB_INVALID', `requirements: expected a file or folder, found none at ${path}`, {
      hint: `A text is a path from the project root. What to install stands in a list: requirements: [${JSON.stringify(said)}].`,
    });
  }
  return stat.isDirectory() ? join(path, name) : path;
}

/** Those that are there; the tool that installs says best what is wrong with the others. */
function contentsOf(sources: readonly string[], root: string, dlsRoot: string): LocalContent[] {
  return [...new Set(sources)].sort().flatMap((source): LocalContent[] => {
    const path = isAbsolute(source) ? source : join(root, source);
    return existsSync(path) ? [[source, digestOf(path, dlsRoot)]] : [];
  });
}
