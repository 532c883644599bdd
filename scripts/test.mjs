// Builds, runs the vitest suites and the Python suites, and prints their counts as its last line. Before it, a line for
// each test that failed, and one for each component that was missing: which tests were left out for it, and how to
// get it.
//
// The Python suites run under `python3` and under the oldest CPython from 3.8 on that can be found; those that take no
// time run under one of each other version, too. They are looked for as `python3.8` and so on, and where pyenv has them.
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
import { stripVTControlCharacters } from 'node:util';
import { OLDEST, findPythons } from './pythons.mjs';

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

/** A line for each failure, and lines about the run as a whole: for those who see the end of the output only. */
const failures = [];
const notes = [];

function addFailure(what, message = '') {
  const firstLine = stripVTControlCharacters(message)
    .split('\n')
    .find((line) => line.trim() !== '');
  const where = what.replaceAll(/\s+/g, ' ');
  failures.push(firstLine === undefined ? where : `${where}: ${firstLine.trim()}`);
}

/** What ended badly without saying which test failed still counts as one failure. */
function withVerdict(name, ok, counts) {
  if (counts === null || (!ok && counts.failed === 0)) {
    addFailure(name, 'the suite did not run to its end');
    return { passed: 0, skipped: 0, ...counts, failed: 1 };
  }
  if (counts.passed + counts.failed + counts.skipped === 0) {
    addFailure(name, 'no test was found');
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
  let brokenFiles = 0;
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = relative('', name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    for (const { ancestorTitles, title, failureMessages } of failed) {
      addFailure([file, ...ancestorTitles, title].filter(Boolean).join(' > '), failureMessages[0]);
    }
    // A file that could not be loaded has no tests to fail: it is one failure itself.
    if (status === 'failed' && failed.length === 0) {
      brokenFiles++;
      addFailure(file, message);
    }
    for (const { status, meta } of assertionResults) {
      if (status === 'failed' || status === 'passed') continue;
      for (const [component, get] of Object.entries(meta?.missing ?? {})) {
        leftOut.push({ file, needs: `${component}: ${get}` });
      }
    }
  }
  return withVerdict('vitest', ok, {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles,
    skipped: report.numPendingTests + report.numTodoTests,
  });
}

/** The Python suites that take no time, so that each version can have them. */
const QUICK = [
  'test_decorators.',
  'test_definitions.',
  'test_helpers.',
  'test_nd_json.',
  'test_seed_job.',
  'test_seed_table.',
  'test_timer.',
  'test_values.',
];

/** The Python suites once for each interpreter that is to run them. */
function pythons() {
  const words = forPython.map((word) => basename(word, '.py')).filter((name) => name !== 'python');
  // Which Node started them makes no difference to Python.
  if (process.env.DL_JOBS_SECOND_NODE === '1') return [];
  const { python3, others } = findPythons();
  const oldest = Math.min(...others.map(({ minor }) => minor), python3 ?? Infinity);
  if (Number.isFinite(oldest) && oldest > OLDEST) {
    notes.push(`Python 3.${OLDEST} was not found: the oldest that was tested is 3.${oldest}`);
  }
  const quick = QUICK.filter((name) => words.length === 0 || words.some((word) => name.startsWith(word)));
  const suites = [python('python3', 'python3', words)];
  for (const { minor, path } of others) {
    const whole = minor === oldest;
    if (!whole && quick.length === 0) continue;
    console.log(`\nPython 3.${minor}${whole ? '' : ', only what takes no time'}`);
    suites.push(python(path, `Python 3.${minor}`, whole ? words : quick));
  }
  return suites;
}

/** The Python suites that `words` choose, under one interpreter; all when there are none. */
function python(command, label, words) {
  const out = join(scratch, `${label}.json`);
  const usual = command === 'python3';
  const ok = run(command, ['-B', 'test/python/run.py', out, ...words], {
    PYTHONPATH: 'python',
    // Packages that tests need are installed for python3; the others are taken as they come.
    ...(usual ? {} : { DL_JOBS_CI: '' }),
  });
  const counts = readJson(out);
  for (const { file, test, message } of counts?.failures ?? []) {
    addFailure(`${['test/python/' + file, test].filter(Boolean).join(' > ')} (${label})`, message);
  }
  for (const needs of counts?.missing ?? []) {
    leftOut.push({ file: 'test/python', needs: usual ? needs : `${needs}, for ${label}` });
  }
  return withVerdict(`test/python (${label})`, ok, counts);
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
  console.log('failed: the build');
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}

const suites = [];
if (filters.length === 0 || forVitest.length > 0) suites.push(vitest());
if (filters.length === 0 || forPython.length > 0) suites.push(...pythons());
for (const line of notes) console.log(line);
for (const line of failures) console.log(`failed: ${line}`);
for (const line of leftOutLines()) console.log(line);
const sum = (key) => suites.reduce((total, counts) => total + counts[key], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
process.exitCode = sum('failed') > 0 ? 1 : 0;
