// The chaos test: kills runs at every moment, resumes them, and checks that nothing is lost or done twice.
//
//   npm run test:chaos -- [--seed N] [--rounds N] [--minutes M] [--short] [--only ROUND] [--parallel N] [--keep]
//
// Tests what is built in dist/. The last line is the counts; exit 1 if a round failed.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importBundled } from '../support/bundled.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const repo = join(here, '../..');
if (!existsSync('/proc/self/stat')) {
  console.error('The chaos test finds processes in /proc, which this system has not.');
  process.exit(2);
}
if (!existsSync(join(repo, 'dist/cli/bin.js'))) {
  console.error('dist/ is missing: run `npm run build` first');
  process.exit(2);
}

const { main } = await importBundled(join(here, 'main.ts'));
process.exitCode = await main(process.argv.slice(2), repo);
