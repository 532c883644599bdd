import { describe, expect, it } from 'vitest';
import { outputPattern, parseBlocks, parseCommands, projectsOf } from './markdown.js';

const page = `
# A page

<!-- file: run/a.ts -->

\`\`\`ts
export {};
\`\`\`

<!-- exit: 1 -->
\`\`\`console
$ dl_jobs run a
...
$ false
\`\`\`

<!-- project -->
<!-- needs: slurm -->

\`\`\`yaml
noisy: true
\`\`\`

\`\`\`console
$ dl_jobs run a
\`\`\`

<!-- project -->

\`\`\`yaml
noisy: false
\`\`\`
`;

describe('the code of a page', () => {
  it('is a list of blocks with their file, exit code and project', () => {
    const blocks = parseBlocks(page);
    expect(blocks.map((block) => [block.language, block.file, block.exitCode, block.project])).toEqual([
      ['ts', 'run/a.ts', 0, 0],
      ['console', null, 1, 0],
      ['yaml', null, 0, 1],
      ['console', null, 0, 1],
      ['yaml', null, 0, 2],
    ]);
    expect(blocks[0]?.text).toBe('export {};\n');
  });

  it('holds commands, of which only the last has the exit code of the block', () => {
    const [, block] = parseBlocks(page);
    expect(
      block && parseCommands(block).map((command) => [command.text, command.expected, command.exitCode]),
    ).toEqual([
      ['dl_jobs run a', ['...'], 0],
      ['false', [], 1],
    ]);
  });

  it('is run where there is what its project needs, if it has commands', () => {
    const lines = (needs: 'slurm' | null) =>
      [...projectsOf(parseBlocks(page), needs).values()].map((blocks) => blocks.map(({ line }) => line));
    expect(lines(null)).toEqual([[6, 11]]);
    expect(lines('slurm')).toEqual([[20, 24]]);
    expect(() => parseBlocks('<!-- needs: slrum -->\n')).toThrow('line 1: expected one of slurm, got slrum');
  });

  it('is refused when a block has no end', () => {
    expect(() => parseBlocks('```ts\nlet a;\n')).toThrow('line 1 has no end');
  });
});

describe('an expected output', () => {
  it.each([
    [['a', 'b'], 'a\nb\n', true],
    [['a', 'b'], 'a\nx\nb\n', false],
    [['a', '...', 'b'], 'a\nb\n', true],
    [['a', '...', 'b'], 'a\nx\ny\nb\n', true],
    [['...', 'b'], 'b\nc\n', false],
    [['{"d":...,"e":1}'], '{"d":2.5,"e":1}\n', true],
    [['a.c'], 'abc\n', false],
    [[], 'anything\n', true],
  ])('%j against %j: %s', (expected, output, matches) => {
    expect(outputPattern(expected).test(output)).toBe(matches);
  });
});
