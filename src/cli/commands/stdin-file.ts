import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Io } from '../io.js';
import type { GivenOptions } from '../options.js';

/**
 * `--args_list -` as a file: a job function that gets `args_list` as a keyword wants a path, and jobs may read it
 * more than once.
 */
export async function stdinFile(options: GivenOptions, io: Io): Promise<GivenOptions> {
  if (options.args_list !== '-') return options;
  const file = join(mkdtempSync(join(tmpdir(), 'dl-jobs-')), 'stdin.ndjson');
  await pipeline(io.stdin, createWriteStream(file));
  return { ...options, args_list: file };
}

/** Removes what {@link stdinFile} made; the run has its own copy of the arguments. */
export function removeStdinFile({ args_list: file }: GivenOptions): void {
  if (file !== undefined) rmSync(dirname(file), { recursive: true, force: true });
}
