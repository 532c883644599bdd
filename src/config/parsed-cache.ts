/**
 * Remembers what a configuration file said, by its text, in the user's cache folder: loading a YAML parser takes
 * longer than everything else that a small run needs of us.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { FileSetting } from './file-setting.js';
import { parseSetting } from './parse.js';
import { isSettingKey } from './settings.js';

declare const DL_JOBS_VERSION: string;

type Env = Readonly<Record<string, string | undefined>>;

/** Where the settings of a file with this text are remembered; null: nowhere, as when we run from source. */
export function parsedPath(text: string, env: Env): string | null {
  if (typeof DL_JOBS_VERSION !== 'string') return null;
  const cache = env['XDG_CACHE_HOME'] ?? (env['HOME'] === undefined ? '' : join(env['HOME'], '.cache'));
  if (!isAbsolute(cache)) return null;
  const name = createHash('sha256').update(`${DL_JOBS_VERSION}\0${text}`).digest('hex').slice(0, 32);
  return join(cache, 'dl-jobs', `config-${name}.json`);
}

/** Null: not remembered, or not by us. */
export function readParsed(path: string | null): FileSetting[] | null {
  if (path === null) return null;
  try {
    const settings: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(settings) && settings.every(isFileSetting) ? settings : null;
  } catch {
    return null;
  }
}

/** Nothing is taken from a cache that the file itself could not say. */
function isFileSetting(given: unknown): given is FileSetting {
  const { key, value, line } = given as Partial<Record<string, unknown>>;
  return (
    typeof key === 'string' &&
    isSettingKey(key) &&
    typeof line === 'number' &&
    !('expected' in parseSetting(key, value, true))
  );
}

export function writeParsed(path: string | null, settings: readonly FileSetting[]): void {
  if (path === null) return;
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    const temp = `${path}.${process.pid}.tmp`;
    writeFileSync(temp, JSON.stringify(settings), { mode: 0o600 });
    renameSync(temp, path);
  } catch {
    // A cache that cannot be written costs time only.
  }
}
