/** Runs a command line in this process and keeps what it wrote. */
import { main } from '../../src/cli/main.js';
import type { Output } from '../../src/cli/io.js';

function memory(): Output & { text: string } {
  return {
    text: '',
    write(data) {
      this.text += typeof data === 'string' ? data : Buffer.from(data).toString();
      return true;
    },
    flush: async () => undefined,
    isTTY: false,
    columns: undefined,
    closed: false,
  };
}

export async function capture(
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout = memory();
  const stderr = memory();
  const code = await main({
    argv,
    env,
    cwd,
    stdout,
    stderr,
    stdin: (async function* (): AsyncGenerator<Uint8Array> {})(),
    announce: () => undefined,
    now: () => Date.now(),
    onSignal: () => () => undefined,
  });
  return { code, stdout: stdout.text, stderr: stderr.text };
}
