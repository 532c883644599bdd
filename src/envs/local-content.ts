/** What a file or folder holds that packages are installed from, as a digest. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Made by builds and runs, or no part of what is installed. */
const SKIPPED = new Set(['node_modules', '__pycache__', 'build', 'dist', 'results', 'errors', 'logs']);

/** @param skip - an absolute path that is left out: runs change it */
export function digestOf(path: string, skip: string): string {
  const hash = createHash('sha256');
  addPath(hash, path, '', skip);
  return hash.digest('hex').slice(0, 16);
}

function addPath(hash: Hash, path: string, name: string, skip: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() === true) {
    hash.update(`${name}\0${stat.size}\0`);
    addContent(hash, path);
  } else if (stat?.isDirectory() === true) {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const inner = join(path, entry.name);
      if (inner === skip || isSkipped(entry.name) || existsSync(join(inner, 'pyvenv.cfg'))) continue;
      // A link to a folder may lead back up.
      if (entry.isSymbolicLink() && statSync(inner, { throwIfNoEntry: false })?.isFile() !== true) continue;
      addPath(hash, inner, `${name}/${entry.name}`, skip);
    }
  }
}

function isSkipped(name: string): boolean {
  return SKIPPED.has(name) || name.startsWith('.') || name.endsWith('.egg-info');
}

/** In pieces: a wheel can have gigabytes. */
function addContent(hash: Hash, path: string): void {
  const piece = Buffer.alloc(1 << 20);
  const fd = openSync(path, 'r');
  try {
    for (let read = 1; read > 0;) {
      read = readSync(fd, piece, 0, piece.length, null);
      hash.update(piece.subarray(0, read));
    }
  } finally {
    closeSync(fd);
  }
}
