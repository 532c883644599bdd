/** Reads what pip reads: the lines of requirements files, with those of the files that they name. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { JobError } from '../base/errors.js';

export interface RequirementLines {
  readonly requirements: string[];
  readonly constraints: string[];
}

/** `-r FILE`, `-rFILE`, `--requirement FILE`, `--requirement=FILE`, and the same for constraints and folders of wheels. */
const NAMES_FILE =
  /^(?:(?<requirement>-r|--requirement(?=[\s=]))|(?<constraint>-c|--constraint(?=[\s=]))|(?<links>-f|--find-links(?=[\s=])))[\s=]*(?<named>.+)$/;
const URL_START = /^[A-Za-z][A-Za-z+.-]+:\/\//;
/** Our own package under any of its spellings: in the hosts it is there, and always the one that fits. */
const OURS = /^dl[-_.]+jobs\s*(?:$|[[<>=!~;@,( ])/i;
const ARCHIVE = /\.(?:whl|zip|tar\.gz|tgz|tar|tar\.bz2|tar\.xz)$/i;

/**
 * All lines that `text` comes to. Paths in them are relative to `root`, where pip is to run.
 *
 * Throws JOB_INVALID for a file that is not there.
 *
 * @param file - where the text stands, absolute; null: in the job
 */
export function requirementLines(text: string, file: string | null, root: string): RequirementLines {
  const all: RequirementLines = { requirements: [], constraints: [] };
  const seen = new Set([`requirements ${file}`]);
  const read = (
    content: string,
    within: string,
    into: 'requirements' | 'constraints',
    from: string,
  ): void => {
    for (const line of logicalLines(content)) {
      const { requirement, constraint, links, named = '' } = NAMES_FILE.exec(line)?.groups ?? {};
      const word = unquoted(named);
      const path = isAbsolute(word) ? word : join(within, word);
      if (URL_START.test(word)) all[into].push(line);
      else if (requirement !== undefined || constraint !== undefined) {
        const kind = constraint !== undefined || into === 'constraints' ? 'constraints' : 'requirements';
        if (seen.has(`${kind} ${path}`)) continue;
        seen.add(`${kind} ${path}`);
        read(readText(path, `${from}: \`${line}\``), dirname(path), kind, path);
      } else if (links !== undefined && existsSync(path)) {
        all[into].push(`--find-links ${quoted(fromRoot(root, path))}`);
      } else if (!OURS.test(line)) all[into].push(line);
    }
  };
  read(text, file === null ? root : dirname(file), 'requirements', file ?? 'requirements');
  return all;
}

/** True: the line names something to install, and is not an option alone. */
export function installs(line: string): boolean {
  return !line.startsWith('-') || isEditable(line);
}

/** True: what is installed follows its source. */
export function isEditable(line: string): boolean {
  return /^(?:-e|--editable)/.test(line);
}

/** Text of a file that `who` names, without a byte order mark. */
export function readText(path: string, who: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new JobError('JOB_INVALID', `${who}: expected a file, found none at ${path}`, {
      hint: 'Paths in `requirements` begin at the project root, those in a requirements file beside it.',
      cause: error,
    });
  }
}

/** Lines without comments and blanks; one that ends with a backslash goes on in the next. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let held = '';
  for (const line of text.split(/\r\n|\r|\n/)) {
    const isComment = /^\s*#/.test(line);
    if (!isComment && line.endsWith('\\')) {
      held += line.slice(0, -1);
      continue;
    }
    lines.push(isComment ? held : held + line);
    held = '';
  }
  lines.push(held);
  return lines.map((line) => line.replace(/(?:^|\s+)#.*$/, '').trim()).filter((line) => line !== '');
}

/** A file's name without quotes, and with variables filled in, which pip does before it reads a line. */
function unquoted(word: string): string {
  return word
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .replace(/\$\{([A-Z0-9_]+)\}/g, (whole, name: string) => process.env[name] ?? whole);
}

function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`;
}

/** As few words as name it: relative to `root` where it lies below. */
export function fromRoot(root: string, path: string): string {
  const inside = relative(root, path).split(sep).join('/');
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside === '' ? '.' : inside;
}

/** The file or folder below or beside `root` that a line installs from; null: it names a project, or an address. */
export function localSource(line: string, root: string): string | null {
  // An editable one is meant to follow its source.
  if (/^-/.test(line)) return null;
  let source = line
    .replace(/\s+--[a-z].*$/, '')
    .replace(/\s*;\s.*$/, '')
    .replace(/^[\w.-]+\s*(?:\[[^\]]*\]\s*)?@\s*/, '');
  if (source.startsWith('file:')) {
    try {
      source = fileURLToPath(source.replace(/#.*$/, ''));
    } catch {
      return null;
    }
  } else if (URL_START.test(source)) return null;
  source = source.replace(/\[[^\]]*\]$/, '').trim();
  if (!source.startsWith('.') && !source.includes('/') && !ARCHIVE.test(source)) return null;
  const path = isAbsolute(source) ? source : join(root, source);
  return statSync(path, { throwIfNoEntry: false }) === undefined ? null : fromRoot(root, path);
}
