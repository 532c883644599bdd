// Every check that is not a test: one line a step with its time, all steps run, two at a time, exit 1 if any failed.
//
//   npm run check                  all of them
//   npm run check -- lint types    these only
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));

const scratch = mkdtempSync(join(tmpdir(), 'dl-jobs-check-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const node = (...args) => [process.execPath, ...args];
const tarball = () =>
  join(scratch, readdirSync(scratch).find((name) => name.endsWith('.tgz')) ?? 'no-package.tgz');

/** Name → command, or a function of no arguments that gives it once the steps before have run. */
const STEPS = {
  build: node('scripts/build.mjs'),
  lint: node('node_modules/eslint/bin/eslint.js', '.', '--max-warnings=0'),
  format: node('node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'),
  types: node('node_modules/typescript/bin/tsc', '-p', '.'),
  // They import the package by its name, and so need its built declarations.
  examples: node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.examples.json'),
  unused: node('node_modules/knip/bin/knip.js', '--no-progress'),
  cycles: node(
    'node_modules/dpdm/lib/bin/dpdm.js',
    ...['--no-tree', '--no-warning', '--no-progress', '--exit-code', 'circular:1'],
    ...['src/index.ts', 'src/earthone.ts', 'src/cli/bin.ts', 'src/worker/node-host.ts'],
  ),
  // The package checks look at what `npm pack` makes, not at the working tree.
  pack: ['npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', scratch],
  publint: () => node('node_modules/publint/src/cli.js', '--strict', tarball()),
  attw: () => node('node_modules/@arethetypeswrong/cli/dist/index.js', tarball(), '--profile', 'esm-only'),
  docs: node('scripts/docs.mjs', '--check'),
};
/** Steps that need the outcome of others. */
const NEEDS = {
  lint: ['build'],
  types: ['build'],
  unused: ['build'],
  publint: ['build', 'pack'],
  attw: ['build', 'pack'],
  pack: ['build'],
  docs: ['build'],
  examples: ['build'],
};

/** Each keeps one core busy, and some hundred MB. */
const AT_A_TIME = 2;

const words = process.argv.slice(2);
const unknown = words.find((word) => !Object.hasOwn(STEPS, word));
if (unknown !== undefined) {
  console.error(`unknown step ${unknown}; there are ${Object.keys(STEPS).join(', ')}`);
  process.exit(2);
}
const wanted = new Set(
  words.length === 0 ? Object.keys(STEPS) : words.flatMap((w) => [...(NEEDS[w] ?? []), w]),
);

/** Resolves to what a step printed, null when all is well. */
function run(step) {
  const [command, ...args] = typeof step === 'function' ? step() : step;
  const script = args.find((arg) => arg.endsWith('.mjs'));
  if (script !== undefined && !existsSync(script)) return Promise.resolve(`${script} does not exist`);
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
  return new Promise((resolve) => {
    const child = execFile(command, args, { env, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(null);
      else resolve(`${stdout}${stderr}${typeof error.code === 'number' ? '' : error.message}`.trimEnd());
    });
    child.stdin.end();
  });
}

let failures = 0;
const left = Object.keys(STEPS).filter((name) => wanted.has(name));
const running = new Map();

/** The next step, once those that it needs have ended. */
function startable() {
  return left.find((name) => !(NEEDS[name] ?? []).some((need) => left.includes(need) || running.has(need)));
}

async function runStep(name) {
  const from = performance.now();
  const printed = await run(STEPS[name]);
  running.delete(name);
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  console.log(`${printed === null ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${seconds.padStart(6)} s`);
  if (printed === null) return;
  failures += 1;
  console.log(printed);
}

while (left.length > 0 || running.size > 0) {
  for (let name = startable(); running.size < AT_A_TIME && name !== undefined; name = startable()) {
    left.splice(left.indexOf(name), 1);
    running.set(name, runStep(name));
  }
  await Promise.race(running.values());
}
if (failures > 0) console.log(`${failures} of ${wanted.size} checks failed`);
process.exitCode = failures > 0 ? 1 : 0;
