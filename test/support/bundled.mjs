// Imports TypeScript of the tests from a program: Node 20 runs none.
import { build } from 'esbuild';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What the module `entry` exports. Its bundle lies in a folder that is removed when this process exits. */
export async function importBundled(entry) {
  const scratch = mkdtempSync(join(tmpdir(), 'dl-jobs-bundled-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const outfile = join(scratch, 'main.mjs');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
    plugins: [{ name: 'own-urls', setup: keepUrls }],
  });
  return await import(pathToFileURL(outfile).href);
}

/** A module that looks for files beside itself finds them, wherever the bundle lies. */
function keepUrls(bundler) {
  bundler.onLoad({ filter: /\.ts$/, namespace: 'file' }, ({ path }) => {
    const url = JSON.stringify(pathToFileURL(path).href);
    return { loader: 'ts', contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url) };
  });
}
