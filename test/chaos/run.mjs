// The chaos test: kills runs at every moment, resumes them, and checks that nothing is lost or done twice.
//
//   npm run test:chaos -- [--seed N] [--rounds N] [--minutes M] [--short] [--only ROUND] [--parallel N] [--keep]
//
// Tests what is built in dist/. The last line is the counts; exit 1 if a round failed.
import { build } from 'esbuild';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

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

// The harness is TypeScript like the other tests, and Node 20 runs none.
const scratch = mkdtempSync(join(tmpdir(), 'dl-jobs-chaos-harness-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const outfile = join(scratch, 'main.mjs');
await build({
  entryPoints: [join(here, 'main.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
  plugins: [{ name: 'own-urls', setup: keepUrls }],
});
/** A module that looks for files beside itself finds them, wherever the bundle lies. */
function keepUrls(bundler) {
  bundler.onLoad({ filter: /\.ts$/, namespace: 'file' }, ({ path }) => {
    const url = JSON.stringify(pathToFileURL(path).href);
    return { loader: 'ts', contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url) };
  });
}

const { main } = await import(pathToFileURL(outfile).href);
process.exitCode = await main(process.argv.slice(2), repo);
