import { execFile } from 'node:child_process';
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
export async function slurm(
  command: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string | undefined>>; timeoutMs?: number } = {},
): Promise<Ran> {
  return await new Promise((resolve) => {
    execFile(
      command,
      [...args],
      { env: options.env, timeout: options.timeoutMs ?? 30_000 },
      (error, stdout, stderr) => {
        resolve({
          code: error === null ? 0 : Number((error as { code?: unknown }).code ?? 1) || 1,
          stdout,
          stderr,
        });
      },
    );
  });
}
