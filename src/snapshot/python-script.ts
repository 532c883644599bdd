/** Runs scripts of ours that read Python sources, by the project's interpreter. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { InfrastructureError } from '../base/errors.js';
import { packageRoot } from '../base/package-root.js';

/** How a script ended. */
export interface ScriptEnd {
  /** Exit code; a text: why it did not start, or the signal that ended it. */
  readonly how: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `python/dl_jobs/<name>` to its end. @param input - for its standard input */
export async function runScript(
  python: string,
  name: string,
  { args = [], input = '' }: { readonly args?: readonly string[]; readonly input?: string },
): Promise<ScriptEnd> {
  const script = join(packageRoot(), 'python', 'dl_jobs', name);
  const child = spawn(python, [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const [output, complaint]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const how = await new Promise<number | string>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => resolve(whyNot(error)));
    child.on('close', (status, signal) => resolve(status ?? String(signal)));
  });
  return {
    how,
    stdout: Buffer.concat(output).toString(),
    stderr: Buffer.concat(complaint).toString().trim(),
  };
}

/** Why a program did not start, in words. */
export function whyNot(error: NodeJS.ErrnoException): string {
  return error.code === 'ENOENT' ? 'not found' : (error.code ?? error.message);
}

/** PYTHON_NOT_FOUND */
export function unusable(python: string, why: string): InfrastructureError {
  return new InfrastructureError('PYTHON_NOT_FOUND', `cannot use \`${python}\`: ${why}`, {
    hint: 'Set `python` in dl_jobs.config.yaml to an interpreter, 3.8 or newer; a path into a venv works.',
  });
}
