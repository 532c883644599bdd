import { readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join, sep } from 'node:path';

/** Points the links of the snapshot at `folder` that lead into `from` to the same places in `to`: the project was moved. */
export function relinkSnapshot(
  folder: string,
  { from, to }: { readonly from: string; readonly to: string },
): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) relinkSnapshot(path, { from, to });
    if (!entry.isSymbolicLink()) continue;
    const target = readlinkSync(path);
    if (!target.startsWith(`${from}${sep}`)) continue;
    rmSync(path);
    symlinkSync(`${to}${target.slice(from.length)}`, path);
  }
}
