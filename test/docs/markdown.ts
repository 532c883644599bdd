/**
 * The code in README.md and docs/*.md, as the tests of this folder run it.
 *
 * A page is a list of fenced blocks. An HTML comment on the line before a block says what it is:
 *
 * | comment | meaning |
 * |---|---|
 * | `<!-- project -->` | begins a new, empty project folder; all blocks up to the next such comment share it |
 * | `<!-- needs: slurm -->` | the commands of this project, of all its blocks, need a cluster: `test/slurm/docs.test.ts` runs them |
 * | `<!-- file: run/tiles.ts -->` | the block is this file of the project |
 * | `<!-- exit: 1 -->` | the last command of the console block ends with this exit code, not with 0 |
 * | `<!-- not run: why -->` | the block is only shown |
 *
 * A `console` block is run by bash: each `$ ` line is a command, the lines below it its stdout and stderr, where
 * `...` stands for anything (a line of its own: any number of lines). A `ts` block is type-checked.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A command of a console block. */
export interface Command {
  readonly line: number;
  readonly text: string;
  readonly expected: readonly string[];
  readonly exitCode: number;
}

/** What commands can need that is not there everywhere. */
const NEEDS = ['slurm'] as const;
export type DocsNeed = (typeof NEEDS)[number];

/** A fenced block of a page. */
export interface Block {
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** Position of its project in the page, from 0. */
  readonly project: number;
  /** What the commands of its project need; null: nothing. */
  readonly needs: DocsNeed | null;
  readonly file: string | null;
  readonly exitCode: number;
  readonly shownOnly: boolean;
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** README.md and all pages of docs/. */
export function allPages(): Page[] {
  const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.sort().map((name) => `docs/${name}`)].map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    return { path, text, blocks: parseBlocks(text) };
  });
}

/** The fenced blocks of a page of Markdown. */
export function parseBlocks(text: string): Block[] {
  const blocks: Omit<Block, 'needs'>[] = [];
  const needs = new Map<number, DocsNeed>();
  let project = 0;
  let used = false;
  let marks = new Map<string, string>();
  let open: { line: number; language: string; fence: string; body: string[] } | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    if (open) {
      if (line.trim() !== open.fence) {
        open.body.push(line);
        continue;
      }
      blocks.push({
        line: open.line,
        language: open.language,
        text: open.body.map((one) => `${one}\n`).join(''),
        project,
        file: marks.get('file') ?? null,
        exitCode: Number(marks.get('exit') ?? 0),
        shownOnly: marks.has('not run'),
      });
      used = true;
      open = null;
      marks = new Map();
      continue;
    }
    const fence = /^(`{3,})([\w-]*)\s*$/.exec(line);
    const mark = /^<!-- (project|needs|file|exit|not run)(?:: (.+))? -->$/.exec(line);
    if (fence?.[1]) open = { line: index + 1, language: fence[2] ?? '', fence: fence[1], body: [] };
    else if (mark?.[1] === 'project') {
      if (used) project++;
      used = false;
    } else if (mark?.[1] === 'needs') {
      const need = NEEDS.find((known) => known === mark[2]);
      if (need === undefined) {
        throw new Error(
          `line ${index + 1}: expected one of ${NEEDS.join(', ')}, got ${mark[2] ?? 'nothing'}`,
        );
      }
      needs.set(project, need);
    } else if (mark?.[1]) marks.set(mark[1], mark[2] ?? '');
    else if (line.trim() !== '') marks = new Map();
  }
  if (open) throw new Error(`the block that begins on line ${open.line} has no end`);
  return blocks.map((block) => ({ ...block, needs: needs.get(block.project) ?? null }));
}

/** Projects of a page whose commands are to be run, each with its blocks. */
export function projectsOf(blocks: readonly Block[], needs: DocsNeed | null): ReadonlyMap<number, Block[]> {
  const projects = new Map<number, Block[]>();
  for (const block of blocks) {
    if (block.shownOnly || block.needs !== needs) continue;
    projects.set(block.project, [...(projects.get(block.project) ?? []), block]);
  }
  for (const [index, project] of projects) {
    if (!project.some(({ language }) => language === 'console')) projects.delete(index);
  }
  return projects;
}

/** The commands of a console block. */
export function parseCommands(block: Block): Command[] {
  const commands: { line: number; text: string; expected: string[] }[] = [];
  for (const [index, line] of block.text.trimEnd().split('\n').entries()) {
    if (line.startsWith('$ ')) {
      commands.push({ line: block.line + 1 + index, text: line.slice(2), expected: [] });
    } else {
      const last = commands.at(-1);
      if (!last) throw new Error(`line ${block.line + 1}: a console block begins with a "$ " line`);
      last.expected.push(line);
    }
  }
  return commands.map((command, index) => ({
    ...command,
    exitCode: index === commands.length - 1 ? block.exitCode : 0,
  }));
}

/** A pattern for the output that `expected` describes; no lines: anything. */
export function outputPattern(expected: readonly string[]): RegExp {
  if (expected.length === 0) return /^/;
  const lines = expected.map((line) =>
    line.trim() === '...'
      ? '(?:.*\\n)*?'
      : `${line.trimEnd().split('...').map(escapeRegExp).join('.*')}[ \\t]*\\n`,
  );
  return new RegExp(`^${lines.join('')}$`);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
