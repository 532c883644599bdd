/** The files in which credentials and tokens are kept between processes. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../../../base/errors.js';
import { isPlainObject } from '../../../base/plain-object.js';

export type TokenFile = Readonly<Record<string, unknown>>;

/**
 * What the file holds; `{}` where there is none.
 *
 * @throws ConfigError where it cannot be read or is no JSON object. What it holds is in no message.
 */
export async function readTokenFile(path: string): Promise<TokenFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw damaged(path, `cannot be read (${code})`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw damaged(path, 'is not JSON');
  }
  if (!isPlainObject(value)) throw damaged(path, 'holds no JSON object');
  return value;
}

function damaged(path: string, what: string): ConfigError {
  return new ConfigError('CONFIG_INVALID', `the credentials file ${path} ${what}`, {
    hint: 'Remove it, and log in again.',
  });
}

/** Replaces the file at once: others see the old content or the new. Only the user may read it. */
export async function writeTokenFile(path: string, content: TokenFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // A link stays a link.
  const target = await realpath(path).catch(() => path);
  const temporary = `${target}.${randomUUID()}.tmp`;
  try {
    // `wx`: nobody can have put a file or link there whose mode would be kept.
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(content));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
