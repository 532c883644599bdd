/** A project of the original on EarthOne: what it comes to is what it comes to here. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type EarthOneServer } from '../support/earthone-server.js';
import { requires } from '../support/requires.js';
import { SEED_CASES } from '../support/seed-cases.js';
import {
  expectNoOtherFiles,
  expectSeedRun,
  seedProject,
  seedWords,
  testLaunched,
} from '../support/seed-project.js';

const THERE = ['--dev', 'false', '--platform', 'earthone'];

// All of its runs go on at a time.
describe('a project of the original, on EarthOne', { timeout: 300_000, ...requires('python3') }, () => {
  const typed = seedProject();
  let server: EarthOneServer;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await startServer({ concurrency: 4 });
    env = { ...server.env, DL_JOBS_PLATFORM: 'earthone' };
  });
  afterAll(() => server?.stop());

  test.concurrent.each(SEED_CASES)('by the command line: $title', async (seed) => {
    const result = await typed.run(['run', ...seedWords(seed), ...THERE], { env: server.env });
    expectSeedRun(typed, seed, result);
    // The images of then are those of today that come nearest.
    if (Object.keys(seed.results).length > 0) expect(result.stderr).toMatch(/Python 3\.6.*Python 3\.10/);
    if (seed.module === 'product' && seed.method === 'task')
      expect(result.stderr).toContain('EarthOne sells no 1 cpu with 10 GB, so it is 2 cpus with 10 GB');
  });

  testLaunched(() => env);

  test('writes nothing that was not named, and asks for the memory of task_kwargs', () => {
    expectNoOtherFiles(typed, SEED_CASES);
    const sizes = server.functions().map(({ cpus, memory }) => `${cpus} ${memory}`);
    expect([...new Set(sizes)].sort()).toEqual(['1 2048', '2 10240']);
  });

  test('is told what it would ask for, and what the command line changes of that', async () => {
    const plan = async (...more: string[]): Promise<string> => {
      const words = ['run', 'product', ...THERE, '--dry-run', ...more];
      const { code, stdout, stderr } = await typed.run(words, { env: server.env });
      expect(code, stderr).toBe(0);
      return /, (.+ cpus and \d+ MB)/.exec(stdout)?.[1] ?? stdout;
    };
    expect(await plan()).toBe('2 cpus and 10240 MB');
    expect(await plan('--memory', '4GB')).toBe('1 cpus and 4096 MB');
  });
});
