import { afterAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.js';
import { allPages, projectsOf } from './markdown.js';
import { runProject } from './run-project.js';
import { removeFolders } from './support.js';

afterAll(removeFolders);

describe.concurrent.each(allPages())('$path', ({ blocks }) => {
  for (const [index, project] of projectsOf(blocks, null)) {
    const needs = project.some((block) => block.language === 'python') ? requires('python3') : {};
    const title = `does what its project ${index + 1} (line ${project[0]?.line ?? 0}) shows`;
    it(title, { timeout: 300_000, ...needs }, () => runProject(project));
  }

  it('has no code that nothing checks', () => {
    const unchecked = blocks.filter(
      (block) =>
        ['python', 'bash', 'js', ''].includes(block.language) && !block.shownOnly && block.file === null,
    );
    expect(unchecked.map((block) => `line ${block.line}: ${block.language || 'no language'}`)).toEqual([]);
  });
});
