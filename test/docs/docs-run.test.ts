import { afterAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.js';
import { allPages, outputPattern, parseCommands, type Block } from './markdown.js';
import { linkPackages, makeFolder, removeFolders, shell, writeProjectFile } from './support.js';

afterAll(removeFolders);

describe.concurrent.each(allPages())('$path', ({ blocks }) => {
  const projects = new Map<number, Block[]>();
  for (const block of blocks) {
    if (!block.shownOnly) projects.set(block.project, [...(projects.get(block.project) ?? []), block]);
  }
  for (const [index, project] of projects) {
    if (!project.some((block) => block.language === 'console')) continue;
    const needs = project.some((block) => block.language === 'python') ? requires('python3') : {};
    const title = `does what its project ${index + 1} (line ${project[0]?.line ?? 0}) shows`;
    it(title, { timeout: 120_000, ...needs }, () => runProject(project));
  }

  it('has no code that nothing checks', () => {
    const unchecked = blocks.filter(
      (block) =>
        ['python', 'bash', 'js', ''].includes(block.language) && !block.shownOnly && block.file === null,
    );
    expect(unchecked.map((block) => `line ${block.line}: ${block.language || 'no language'}`)).toEqual([]);
  });
});

async function runProject(blocks: readonly Block[]): Promise<void> {
  const folder = makeFolder();
  linkPackages(folder);
  for (const block of blocks) {
    if (block.file !== null) writeProjectFile(folder, block.file, block.text);
    if (block.language !== 'console') continue;
    for (const command of parseCommands(block)) {
      const { code, output } = await shell(folder, command.text);
      const shown = `line ${command.line}: $ ${command.text}\n${output}`;
      expect(code, shown).toBe(command.exitCode);
      expect(output.endsWith('\n') || output === '' ? output : `${output}\n`, shown).toMatch(
        outputPattern(command.expected),
      );
    }
  }
}
