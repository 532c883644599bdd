/** Asks the project's Python which of its files a module imports; the tracer reads sources and runs nothing of them. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../base/package-root.js';
import { InfrastructureError } from '../base/errors.js';

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
  const tracer = join(packageRoot(), 'python', 'dl_jobs', '_trace.py');
  const child = spawn(python, [tracer], { stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const complaint: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify({ root, modules, include }));
  const code = await new Promise<number | string>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? 'not found' : (error.code ?? error.message)),
    );
    child.on('close', (status, signal) => resolve(status ?? String(signal)));
  });
  if (code !== 0) {
    // The last line says it; what stands above is a traceback of a program that is no Python.
    const text = Buffer.concat(complaint).toString('utf8').trim().split('\n').at(-1) ?? '';
    throw new InfrastructureError(
      'PYTHON_NOT_FOUND',
      `cannot use \`${python}\`: ${text === '' ? String(code) : `${text} (${code})`}`,
      {
        hint: 'Set `python` in dl_jobs.config.yaml to an interpreter, 3.8 or newer; a path into a venv works.',
      },
    );
  }
  return (JSON.parse(Buffer.concat(output).toString('utf8')) as { files: string[] }).files;
}
