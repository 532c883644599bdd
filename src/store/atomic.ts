import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { InfrastructureError } from '../base/errors.js';

/**
 * Writes `content` to `path` so that a reader sees the old file or the whole new one, whatever happens meanwhile;
 * with `sync` also after a power failure.
 */
export function writeAtomic(path: string, content: string | Uint8Array, sync: boolean): void {
  const temp = `${path}.${process.pid}.tmp`;
  try {
    const fd = openSync(temp, 'w');
    try {
      writeAll(fd, typeof content === 'string' ? Buffer.from(content) : content);
      if (sync) fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temp, path);
  } catch (error) {
    rmSync(temp, { force: true });
    throw storeError('write', path, error);
  }
}

/** Writes all of `bytes`: one write call may take only a part. Returns nothing; throws what the system says. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

const MEANINGS: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'your quota on this disk is used up',
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file',
  EMFILE: 'too many files are open',
};

/** A failed write or read of a run's files, in the user's words. */
export function storeError(verb: string, path: string, cause: unknown): InfrastructureError {
  if (cause instanceof InfrastructureError) return cause;
  if (verb !== 'read' && (cause as NodeJS.ErrnoException | null)?.code === 'ENOENT') {
    const refusal = refusalAbove(path);
    if (refusal !== null) return storeError(verb, path, refusal);
  }
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? '';
  const meaning = MEANINGS[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new InfrastructureError(
    'STORE_FAILED',
    `cannot ${verb} ${path}: ${meaning}${code ? ` (${code})` : ''}`,
    {
      hint: 'What was recorded so far is safe. Make room or set `dls_root`, `results_dir`, `errors_dir` and `log_dir` to folders you can write.',
      cause,
    },
  );
}

/** Why nothing can be made at `path`; null: it can. Node says ENOENT where a folder above is read-only. */
function refusalAbove(path: string): unknown {
  let folder = path;
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
    return null;
  } catch (error) {
    return error;
  }
}
