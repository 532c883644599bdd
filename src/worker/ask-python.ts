/** Asks a Python interpreter which one it is. */
import { spawn } from 'node:child_process';
import { resolveInterpreter } from './host-command.js';

export interface PythonFound {
  /** Where it is, absolute. */
  readonly path: string;
  /** `3.11.2`. */
  readonly version: string;
}

/** An interpreter that asks the network before it starts takes its time. */
const PATIENCE_MS = 20_000;
const QUESTION = 'import sys; print(sys.executable); print("%d.%d.%d" % sys.version_info[:3])';

/** @returns what was found, or why it does not work, in a few words */
export async function askPython(interpreter: string, cwd: string): Promise<PythonFound | string> {
  const command = resolveInterpreter(interpreter, cwd);
  const child = spawn(command, ['-c', QUESTION], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const end = await new Promise<string | null>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? 'there is none' : error.message),
    );
    child.on('close', (code, signal) => {
      if (code === 0) resolve(null);
      else if (signal !== null)
        resolve(`it was ended by ${signal}, after ${PATIENCE_MS / 1000} s at the most`);
      else resolve(stderr.trim().split('\n').at(-1) || `it ended with exit code ${code}`);
    });
  });
  if (end !== null) return end;
  const [path = '', version = ''] = stdout.trim().split('\n').slice(-2);
  if (!/^\d+\.\d+\.\d+$/.test(version))
    return `it is no Python: it says ${JSON.stringify(stdout.slice(0, 80))}`;
  return { path: path === '' ? command : path, version };
}
