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
import { countriesCase } from './countries.js';
import { failingCases } from './failing.js';
import { hostileCases } from './hostile.js';
import { outcomeCases } from './outcomes.js';
import { placeCases } from './places.js';
import { Scene, type Ground } from './scene.js';
import { secretCases } from './secrets.js';
import { stoppingCases } from './stopping.js';

export type NewScene = (
  files: Readonly<Record<string, string>>,
  options?: { readonly config?: readonly string[]; readonly hostilePath?: boolean },
) => Scene;

/** Registers the cases; `name` is the platform as users write it. */
export function platformSuite(name: string, start: () => Promise<Ground>): void {
  let ground: Ground;
  beforeAll(async () => {
    ground = await start();
  });
  afterAll(async () => {
    removeFolders();
    await ground?.stop();
  });
  const newScene: NewScene = (files, options) => new Scene(name, ground, files, options);

  outcomeCases(newScene);
  failingCases(newScene);
  stoppingCases(newScene, () => ground.outlivesController);
  argumentCases(newScene);
  hostileCases(newScene);
  placeCases(newScene);
  secretCases(newScene, (run) => ground.traces(run));
  countriesCase(name, () => ground.env);

  test('nothing is left on the platform', async () => {
    await expect.poll(() => ground.left(), { timeout: 30_000, interval: 500 }).toEqual([]);
  });
}
