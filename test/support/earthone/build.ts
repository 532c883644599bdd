/** What the server does with an uploaded bundle before it runs jobs. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';

const NAME = String.raw`[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`;
const EXTRAS = String.raw`(?:\s*\[\s*(?:${NAME}(?:\s*,\s*${NAME})*)?\s*\])?`;
const VERSION = String.raw`(?:===?|~=|!=|<=?|>=?)\s*[A-Za-z0-9._*+!-]+`;
const VERSIONS = String.raw`(?:\s*\(?\s*${VERSION}(?:\s*,\s*${VERSION})*\s*\)?)?`;
const REQUIREMENT = new RegExp(String.raw`^${NAME}${EXTRAS}(?:${VERSIONS}|\s*@\s*\S+)\s*(?:;.+)?$`);

/** A line of a requirements file as the vendor's client lets it pass. */
export function isRequirement(line: string): boolean {
  const text = line.trim();
  if (text === '' || /^(?:#|-|https:\/\/)/.test(text)) return true;
  return REQUIREMENT.test(text) || REQUIREMENT.test(text.split('+', 1)[0]!.trim());
}

export interface Built {
  readonly ok: boolean;
  readonly log: string;
}

/** Whether `source` compiles; what Python says about it where not. */
async function compiles(python: string, source: Uint8Array): Promise<string | null> {
  const program = "import sys; compile(sys.stdin.buffer.read(), '__dlentrypoint__.py', 'exec')";
  const child = spawn(python, ['-B', '-c', program], { stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('close', resolve);
    child.on('error', reject);
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdin.on('error', () => {});
  child.stdin.end(source);
  return (await ended) === 0 ? null : said;
}

/** Unpacks `bundle` in `folder`. */
export async function build(
  bundle: Buffer,
  folder: string,
  python: string,
  installs: boolean,
): Promise<Built> {
  const lines = [`Bundle of ${bundle.length} bytes`];
  const failed = (...why: string[]): Built => ({
    ok: false,
    log: [...lines, ...why, 'Build failed', ''].join('\n'),
  });
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bundle);
  } catch (error) {
    return failed(`The bundle is no zip archive: ${error instanceof Error ? error.message : String(error)}`);
  }
  const names = Object.keys(entries);
  const outside = names.find((name) => name.startsWith('/') || name.split(/[/\\]/).includes('..'));
  if (outside !== undefined) return failed(`Entry ${JSON.stringify(outside)} lies outside the archive`);
  const entry = entries['__dlentrypoint__.py'];
  if (entry === undefined) return failed('There is no __dlentrypoint__.py at the root of the bundle');
  lines.push(`Unpacked ${names.length} entries`);
  const trouble = await compiles(python, entry);
  if (trouble !== null) return failed(trouble.trimEnd());
  const requirements = entries['requirements.txt'];
  if (requirements !== undefined) {
    const wanted = Buffer.from(requirements).toString().split(/\r?\n/);
    const wrong = wanted.filter((line) => !isRequirement(line));
    if (wrong.length > 0)
      return failed(...wrong.map((line) => `ERROR: Invalid requirement: ${JSON.stringify(line)}`));
    const count = wanted.filter((line) => line.trim() !== '' && !line.trim().startsWith('#')).length;
    lines.push(
      installs
        ? `${count} requirements are met by the folder this server was given`
        : `${count} requirements are NOT installed: this server installs none`,
    );
  }
  for (const [name, bytes] of Object.entries(entries)) {
    const path = join(folder, name);
    if (name.endsWith('/')) {
      mkdirSync(path, { recursive: true });
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  return { ok: true, log: [...lines, 'Build succeeded', ''].join('\n') };
}
