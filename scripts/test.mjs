// Builds, runs the vitest suites and the Python suites, and prints their counts as its last line. Before it, a line for
// each component that was missing: which tests were left out for it, and how to get it.
//
//   npm test                       everything
//   npm test -- test/cli           the suites whose path contains test/cli
//   npm test -- test/python        the Python suites only; test/python/test_timer.py is one of them
//   npm test -- --no-missing       a test skipped for a missing component counts as failed (CI does this)
//   npm test -- --no-build         test dist/ as it stands
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));

const words = process.argv.slice(2);
const unknown = words.find((word) => word.startsWith('-') && !['--no-missing', '--no-build'].includes(word));
if (unknown !== undefined) {
  console.error(`unknown option ${unknown}; there are --no-missing and --no-build`);
  process.exit(2);
}
const filters = words.filter((word) => !word.startsWith('-'));
const forPython = filters.filter((word) => word.startsWith('test/python'));
const forVitest = filters.filter((word) => !word.startsWith('test/python'));

const env = { ...process.env };
if (words.includes('--no-missing')) env.DL_JOBS_CI = '1';

const scratch = mkdtempSync(join(tmpdir(), 'dl-jobs-counts-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Runs a command with our terminal; true when it ended with 0. */
function run(command, args, extra = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...env, ...extra },
  });
  if (error) console.error(`${command}: ${error.message}`);
  else if (signal) console.error(`${command} was ended by ${signal}`);
  return status === 0;
}

const readJson = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null);

/** What ended badly without saying which test failed still counts as one failure. */
function withVerdict(name, ok, counts) {
  if (counts === null || (!ok && counts.failed === 0)) {
    console.error(`${name}: the suite did not run to its end`);
    return { passed: 0, skipped: 0, ...counts, failed: 1 };
  }
  if (counts.passed + counts.failed + counts.skipped === 0) {
    console.error(`${name}: no test was found`);
    return { ...counts, failed: 1 };
  }
  return counts;
}

/** One entry for each test that was skipped for a missing component: where it is, and what it needs. */
const leftOut = [];

function vitest() {
  const out = join(scratch, 'vitest.json');
  const ok = run(process.execPath, [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${out}`,
    ...forVitest,
  ]);
  const report = readJson(out);
  if (report === null) return withVerdict('vitest', ok, null);
  for (const { name, assertionResults } of report.testResults) {
    for (const { status, meta } of assertionResults) {
      if (status === 'failed' || status === 'passed') continue;
      for (const [component, get] of Object.entries(meta?.missing ?? {})) {
        leftOut.push({ file: relative('', name), needs: `${component}: ${get}` });
      }
    }
  }
  // A file that could not be loaded has no tests to fail: it is one failure itself.
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((a) => a.status === 'failed'),
  );
  return withVerdict('vitest', ok, {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + report.numTodoTests,
  });
}

function python() {
  const out = join(scratch, 'python.json');
  const names = forPython.map((word) => basename(word, '.py')).filter((name) => name !== 'python');
  const ok = run('python3', ['-B', 'test/python/run.py', out, ...names], { PYTHONPATH: 'python' });
  const counts = readJson(out);
  for (const needs of counts?.missing ?? []) leftOut.push({ file: 'test/python', needs });
  return withVerdict('python', ok, counts);
}

/** A line for each component, such as `left out: 12 tests in test/slurm (needs slurm: apt-get install …)`. */
function leftOutLines() {
  return [...new Set(leftOut.map(({ needs }) => needs))].map((needs) => {
    const files = leftOut.filter((test) => test.needs === needs).map(({ file }) => file);
    const folder = (file) => (extname(file) === '' ? file : dirname(file));
    // Many files of one folder are named by their folder.
    const crowded = (file) => new Set(files.filter((other) => folder(other) === folder(file))).size > 2;
    const places = new Set(files.map((file) => (crowded(file) ? folder(file) : file)));
    const tests = files.length === 1 ? '1 test' : `${files.length} tests`;
    return `left out: ${tests} in ${[...places].sort().join(', ')} (needs ${needs})`;
  });
}

if (!words.includes('--no-build') && !run(process.execPath, ['scripts/build.mjs'])) {
  console.error('the build failed');
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}

const suites = [];
if (filters.length === 0 || forVitest.length > 0) suites.push(vitest());
if (filters.length === 0 || forPython.length > 0) suites.push(python());
for (const line of leftOutLines()) console.log(line);
const sum = (key) => suites.reduce((total, counts) => total + counts[key], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
process.exitCode = sum('failed') > 0 ? 1 : 0;
