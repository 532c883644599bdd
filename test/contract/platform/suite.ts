/**
 * What must be true of a run on every platform, seen from the command line and its files: the same cases for each.
 *
 * ```ts
 * platformSuite('local', () => Promise.resolve(ground));
 * ```
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeFolders } from '../../docs/support.js';
import { argumentCases } from './arguments.js';
import { Cases, type Abilities } from './cases.js';
import { countriesCase } from './countries.js';
import { failingCases } from './failing.js';
import { hostileCases } from './hostile.js';
import { outcomeCases } from './outcomes.js';
import { placeCases } from './places.js';
import type { Ground } from './scene.js';
import { secretCases } from './secrets.js';
import { stoppingCases } from './stopping.js';

/** Registers the cases; `name` is the platform as users write it, `abilities` what it can do otherwise than all. */
export function platformSuite(
  name: string,
  start: () => Promise<Ground>,
  abilities: Partial<Abilities> = {},
): void {
  let ground: Ground;
  beforeAll(async () => {
    ground = await start();
  });
  afterAll(async () => {
    removeFolders();
    await ground?.stop();
  });
  const cases = new Cases(name, abilities, () => ground);

  outcomeCases(cases);
  failingCases(cases);
  stoppingCases(cases);
  argumentCases(cases);
  hostileCases(cases);
  placeCases(cases);
  secretCases(cases);
  countriesCase(cases);

  test('nothing is left on the platform', async () => {
    await expect.poll(() => ground.left(), { timeout: 120_000, interval: 500 }).toEqual([]);
  });
}
