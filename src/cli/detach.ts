/** `--detach`: the same command in the background, in a session of its own. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { packageRoot } from '../base/package-root.js';
import { loadSettings } from '../config/load.js';
import { dlsRootOf } from '../job/prepare.js';
import { storeError } from '../store/atomic.js';
import { DETACHED, type Announcement, type Io } from './io.js';

const ANNOUNCE_FD = 3;

/**
 * Starts the command line without `--detach`, waits until its runs exist, and prints their ids. What goes wrong before
 * is shown as if it had happened here. Returns the exit code.
 */
export async function detach(io: Io, readsStdin: boolean): Promise<number> {
  const folder = join(dlsRootOf(await loadSettings(io)), 'cache');
  const log = join(folder, `detached-${randomBytes(6).toString('hex')}.log`);
  let fd: number;
  try {
    mkdirSync(folder, { recursive: true });
    fd = openSync(log, 'ax');
  } catch (error) {
    throw storeError('create', log, error);
  }
  const child = spawn(
    process.execPath,
    [join(packageRoot(), 'dist', 'cli', 'bin.js'), ...withoutDetach(io.argv)],
    {
      cwd: io.cwd,
      env: { ...io.env, [DETACHED]: log },
      detached: true,
      stdio: [readsStdin ? 'inherit' : 'ignore', 'ignore', fd, 'pipe'],
    },
  );
  closeSync(fd);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 3));
  });
  const told = await announcement(child.stdio[ANNOUNCE_FD] as Readable);
  if (told === null) {
    const code = await ended;
    io.stderr.write(readFileSync(log));
    rmSync(log, { force: true });
    return code;
  }
  child.unref();
  for (const id of told.runs) io.stdout.write(`${id}\n`);
  io.stderr.write(`running in the background; watch it with \`dl_jobs attach ${told.runs[0] ?? ''}\`\n`);
  return 0;
}

/** What the one in the background says once its runs exist; null: it ended before. */
async function announcement(pipe: Readable): Promise<Announcement | null> {
  let text = '';
  for await (const chunk of pipe) {
    text += String(chunk);
    if (text.endsWith('\n')) break;
  }
  return text.endsWith('\n') ? (JSON.parse(text) as Announcement) : null;
}

/** Words behind `--` stay as they are. */
function withoutDetach(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const options = end < 0 ? argv : argv.slice(0, end);
  return [...options.filter((word) => !/^--detach(=.*)?$/.test(word)), ...(end < 0 ? [] : argv.slice(end))];
}
