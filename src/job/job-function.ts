/** Job functions: the functions of `module_dir` that return jobs. */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DlJobsError, JobError } from '../base/errors.js';
import { exportedFunction } from '../base/exported-function.js';
import type { ResolvedSettings } from '../config/load.js';
import { nearest } from '../config/nearest.js';
import { findModule } from '../snapshot/find-module.js';
import { readSignatures, type FunctionSignature } from '../snapshot/signature.js';
import { loadedFile, realRoot, takeSnapshot } from '../snapshot/snapshot.js';
import { cachedText } from '../snapshot/trace-cache.js';
import { mapStack } from './map-stack.js';
import { dlsRootOf } from './prepare.js';
import { writeCode } from './write-code.js';

export interface JobFunction {
  /** File relative to the project root. */
  readonly file: string;
  readonly method: string;
  readonly signature: FunctionSignature;
  /** Imports the module and returns the function. Throws MODULE_LOAD_FAILED. */
  load(): Promise<(...args: unknown[]) => unknown>;
  /** A stack in the user's own files. */
  mapStack(stack: string): string;
}

/** Folder of job functions, absolute. */
export function moduleFolder(settings: ResolvedSettings): string {
  const { module_dir: folder } = settings.values;
  return isAbsolute(folder) ? folder : join(realRoot(settings.project.root), folder);
}

/** Splits METHOD: `a.b.c` is module `a.b`, method `c`; a name that is a module itself means its default method. */
function splitMethod(method: string, settings: ResolvedSettings): { module: string; name: string } {
  const dot = method.lastIndexOf('.');
  const { default_method: defaultMethod } = settings.values;
  if (dot < 0) return { module: method, name: defaultMethod };
  const folder = moduleFolder(settings);
  const module = method.slice(0, dot);
  if (!exists(folder, module) && exists(folder, method)) return { module: method, name: defaultMethod };
  return { module, name: method.slice(dot + 1) };
}

function exists(root: string, module: string): boolean {
  try {
    findModule(root, module);
    return true;
  } catch (error) {
    if (error instanceof DlJobsError && error.code === 'MODULE_NOT_FOUND') return false;
    throw error;
  }
}

/**
 * Finds `a.b.c` without running anything. Throws MODULE_NOT_FOUND, MODULE_AMBIGUOUS, JOB_FUNCTION_NOT_FOUND.
 *
 * @param cacheRoot - what is made on the way stays in `cache/` there
 */
export async function findJobFunction(
  method: string,
  settings: ResolvedSettings,
  cacheRoot = dlsRootOf(settings),
): Promise<JobFunction> {
  const root = realRoot(settings.project.root);
  const folder = moduleFolder(settings);
  const { module, name } = splitMethod(method, settings);
  const found = findModule(folder, module);
  if (found.language === 'python') {
    throw new JobError(
      'JOB_FUNCTION_NOT_FOUND',
      `${join(folder, found.file)}: job functions in Python are not supported yet`,
      {
        hint: 'Write the job function in TypeScript; the task function it names may be Python.',
      },
    );
  }
  const path = join(folder, found.file);
  const file = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
  const signatures = await moduleSignatures(path, cacheRoot);
  const signature = signatures.find((s) => s.name === name);
  if (signature === undefined) {
    const names = signatures.map((s) => s.name);
    const near = nearest(name, names);
    throw new JobError(
      'JOB_FUNCTION_NOT_FOUND',
      `expected an exported function \`${name}\` in ${file}, found none`,
      {
        hint:
          near !== undefined
            ? `Did you mean ${module}.${near}?`
            : names.length > 0
              ? `It has: ${names.join(', ')}.`
              : 'Export a function that returns a DLJob.',
      },
    );
  }
  return loadable(signature, {
    root,
    file,
    module,
    dlsRoot: dlsRootOf(settings),
    cacheRoot,
    python: settings.values.python,
  });
}

/** A job function's place: `file` is relative to `root`. */
interface Place {
  readonly root: string;
  readonly file: string;
  readonly module: string;
  readonly dlsRoot: string;
  readonly cacheRoot: string;
  /** The interpreter. */
  readonly python: string;
}

function loadable(signature: FunctionSignature, place: Place): JobFunction {
  const { root, file, module, dlsRoot, cacheRoot, python } = place;
  const { name } = signature;
  let mapping = (stack: string): string => stack;
  return {
    file,
    method: name,
    signature,
    mapStack: (stack) => mapping(stack),
    load: async () => {
      const snapshot = await takeSnapshot({
        root,
        entries: [{ file, language: 'node', module }],
        modules: [],
        packages: null,
        dlsRoot,
        cacheRoot,
        python: () => python,
      });
      const code = writeCode(snapshot, join(cacheRoot, 'cache', 'code'));
      mapping = (stack) => mapStack(stack, code, root);
      return await importJobModule(join(code, loadedFile(snapshot, file)), file, name, mapping);
    },
  };
}

/** Function `name` of the module at `path`, which was made of source file `file`. Throws MODULE_LOAD_FAILED. */
export async function importJobModule(
  path: string,
  file: string,
  name: string,
  mapping: (stack: string) => string,
): Promise<(...args: unknown[]) => unknown> {
  const fn = exportedFunction(await importModule(path, file, mapping), name);
  if (fn !== undefined) return fn;
  throw new JobError('JOB_FUNCTION_NOT_FOUND', `expected \`${name}\` of ${file} to be a function`, {
    hint: 'A job function returns a DLJob, an array of them, or nothing.',
  });
}

async function importModule(
  path: string,
  file: string,
  mapping: (stack: string) => string,
): Promise<Record<string, unknown>> {
  // From here on stacks name the lines of the user's sources.
  process.setSourceMapsEnabled(true);
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof DlJobsError) throw error;
    const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    throw new JobError('MODULE_LOAD_FAILED', `${file} cannot be loaded: ${mapping(text)}`, {
      hint: 'It threw while it was imported.',
      cause: error,
    });
  }
}

/** The exported functions of a source file; parsing is remembered by content. */
export async function moduleSignatures(path: string, dlsRoot: string): Promise<FunctionSignature[]> {
  const source = readFileSync(path, 'utf8');
  const text = await cachedText(dlsRoot, `signatures ${path}\0${source}`, async () =>
    JSON.stringify(await readSignatures(source, path)),
  );
  return JSON.parse(text) as FunctionSignature[];
}
