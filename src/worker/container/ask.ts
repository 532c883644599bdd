/** Asks a program something, and waits for its answer. */
import { spawn } from 'node:child_process';

export interface Answer {
  /** 0: it went well. Null: it was ended by a signal, or by us, or never began. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it did not begin: `ENOENT` and the like. */
  readonly error: string | null;
}

/** What a program says that we do not keep. */
const MOST = 1 << 20;

/** @param timeoutMs - after this long it is ended; 0: never */
export async function ask(program: string, args: readonly string[], timeoutMs: number): Promise<Answer> {
  return await new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(timeoutMs > 0 && { timeout: timeoutMs, killSignal: 'SIGKILL' as const }),
    });
    let stdout = '';
    let stderr = '';
    // Where no descriptors were left for pipes, there are none, and an error follows.
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (stdout.length < MOST) stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < MOST) stderr += text;
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ code: null, stdout, stderr, error: error.code ?? error.message }),
    );
    child.once('close', (code) => resolve({ code, stdout, stderr, error: null }));
  });
}

/** The last thing that a program complained of, in one line. */
export function complaint({ code, stdout, stderr, error }: Answer): string {
  if (error === 'ENOENT') return 'it is not on PATH';
  const said = `${stdout}\n${stderr}`.trim().split('\n').at(-1)?.trim() ?? '';
  return (
    error ?? (said !== '' ? said : code === null ? 'it gave no answer' : `it ended with exit code ${code}`)
  );
}
