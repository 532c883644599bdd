/** Job functions: the functions of `module_dir` that return jobs. */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DlJobsError, JobError } from '../base/errors.js';
import { exportedFunction } from '../base/exported-function.js';
import type { ResolvedSettings } from '../config/load.js';
import { nearest } from '../config/nearest.js';
import { findModule } from '../snapshot/find-module.js';
import { pythonModule } from '../snapshot/python-module.js';
import { readSignatures, type FunctionSignature } from '../snapshot/signature.js';
import { loadedFile, realRoot, takeSnapshot } from '../snapshot/snapshot.js';
import { cachedText } from '../snapshot/trace-cache.js';
import { resolveInterpreter } from '../worker/host-command.js';
import { mapStack } from './map-stack.js';
import { dlsRootOf } from './prepare.js';
import { readPythonSignatures, type PythonPlace } from './python-job.js';
import { writeCode } from './write-code.js';

export interface JobFunction {
  /** File relative to the project root. */
  readonly file: string;
  readonly method: string;
  /** Of one in Python, unknown. */
  readonly signature: FunctionSignature;
  /** Set: it is Python, and called with `callPythonJob`. */
  readonly python?: PythonPlace;
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
  // A folder of Python modules is a module as well, which seldom holds functions.
  const isModule = exists(folder, module) && !(isPythonPackage(folder, module) && exists(folder, method));
  if (!isModule && exists(folder, method)) return { module: method, name: defaultMethod };
  return { module, name: method.slice(dot + 1) };
}

function isPythonPackage(root: string, module: string): boolean {
  return findModule(root, module).file.endsWith('/__init__.py');
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
  const path = join(folder, found.file);
  const file = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
  if (found.language === 'python')
    return pythonFunction({ root, path, file, method: name, python: settings.values.python });
  const signatures = await moduleSignatures(path, cacheRoot);
  const signature = signatures.find((s) => s.name === name);
  if (signature === undefined) {
    throw functionMissing(
      name,
      file,
      signatures.map((s) => s.name),
      module,
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

/** What it takes is known to Python, which is asked when somebody wants to see it. */
function pythonFunction(place: Omit<PythonPlace, 'module'>): JobFunction {
  const { file, method } = place;
  return {
    file,
    method,
    signature: { name: method, params: [], doc: '', docFirstLine: '', opaque: true },
    python: { ...place, module: pythonModule(file) },
    mapStack: (stack) => stack,
    load: () => Promise.reject(new Error('a job function in Python is called, not loaded')),
  };
}

/** What a job function takes. Throws JOB_FUNCTION_NOT_FOUND for one in Python that its file does not define. */
export async function signatureOf(
  { signature, python: place }: JobFunction,
  settings: ResolvedSettings,
): Promise<FunctionSignature> {
  if (place === undefined) return signature;
  const all = await moduleSignatures(
    place.path,
    dlsRootOf(settings),
    resolveInterpreter(place.python, place.root),
  );
  const found = all.find(({ name }) => name === place.method);
  if (found !== undefined) return found;
  throw functionMissing(
    place.method,
    place.file,
    all.map(({ name }) => name),
  );
}

function functionMissing(name: string, file: string, names: readonly string[], module?: string): JobError {
  const near = nearest(name, names);
  return new JobError(
    'JOB_FUNCTION_NOT_FOUND',
    `expected an exported function \`${name}\` in ${file}, found none`,
    {
      hint:
        near !== undefined
          ? `Did you mean ${module === undefined ? near : `${module}.${near}`}?`
          : names.length > 0
            ? `It has: ${names.join(', ')}.`
            : 'Export a function that returns a DLJob.',
    },
  );
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

/**
 * The exported functions of a source file; parsing is remembered by content.
 *
 * @param python - the interpreter that reads Python, as `resolveInterpreter` gives it
 */
export async function moduleSignatures(
  path: string,
  dlsRoot: string,
  python = 'python3',
): Promise<FunctionSignature[]> {
  const source = readFileSync(path, 'utf8');
  const text = await cachedText(dlsRoot, `signatures ${path}\0${source}`, async () =>
    path.endsWith('.py')
      ? await readPythonSignatures(path, python)
      : JSON.stringify(await readSignatures(source, path)),
  );
  return JSON.parse(text) as FunctionSignature[];
}
