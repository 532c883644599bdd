/** Files that `data` of a job names, by path or pattern. */
import { readdirSync, realpathSync, statSync, type Stats } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { JobError } from '../../base/errors.js';

/** Never entered by a pattern: what is in them is nobody's data. */
const SKIPPED = new Set(['node_modules', '__pycache__']);
const MAGIC = /[*?[{]/;

export interface DataFiles {
  /** Relative to the project, `/` as separator; sorted. */
  readonly files: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * `*`, `?`, `[a-z]`, `[!a]` and `{a,b}` as in a shell, `**` is any number of folders. Names that begin with a dot must
 * be named with it. Throws BUNDLE_INVALID for a path that is no file of the project.
 *
 * @param root - of the project, absolute
 * @param dlsRoot - where runs are: never data
 */
export function dataFiles(patterns: readonly string[], root: string, dlsRoot: string): DataFiles {
  const files = new Set<string>();
  const warnings: string[] = [];
  for (const pattern of patterns) {
    const path = inProject(pattern, root);
    const stat = look(join(root, path));
    // A file may have a name that looks like a pattern.
    if (stat?.isFile() === true) files.add(path);
    else if (stat !== null || !MAGIC.test(path)) throw noFile(pattern, stat, root);
    else {
      const found = new Search(root, dlsRoot).find(path);
      if (found.length === 0) warnings.push(`data: no file of the project matches \`${pattern}\``);
      for (const file of found) files.add(file);
    }
  }
  return { files: [...files].sort(), warnings };
}

function inProject(pattern: string, root: string): string {
  const path = relative(root, resolve(root, pattern)).split(sep).join('/');
  if (path !== '..' && !path.startsWith('../') && !isAbsolute(path) && !pattern.includes('\0')) return path;
  throw new JobError('BUNDLE_INVALID', `data: expected a file of the project, got \`${pattern}\``, {
    hint: `What travels with a job lies below ${root}: copy or link it there.`,
  });
}

function noFile(pattern: string, stat: Stats | null, root: string): JobError {
  if (stat === null) {
    return new JobError('BUNDLE_INVALID', `data: expected a file, found none at \`${pattern}\``, {
      hint: `Paths begin at the project root, ${root}.`,
    });
  }
  const what = stat.isDirectory() ? 'a folder' : 'something else';
  return new JobError('BUNDLE_INVALID', `data: expected a file, got ${what}, \`${pattern}\``, {
    hint: `For all files below it write \`${pattern.replace(/\/+$/, '')}/**\`.`,
  });
}

function look(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

class Search {
  readonly #root: string;
  readonly #dlsRoot: string;
  readonly #found = new Set<string>();

  constructor(root: string, dlsRoot: string) {
    this.#root = root;
    this.#dlsRoot = dlsRoot;
  }

  find(pattern: string): string[] {
    for (const plain of expandBraces(pattern)) {
      const parts = plain.split('/').filter((part, i, all) => part !== '**' || all[i - 1] !== '**');
      if (parts.at(-1) === '**') parts.push('*');
      this.#walk('', parts, []);
    }
    return [...this.#found];
  }

  /** `above`: folders on the way, without links, so that a link back into one of them is not followed for ever. */
  #walk(folder: string, parts: readonly string[], above: readonly string[]): void {
    const [part = '', ...rest] = parts;
    if (part === '**') {
      this.#walk(folder, rest, above);
      for (const name of this.#names(folder, /^[^.]/)) {
        const inner = join(folder, name);
        const real = this.#folder(inner);
        if (real !== null && !above.includes(real)) this.#walk(inner, parts, [...above, real]);
      }
      return;
    }
    const names = MAGIC.test(part) ? this.#names(folder, segment(part)) : [part];
    for (const name of names) {
      const inner = join(folder, name);
      if (rest.length > 0) {
        const real = this.#folder(inner);
        if (real !== null) this.#walk(inner, rest, [...above, real]);
      } else if (look(join(this.#root, inner))?.isFile() === true) {
        this.#found.add(inner.split(sep).join('/'));
      }
    }
  }

  #names(folder: string, wanted: RegExp): string[] {
    try {
      return readdirSync(join(this.#root, folder)).filter((name) => wanted.test(name) && !SKIPPED.has(name));
    } catch {
      return [];
    }
  }

  /** Its path without links; null: it is no folder, or not one to look into. */
  #folder(path: string): string | null {
    const whole = join(this.#root, path);
    if (whole === this.#dlsRoot || look(whole)?.isDirectory() !== true) return null;
    try {
      return realpathSync(whole);
    } catch {
      return null;
    }
  }
}

/** `a{b,c}d` as `abd` and `acd`; a brace without its fellow, or without a comma, stands for itself. */
function expandBraces(pattern: string): string[] {
  for (let open = pattern.indexOf('{'); open >= 0; open = pattern.indexOf('{', open + 1)) {
    const commas = [open];
    let depth = 0;
    for (let i = open; i < pattern.length; i++) {
      const letter = pattern[i];
      if (letter === '{') depth++;
      else if (letter === ',' && depth === 1) commas.push(i);
      else if (letter === '}' && --depth === 0) {
        if (commas.length === 1) break;
        const ends = [...commas.slice(1), i];
        return commas.flatMap((from, k) =>
          expandBraces(pattern.slice(0, open) + pattern.slice(from + 1, ends[k]) + pattern.slice(i + 1)),
        );
      }
    }
  }
  return [pattern];
}

/** What one part of a path must be like. */
function segment(part: string): RegExp {
  let source = part.startsWith('.') ? '' : '(?!\\.)';
  for (let i = 0; i < part.length; i++) {
    const letter = part.charAt(i);
    const close = letter === '[' ? part.indexOf(']', i + (/^\[!?\]/.test(part.slice(i)) ? 3 : 2)) : -1;
    if (letter === '*') source += '[^]*';
    else if (letter === '?') source += '[^]';
    else if (close > 0) {
      const inside = part.slice(i + 1, close).replace(/[\\\]^[]/g, '\\$&');
      source += `[${inside.replace(/^!/, '^')}]`;
      i = close;
    } else source += letter.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  try {
    return new RegExp(`^${source}$`, 'u');
  } catch {
    // A range whose ends are in the wrong order matches nothing.
    return /[^]^/;
  }
}
