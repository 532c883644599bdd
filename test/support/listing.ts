/** What lies in a folder, to see whether something was left behind. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths below `dir`, of files with a digest of their content. Links are not followed, `node_modules` is passed over. */
export function listing(dir: string, below = ''): string[] {
  return readdirSync(join(dir, below), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (entry.name === 'node_modules') return [];
      const name = join(below, entry.name);
      if (entry.isDirectory()) return [name, ...listing(dir, name)];
      return [entry.isFile() ? `${name} ${digest(join(dir, name))}` : name];
    });
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 8);
}
