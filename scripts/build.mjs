// Bundles the package into dist/ and writes its type declarations.
// One bundle with shared chunks keeps start-up short: see docs/performance.md.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeLicenses } from './licenses.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
rmSync('dist', { recursive: true, force: true });

const shared = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  outdir: 'dist',
  outbase: 'src',
  sourcemap: 'linked',
  sourcesContent: true,
  legalComments: 'none',
  define: { DL_JOBS_VERSION: JSON.stringify(version) },
  // esbuild brings its own binary; the others are CommonJS inside and need require().
  external: ['esbuild'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
  metafile: true,
};

const main = await build({
  ...shared,
  entryPoints: ['src/index.ts', 'src/cli/bin.ts'],
  splitting: true,
  minifyWhitespace: true,
  minifySyntax: true,
  chunkNames: 'chunks/[name]-[hash]',
});
// The host is one file on its own: it is started once a core and must boot fast.
const host = await build({
  ...shared,
  entryPoints: ['src/worker/node-host.ts'],
  banner: {},
  minifySyntax: true,
});
writeLicenses([main.metafile, host.metafile], 'dist/THIRD_PARTY_LICENSES.txt');

chmodSync('dist/cli/bin.js', 0o755);
if (!process.argv.includes('--no-types')) {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  });
}
