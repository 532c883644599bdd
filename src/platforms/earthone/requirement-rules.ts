/** Which lines of a requirements file travel: those that the platform takes, and that mean the same there. */
import { JobError } from '../../base/errors.js';
import type { Packages } from '../../contract/packages.js';

const NAME = String.raw`[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`;
const VERSION =
  String.raw`v?(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:alpha|beta|preview|pre|a|b|c|rc)[-_.]?\d*)?` +
  String.raw`(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?`;
const SPECIFIER = String.raw`\s*(?:===\s*[^\s,;()]+|[!=]=\s*${VERSION}(?:\.\*)?|(?:~=|<=|>=|<|>)\s*${VERSION})\s*`;
const PROJECT = new RegExp(
  String.raw`^\s*${NAME}\s*(?:\[\s*(?:${NAME}\s*(?:,\s*${NAME}\s*)*)?\]\s*)?(?<rest>[^]*)$`,
);
const SPECIFIERS = new RegExp(String.raw`^(?:${SPECIFIER}(?:,${SPECIFIER})*,?\s*)?$`, 'i');
const ADDRESS = /^@\s*\S+\s*$/;
const MARKER_TOKEN =
  /\s*(?:(?<paren>[()])|(?<op>===|==|~=|!=|<=|>=|<|>|(?:not\s+in|in)\b)|(?<join>(?:and|or)\b)|(?<word>"[^"]*"|'[^']*'|[a-z][a-z_.]*))\s*/y;

/** Text of the bundle's `requirements.txt`; null: nothing is to be installed. Throws BUNDLE_INVALID. */
export function requirementsText(packages: Packages | null): string | null {
  if (packages?.language !== 'python') return null;
  for (const line of packages.requirements) {
    const problem = problemOf(line);
    if (problem !== null) {
      throw new JobError('BUNDLE_INVALID', `requirements: ${problem}, got \`${line}\``, {
        hint: 'EarthOne installs what a package index or an address has: `numpy`, `torch==2.1.0`, `git+https://...`.',
      });
    }
  }
  const [source] = packages.local;
  if (source !== undefined) {
    throw new JobError(
      'BUNDLE_INVALID',
      `requirements: expected what EarthOne can fetch, got \`${source[0]}\``,
      {
        hint: 'That file or folder is on this machine only. Name a package index or an address, or add its modules: modules: [...].',
      },
    );
  }
  const [constraint] = packages.constraints;
  if (constraint !== undefined) {
    throw new JobError('BUNDLE_INVALID', `requirements: expected no constraints, got \`${constraint}\``, {
      hint: 'EarthOne takes one list: write the versions into the requirements, as `numpy==1.26.4`.',
    });
  }
  return packages.requirements.join('\n');
}

function problemOf(line: string): string | null {
  const option =
    /^(?:-e|--editable|-f|--find-links|-r|--requirement|-c|--constraint)(?=[\s=./]|$)[\s=]*(.*)$/.exec(line);
  const isLocal = option !== null && !/^["']?[A-Za-z][A-Za-z+.-]*:\/\//.test(option[1] ?? '');
  if (isLocal || /(?:^|[\s=@+])file:/i.test(line)) {
    return 'expected an address, for EarthOne has not the files of this machine';
  }
  if (/^(?:[#-]|https:\/\/)/.test(line)) return null;
  if (isRequirement(line) || isRequirement(line.replace(/\+[^]*$/, ''))) return null;
  return 'expected a name with or without versions, an option or an https address';
}

/** PEP 508. */
function isRequirement(text: string): boolean {
  const rest = PROJECT.exec(text)?.groups?.['rest'];
  if (rest === undefined) return false;
  // An address may have a semicolon in it: there a blank must stand before the marker's.
  const end = rest.startsWith('@') ? /\s;/.exec(rest)?.index : rest.indexOf(';');
  const isWhole = end === undefined || end < 0;
  const what = (isWhole ? rest : rest.slice(0, end)).trim();
  const marker = isWhole ? null : rest.slice(end).replace(/^\s*;/, '');
  const bare = /^\(.*\)$/.test(what) ? what.slice(1, -1) : what;
  return (ADDRESS.test(what) || SPECIFIERS.test(bare)) && (marker === null || isMarker(marker));
}

function isMarker(text: string): boolean {
  const tokens: string[] = [];
  const token = new RegExp(MARKER_TOKEN);
  while (token.lastIndex < text.length) {
    const groups = token.exec(text)?.groups;
    if (groups === undefined) return false;
    tokens.push(groups['paren'] ?? Object.keys(groups).find((kind) => groups[kind] !== undefined) ?? '');
  }
  let at = 0;
  const comparison = (): boolean => {
    if (tokens[at] === '(') {
      at++;
      return either() && tokens[at++] === ')';
    }
    at += 3;
    return tokens.slice(at - 3, at).join(' ') === 'word op word';
  };
  const either = (): boolean => {
    if (!comparison()) return false;
    while (tokens[at] === 'join') {
      at++;
      if (!comparison()) return false;
    }
    return true;
  };
  return either() && at === tokens.length;
}
