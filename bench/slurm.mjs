// No-op tasks on a Slurm cluster of this machine: dl-jobs, an array element a task, and submitit where it is installed.
//
//   npm run build && node bench/slurm.mjs [--rounds N] [--tasks N] [--elements N] [--submitit N]
//
// As root, with Slurm's programs (see test/support/slurm-cluster.ts). submitit is taken from the python3 on PATH. All of
// them run on the same cluster, in turns; the table shows medians. What counts is the ratio.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importBundled } from '../test/support/bundled.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'dl-jobs-bench-slurm-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const { main } = await importBundled(join(here, 'slurm/main.ts'));
await main(process.argv.slice(2), join(here, '..'), scratch);
