// Bundles the package into dist/ and writes its type declarations.
//
// Loading a module costs Node a millisecond or two whatever its size, and parsing costs by size. So the code is a few
// files: dist/cli/bin.js (command line and help), dist/core.js (everything that runs jobs), dist/vendor/* (large
// packages that only some runs need), dist/worker/node-host.js, dist/earthone.js (a client for one service, used alone).
// dist/index.js names the public exports of the core.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeLicenses } from './licenses.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
rmSync('dist', { recursive: true, force: true });

/** Modules with files of their own, by source. */
const APART = {
  'src/config/yaml.ts': 'dist/vendor/yaml.js',
  'src/snapshot/babel.ts': 'dist/vendor/babel.js',
  'src/job/csv.ts': 'dist/vendor/csv.js',
  'src/cli/commands/job-commands.ts': 'dist/job-commands.js',
};

/** Leaves imports of modules apart from the bundle as imports of their files. */
const apart = (outFile) => ({
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, (args) => {
      const source = relative(root, join(args.resolveDir, args.path)).replace(/\.js$/, '.ts');
      const file = APART[source];
      if (file === undefined || args.kind === 'entry-point' || file === outFile) return undefined;
      const path = relative(dirname(outFile), file);
      return { path: path.startsWith('.') ? path : `./${path}`, external: true };
    });
  },
});

const metafiles = [];

async function bundle(outfile, input, options = {}) {
  const result = await build({
    ...input,
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    sourcemap: 'linked',
    sourcesContent: true,
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    define: { DL_JOBS_VERSION: JSON.stringify(version) },
    // esbuild brings its own binary.
    external: ['esbuild'],
    plugins: [apart(outfile)],
    logLevel: 'warning',
    metafile: true,
    ...options,
  });
  metafiles.push(result.metafile);
  return result.metafile.outputs[outfile].exports;
}

// These are CommonJS inside and need require().
const withRequire = {
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
};

const core = await bundle('dist/core.js', {
  stdin: {
    contents: "export * from './index.js'; export * as commands from 'core-commands';",
    resolveDir: 'src',
    sourcefile: 'core.ts',
  },
  alias: { 'core-commands': './src/cli/commands/job-commands.ts' },
});
const names = core.filter((name) => name !== 'commands');
writeFileSync('dist/index.js', `export { ${names.join(', ')} } from './core.js';\n`);
const commandNames = [
  ...readFileSync('src/cli/commands/job-commands.ts', 'utf8').matchAll(/^export \{ runCommand as (\w+) \}/gm),
].map(([, name]) => name);
writeFileSync(
  'dist/job-commands.js',
  `import { commands } from './core.js';\nexport const { ${commandNames.join(', ')} } = commands;\n`,
);
for (const source of ['src/config/yaml.ts', 'src/snapshot/babel.ts', 'src/job/csv.ts']) {
  await bundle(APART[source], { entryPoints: [source] }, withRequire);
}
await bundle('dist/earthone.js', { entryPoints: ['src/earthone.ts'] });
await bundle('dist/cli/bin.js', { entryPoints: ['src/cli/bin.ts'] });
// The host is one file on its own: it is started once a core and must boot fast. Its stacks are filtered by its name.
await bundle('dist/worker/node-host.js', { entryPoints: ['src/worker/node-host.ts'] });
writeLicenses(metafiles, 'dist/THIRD_PARTY_LICENSES.txt');

chmodSync('dist/cli/bin.js', 0o755);
if (!process.argv.includes('--no-types')) {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  });
}
