import { mkdirSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { JournalWriter } from '../../src/store/journal-writer.js';
import { runPaths } from '../../src/store/run-folder.js';
import { makeProject } from '../support/project.js';

test.each(['batch', 'record', 'none'] as const)(
  'what is to be written now is in the file at once, and once (durability %s)',
  async (durability) => {
    const paths = runPaths(makeProject({}, { hostilePath: true }).path('run'));
    mkdirSync(paths.journal, { recursive: true });
    const groups: string[][] = [];
    const writer = new JournalWriter(paths, 'run', 'w', {
      durability,
      onWritten: (group) => groups.push(group.map(({ lines }) => lines.toString())),
      onError: (error) => {
        throw error;
      },
    });
    onTestFinished(async () => writer.close());
    const text = (): string => readFileSync(writer.path, 'utf8');
    const head = text();
    writer.append([Buffer.from('one\n')], [0, 1]);
    writer.writeNow();
    expect(text()).toBe(`${head}one\n`);
    writer.append([Buffer.from('two\n'), Buffer.from('three\n')], [1, 2]);
    writer.writeNow();
    writer.writeNow();
    expect(text()).toBe(`${head}one\ntwo\nthree\n`);
    expect(groups.slice(1)).toEqual([['one\n'], ['two\nthree\n']]);
    writer.append([Buffer.from('four\n')], [2, 3]);
    await expect.poll(text).toBe(`${head}one\ntwo\nthree\nfour\n`);
    expect(writer.length).toBe(Buffer.byteLength(text()));
  },
);
