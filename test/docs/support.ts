/** Folders in which the documented commands and the examples are run. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './markdown.js';

const BIN = join(ROOT, 'dist/cli/bin.js');

export interface Finished {
  readonly code: number | null;
  /** stdout and stderr, as a terminal would show them. */
  readonly output: string;
}

/** A folder that is removed when the test file ends: see {@link removeFolders}. */
export function makeFolder(): string {
  if (!existsSync(BIN)) throw new Error('dist/ is missing: run `npm run build` first');
  const folder = mkdtempSync(join(tmpdir(), 'dl-jobs-docs-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];

/** To be called in `afterAll`. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** `node_modules` in `folder`: all packages of the repository, and dl-jobs itself as if it were installed. */
export function linkPackages(folder: string): void {
  const target = join(folder, 'node_modules');
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(target, name));
  }
  symlinkSync(ROOT, join(target, 'dl-jobs'));
}

/** A copy of one of the examples, without what an earlier run left in it; resolves to its folder. */
export function copyExample(name: string): string {
  const folder = makeFolder();
  linkPackages(folder);
  const target = join(folder, name);
  const left = new Set(['dl_jobs', 'results', 'errors', 'logs', '__pycache__']);
  const source = join(ROOT, 'examples', name);
  cpSync(source, target, {
    recursive: true,
    filter: (path) =>
      !path
        .slice(source.length + 1)
        .split('/')
        .some((part) => left.has(part)),
  });
  return target;
}

/** Writes a file of a project, with the folders above it. */
export function writeProjectFile(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** Runs one command line by bash in `cwd`, with `dl_jobs` on the path and none of our settings in the environment. */
export async function shell(
  cwd: string,
  command: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const bin = makeFolder();
  writeFileSync(join(bin, 'dl_jobs'), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`);
  chmodSync(join(bin, 'dl_jobs'), 0o755);
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('DL_JOBS_'));
  const path = `${bin}:${process.env['PATH'] ?? ''}`;
  const env = { ...Object.fromEntries(kept), ...more, NO_COLOR: '1', PATH: path };
  // One pipe for both, so that lines keep their order.
  const child = spawn('bash', ['-c', `exec 2>&1\n${command}`], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, output };
}
