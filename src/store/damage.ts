/** `damage.json`: parts of shards that cannot be read, which somebody has decided to do without. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { storeError, writeAtomic } from './atomic.js';
import type { RunPaths } from './run-folder.js';

/** Bytes of a shard that are no records. */
export interface DamagedRegion {
  /** File name in `journal/`. */
  readonly shard: string;
  readonly from: number;
  readonly to: number;
}

interface DamageFile {
  readonly version: 1;
  readonly regions: readonly DamagedRegion[];
}

export function damageFile(paths: RunPaths): string {
  return join(paths.dir, 'damage.json');
}

export function acceptedDamage(paths: RunPaths): readonly DamagedRegion[] {
  const path = damageFile(paths);
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as DamageFile).regions;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storeError('read', path, error);
  }
}

export function acceptDamage(paths: RunPaths, regions: readonly DamagedRegion[]): void {
  const all: DamageFile = { version: 1, regions: [...acceptedDamage(paths), ...regions] };
  writeAtomic(damageFile(paths), `${JSON.stringify(all)}\n`, true);
}
