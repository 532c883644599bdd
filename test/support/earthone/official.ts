/** The vendor's own client, in a virtual environment that is kept between runs. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const OFFICIAL = 'earthdaily-earthone==6.2.0';

/** Where it lies, once it is installed. */
export const officialFolder = (): string => join(tmpdir(), `dl-jobs-tests-${OFFICIAL.replace('==', '-')}`);

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/** @returns its Python */
export function installOfficial(): string {
  const folder = officialFolder();
  const python = join(folder, 'bin/python');
  if (!existsSync(python)) {
    // Under another name until it is whole: a run that is stopped meanwhile leaves no half of it.
    const partial = `${folder}.${process.pid}`;
    mkdirSync(partial, { recursive: true });
    try {
      run('python3', '-m', 'venv', partial);
      run(join(partial, 'bin/python'), '-m', 'pip', 'install', '--quiet', OFFICIAL);
      renameSync(partial, folder);
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      // Another run was quicker.
      if (!existsSync(python)) throw error;
    }
  }
  return python;
}
