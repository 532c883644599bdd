/**
 * `rounds/<n>/handed-over`: the tasks of the round are with a service that works on without us, and that is asked for
 * their outcomes. Written before it is given the first of them.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from './atomic.js';
import { roundFolder } from './rounds.js';
import type { RunPaths } from './run-folder.js';

const NAME = 'handed-over';

export function markHandedOver(paths: RunPaths, round: number): void {
  if (!isHandedOver(paths, round)) writeAtomic(join(roundFolder(paths, round), NAME), '', true);
}

export function isHandedOver(paths: RunPaths, round: number): boolean {
  return existsSync(join(roundFolder(paths, round), NAME));
}
