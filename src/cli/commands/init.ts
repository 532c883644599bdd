/** `dl_jobs init`: a small working project. */
import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { describeValue, InfrastructureError, UsageError } from '../../base/errors.js';
import { NEXT_COMMANDS, templateFiles } from '../init-template/files.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';

/** ENOTDIR, a file where a folder should be, counts too: it is in the way. */
async function isTaken(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

/** Runs `dl_jobs init`. @returns the exit code. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const [folder = '.', extra] = parsed.words;
  if (extra !== undefined || folder === '') {
    throw new UsageError('USAGE', `expected one folder, got ${describeValue(extra ?? folder)}`, {
      hint: 'Write `dl_jobs init FOLDER`, or `dl_jobs init` for the folder you are in.',
    });
  }
  const root = resolve(io.cwd, folder);
  const files = templateFiles();
  const taken: string[] = [];
  for (const [path] of files) if (await isTaken(join(root, path))) taken.push(path);
  if (taken.length > 0) {
    throw new UsageError('FILE_EXISTS', `expected none of its files in ${root}, found ${taken.join(', ')}`, {
      hint: 'Nothing was written. Choose another folder: `dl_jobs init FOLDER`.',
    });
  }
  for (const [path, text] of files) {
    const full = join(root, path);
    try {
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, text, { flag: 'wx' });
    } catch (cause) {
      throw new InfrastructureError(
        'STORE_FAILED',
        `${full} cannot be written: ${(cause as Error).message}`,
        {
          hint: 'Check the rights and the free space of the folder.',
          cause,
        },
      );
    }
  }
  io.stderr.write(`wrote ${files.map(([path]) => path).join(', ')} in ${root}\n\nTry next:\n`);
  const commands = root === resolve(io.cwd) ? NEXT_COMMANDS : [`cd ${quote(folder)}`, ...NEXT_COMMANDS];
  io.stderr.write(commands.map((command) => `  ${command}\n`).join(''));
  return 0;
}
