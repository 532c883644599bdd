/** Runs what a page shows. */
import { expect } from 'vitest';
import { outputPattern, parseCommands, type Block } from './markdown.js';
import { linkPackages, makeFolder, shell, writeProjectFile } from './support.js';

/** Makes the files of a project, and runs its commands one after the other: each must show what the page says. */
export async function runProject(
  blocks: readonly Block[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = makeFolder();
  linkPackages(folder);
  for (const block of blocks) {
    if (block.file !== null) writeProjectFile(folder, block.file, block.text);
    if (block.language !== 'console') continue;
    for (const command of parseCommands(block)) {
      const { code, output } = await shell(folder, command.text, env);
      const shown = `line ${command.line}: $ ${command.text}\n${output}`;
      expect(code, shown).toBe(command.exitCode);
      expect(output.endsWith('\n') || output === '' ? output : `${output}\n`, shown).toMatch(
        outputPattern(command.expected),
      );
    }
  }
}
