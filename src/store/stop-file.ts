/** `rounds/<n>/stop.json`: the round is to end before all is done; workers outside the controller look for it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from './atomic.js';
import { roundFolder } from './rounds.js';
import type { RunPaths } from './run-folder.js';

export interface StopFile {
  readonly version: 1;
  /** What runs may go on for so long, milliseconds; null: to its end. */
  readonly graceMs: number | null;
}

export function writeStop(paths: RunPaths, round: number, graceMs: number): void {
  const stop: StopFile = { version: 1, graceMs: Number.isFinite(graceMs) ? graceMs : null };
  writeAtomic(join(roundFolder(paths, round), 'stop.json'), `${JSON.stringify(stop)}\n`, false);
}

/** Null: the round goes on. `graceMs` is Infinity when what runs may go on to its end. */
export function stopOfRound(paths: RunPaths, round: number): { readonly graceMs: number } | null {
  try {
    const stop = JSON.parse(readFileSync(join(roundFolder(paths, round), 'stop.json'), 'utf8')) as StopFile;
    return { graceMs: stop.graceMs ?? Infinity };
  } catch {
    // Not there, or out of reach for a moment.
    return null;
  }
}
