// No-op tasks on a Slurm cluster of this machine: dl-jobs, an array element a task, and submitit where it is installed.
//
//   npm run build && node bench/slurm.mjs [--rounds N] [--tasks N] [--elements N]
//
// As root, with Slurm's programs (see test/support/slurm-cluster.ts). submitit is taken from the python3 on PATH. All of
// them run on the same cluster, in turns; the table shows medians. What counts is the ratio.
import { build } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const outfile = join(here, '../test/support', `.slurm-bench-${process.pid}.mjs`);
const scratch = mkdtempSync(join(tmpdir(), 'dl-jobs-bench-slurm-'));
process.on('exit', () => {
  rmSync(scratch, { recursive: true, force: true });
  rmSync(outfile, { force: true });
});
// Beside the harness: it finds its scripts by its own place.
await build({
  entryPoints: [join(here, 'slurm/main.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
});
const { main } = await import(pathToFileURL(outfile).href);
await main(process.argv.slice(2), join(here, '..'), scratch);
