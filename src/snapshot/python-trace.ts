/** Asks the project's Python which of its files a module imports; the tracer reads sources and runs nothing of them. */
import { runScript, unusable } from './python-script.js';

export interface PythonTraceRequest {
  readonly root: string;
  /** Dotted names to follow. */
  readonly modules: readonly string[];
  /** Packages to add whole. */
  readonly include: readonly string[];
  readonly python: string;
}

/** Files, relative to the root. Throws PYTHON_NOT_FOUND. */
export async function tracePython(request: PythonTraceRequest): Promise<string[]> {
  const { root, modules, include, python } = request;
  const input = JSON.stringify({ root, modules, include });
  const { how, stdout, stderr } = await runScript(python, '_trace.py', { input });
  if (how !== 0) {
    // The last line says it; what stands above is a traceback of a program that is no Python.
    const text = stderr.split('\n').at(-1) ?? '';
    throw unusable(python, text === '' ? String(how) : `${text} (${how})`);
  }
  return (JSON.parse(stdout) as { files: string[] }).files;
}
