/** A project of the original on this machine: by the command line, and from a Python program. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { requires } from '../support/requires.js';
import { PROGRAM_CASES, SEED_CASES } from '../support/seed-cases.js';
import {
  expectLaunched,
  expectNoOtherFiles,
  expectSeedFiles,
  expectSeedRun,
  launch,
  seedProject,
  seedWords,
} from '../support/seed-project.js';

/** Many commands at a time, or many jobs in one. */
const SLOW = { timeout: 180_000 };

describe('a project of the original, here', { ...SLOW, ...requires('python3') }, () => {
  const typed = seedProject({ hostilePath: true });

  test.concurrent.each(SEED_CASES)('by the command line: $title', async (seed) => {
    expectSeedRun(typed, seed, await typed.run(['run', ...seedWords(seed)]));
  });

  test('writes nothing that was not named, and notes that task_kwargs are not for this machine', () => {
    expectNoOtherFiles(typed, SEED_CASES);
    const logs = readdirSync(typed.path('logs')).map((name) =>
      readFileSync(typed.path('logs', name), 'utf8'),
    );
    const noted = logs.filter((text) =>
      /^IGNORED {3}task_kwargs \(memory\): they are for platforms$/m.test(text),
    );
    expect(noted.map((text) => /^FUNCTION +(\S+)/m.exec(text)?.[1])).toEqual([
      'product.water.task',
      'product.water.task',
    ]);
    expect(logs.length).toBeGreaterThan(noted.length);
  });

  test('from a program: job.run()', async () => {
    const project = seedProject();
    const said = await launch(project, SEED_CASES);
    for (const [at, seed] of SEED_CASES.entries()) {
      expectLaunched(seed, said[at] ?? [], true);
      expectSeedFiles(project, seed);
    }
    expectNoOtherFiles(project, SEED_CASES);
  });

  test('from a program: dl_jobs.job.run()', async () => {
    const project = seedProject();
    const said = await launch(project, PROGRAM_CASES, { words: ['helper'] });
    expect(said.map((summaries) => summaries.length)).toEqual(
      PROGRAM_CASES.map(({ results }) => Object.keys(results).length),
    );
    expect(said.flat().every(({ is_local }) => is_local)).toBe(true);
    for (const seed of PROGRAM_CASES) expectSeedFiles(project, seed);
    expectNoOtherFiles(project, PROGRAM_CASES);
  });
});
