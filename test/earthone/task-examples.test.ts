/** The seed's example on EarthOne and here: what users see is the same. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyExample, removeFolders, shell } from '../docs/support.js';
import { startServer, type EarthOneServer } from '../support/earthone-server.js';
import { requires } from '../support/requires.js';

const THERE = '--dev false --platform earthone';

interface Seen {
  readonly code: number | null;
  readonly output: string;
  readonly results: string[];
  readonly errors: string[];
  readonly logs: string[];
}

/** Lines of the only file in a folder, sorted: tasks end in any order. */
function lines(project: string, folder: string): string[] {
  const path = join(project, folder);
  const names = existsSync(path) ? readdirSync(path) : [];
  if (names.length === 0) return [];
  expect(names).toHaveLength(1);
  const text = readFileSync(join(path, names[0] ?? ''), 'utf8');
  return text.replaceAll(project, '<project>').trimEnd().split('\n').sort();
}

describe("the seed's example", requires('python3'), () => {
  let server: EarthOneServer;
  beforeAll(async () => {
    server = await startServer({ concurrency: 3 });
  });
  afterAll(async () => {
    await server?.stop();
    removeFolders();
  });

  async function seen(command: string): Promise<Seen> {
    const folder = copyExample('task_examples');
    const { code, output } = await shell(folder, command, server.env);
    const logs = await shell(folder, 'dl_jobs logs', server.env);
    expect(logs.code, output + logs.output).toBe(0);
    return {
      code,
      output,
      results: lines(folder, 'results'),
      errors: lines(folder, 'errors'),
      // They come as tasks ended.
      logs: logs.output.split(/^(?=logs\[)/m).sort(),
    };
  }

  test.each(['task_examples.cpu 3', 'task_examples.cpuMap 1 10', 'task_examples.cpuMap 0 4'])(
    'gives the same as here: dl_jobs run %s',
    { timeout: 300_000 },
    async (words) => {
      const here = await seen(`dl_jobs run ${words}`);
      const there = await seen(`dl_jobs run ${words} ${THERE}`);
      expect(here.code, here.output).toBe(words.includes(' 0 ') ? 1 : 0);
      expect(here.results.length).toBeGreaterThan(0);
      expect(here.logs.join('')).toMatch(/\d x \d/);
      expect({ ...there, output: '' }, there.output).toEqual({ ...here, output: '' });
      expect(server.jobs().length).toBeGreaterThan(0);
    },
  );
});
