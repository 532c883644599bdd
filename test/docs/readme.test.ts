import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { allPages, ROOT } from './markdown.js';
import { makeFolder, removeFolders, shell } from './support.js';

afterAll(removeFolders);

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const commands = [...readme.matchAll(/^npm ci && (.+)$/gm)].map((match) => match[1] ?? '');

describe('README.md', () => {
  it('shows code before line 30', () => {
    expect(readme.split('\n').findIndex((line) => line.startsWith('```')) + 1).toBeLessThan(30);
  });

  it('has two commands to paste: one runs an example, one runs the tests', () => {
    expect(commands).toHaveLength(2);
    expect(commands[1]).toBe('npm test');
  });

  it('runs its example as it stands, twice', { timeout: 240_000 }, async () => {
    const folder = makeFolder();
    for (const name of ['dist', 'python', 'node_modules', 'package.json'])
      symlinkSync(join(ROOT, name), join(folder, name));
    cpSync(join(ROOT, 'examples'), join(folder, 'examples'), {
      recursive: true,
      filter: (path) => !/[/\\](dl_jobs|results|errors|logs|__pycache__)$/.test(path),
    });
    for (let round = 0; round < 2; round++) {
      const { code, output } = await shell(folder, commands[0] ?? '');
      expect(code, output).toBe(0);
    }
    const results = readFileSync(join(folder, 'examples/countries/results/countries.ndjson'), 'utf8');
    expect(results.trimEnd().split('\n')).toHaveLength(177);
  });
});

describe('links between pages', () => {
  it.each(allPages())('$path leads to pages and headings that exist', ({ path, text }) => {
    const dead: string[] = [];
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', heading] = target.split('#');
      const page = file === '' ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, page))) dead.push(target);
      else if (heading !== undefined && !headings(readFileSync(join(ROOT, page), 'utf8')).has(heading))
        dead.push(target);
    }
    expect(dead).toEqual([]);
  });
});

/** The anchors of a page, as GitHub makes them. */
function headings(text: string): Set<string> {
  const titles = text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...titles].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replace(/ /g, '-'),
    ),
  );
}
