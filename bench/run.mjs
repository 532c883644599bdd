/**
 * The benchmark: `npm run bench -- [--only ROW,…] [--contender NAME,…] [--rounds N] [--quick] [--markdown] …`
 * See bench/README.md.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkResults } from './lib/check.mjs';
import { CONTENDERS } from './lib/contenders.mjs';
import { cleanEnvironment, describeMachine, findPython } from './lib/machine.mjs';
import { measure } from './lib/measure.mjs';
import { judge, render } from './lib/report.mjs';
import { ROWS } from './lib/rows.mjs';
import { CAN_SAMPLE } from './lib/tree.mjs';

const HELP = `Usage: npm run bench -- [OPTIONS]

  --only ROW,…          rows to run: ${ROWS.map((row) => row.id).join(' ')}
  --contender NAME,…    contenders to run, besides each row's reference:
                        ${Object.keys(CONTENDERS).join(' ')}
  --rounds N            rounds (default 5; rows of short commands have three times as many)
  --quick               a tenth of the size, one round: to see that everything works
  --no-memory           leave out the extra run of each contender that watches its memory
  --markdown            print the tables as Markdown
  --workers N           worker processes of every contender (default 2)
  --timeout SECONDS     for one run (default 300)
  --python NAME         interpreter of the Python contenders (default python3)
  --dl-jobs FILE        the program to measure (default dist/cli/bin.js)`;

const bench = dirname(fileURLToPath(import.meta.url));
const say = (line) => process.stderr.write(`${line}\n`);

// An exit takes the running contender and the scratch files along; a signal's own way of ending would not.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
process.exitCode = await main();

async function main() {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    say(`${error.message}\n\n${HELP}`);
    return 2;
  }
  if (options === null) {
    console.log(HELP);
    return 0;
  }
  const out = join(bench, 'out');
  const scratch = join(out, `scratch-${process.pid}`);
  mkdirSync(scratch, { recursive: true });
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const python = findPython(options.python);
  const context = { ...options, bench, scratch, python, env: cleanEnvironment(python) };
  const report = {
    version: 1,
    time: new Date().toISOString(),
    machine: describeMachine({ python, out, bench }),
    options: { rounds: options.rounds, workers: options.workers, quick: options.quick },
    rows: [],
  };
  const { loadAtStart } = report.machine;
  if (loadAtStart > 0.5) say(`The machine is busy (load ${loadAtStart}): trust no figure but the ratios.`);
  for (const row of ROWS) {
    if (options.only !== null && !options.only.includes(row.id)) continue;
    say(`${row.title} …`);
    report.rows.push(await (row.memory ? memoryRow(row, context) : timeRow(row, context)));
  }
  const file = join(out, `${report.time.replaceAll(':', '-').slice(0, 19)}.json`);
  writeFileSync(file, JSON.stringify(report, null, 1) + '\n');
  console.log(render(report, options.markdown));
  say(`\nWritten to ${file}`);
  return report.rows.some((row) => Object.values(row.contenders).some((c) => c.status === 'failed')) ? 1 : 0;
}

/** Times: contenders take turns in rounds, so that a drift of the machine meets all of them. */
async function timeRow(row, context) {
  const result = emptyRow(row, context);
  const n = scaled(row.n, context);
  const rounds = row.short ? context.rounds * 3 : context.rounds;
  const runnable = () => Object.entries(result.contenders).filter(([, c]) => c.status === 'ok');
  for (const [id, c] of runnable()) {
    // Warms caches: the file system's and, for TypeScript, the transpiler's.
    await attempt(result, id, c, () => runOnce(row, id, Math.min(n, 100), context, false));
  }
  for (let round = 0; round < rounds; round++) {
    for (const [id, c] of runnable()) {
      if (round > 0 && row.once?.includes(id)) continue;
      const sample = row.sample?.[id];
      c.rounds[round] = null;
      await attempt(result, id, c, async () => {
        c.rounds[round] = sample
          ? await extrapolate(row, id, sample, n, context)
          : (await runOnce(row, id, n, context, false)).ms;
        if (sample) c.extrapolated = sample;
      });
    }
  }
  // Watching the memory costs time on the cores that are measured, so it has a run of its own.
  if (context.memory && !row.short) {
    for (const [id, c] of runnable()) {
      if (row.sample?.[id]) continue;
      await attempt(result, id, c, async () => {
        c.memory = (await runOnce(row, id, n, context, true)).memory;
      });
    }
  }
  return finish(row, result);
}

async function memoryRow(row, context) {
  const result = emptyRow(row, context);
  result.memory = true;
  result.sizes = row.sizes.map((n) => scaled(n, context));
  if (!context.memory) {
    for (const c of Object.values(result.contenders)) c.status = 'skipped';
    return finish(row, result);
  }
  for (const c of Object.values(result.contenders)) {
    c.sizes = row.sizes.map(() => ({ tree: [], controller: [], host: [] }));
  }
  for (let round = 0; round < context.rounds; round++) {
    for (const [id, c] of Object.entries(result.contenders)) {
      if (c.status !== 'ok' || (round > 0 && row.once?.includes(id))) continue;
      await attempt(result, id, c, async () => {
        for (const [i, n] of result.sizes.entries()) {
          const { memory } = await runOnce(row, id, n, context, true);
          if (memory === null) throw new Error('ended before its memory could be read');
          for (const part of ['tree', 'controller', 'host']) c.sizes[i][part].push(memory[part]);
        }
      });
    }
  }
  return finish(row, result);
}

function emptyRow(row, context) {
  const result = {
    id: row.id,
    title: row.title,
    reference: row.reference,
    contenders: {},
    bounds: [],
    notes: [],
  };
  for (const id of row.contenders) {
    const wanted = context.contender === null || context.contender.includes(id) || id === row.reference;
    if (!wanted) continue;
    const missing = CONTENDERS[id].missing(context);
    result.contenders[id] = { status: missing === null ? 'ok' : 'skipped', rounds: [], memory: null };
    if (missing !== null) result.notes.push(`${CONTENDERS[id].label}: skipped, ${missing}`);
  }
  return result;
}

function finish(row, result) {
  result.bounds = row.bounds.map((bound) => judge(bound, usable(result)));
  return result;
}

/** The row without what failed: half a measurement is none. */
function usable(result) {
  const contenders = Object.entries(result.contenders).filter(([, c]) => c.status === 'ok');
  return { ...result, contenders: Object.fromEntries(contenders) };
}

/** A contender that fails is out of its row, and the row goes on. */
async function attempt(result, id, contender, work) {
  try {
    await work();
  } catch (error) {
    contender.status = 'failed';
    result.notes.push(`${CONTENDERS[id].label} failed: ${error.message}`);
    say(`  ${CONTENDERS[id].label} failed: ${error.message}`);
  }
}

/** One run of one contender, and the check of what it wrote. */
async function runOnce(row, id, n, context, sample) {
  const out = join(context.scratch, 'results.ndjson');
  rmSync(out, { force: true });
  const command = CONTENDERS[id].command(context, row.kinds?.[id] ?? row.kind, n, out);
  command.clean?.();
  const measured = await measure(command, {
    env: context.env,
    stderr: join(context.scratch, 'stderr'),
    timeoutMs: context.timeout * 1000,
    sample,
  });
  if (command.out !== null) checkResults(command.find?.() ?? command.out, row.kind, n);
  // At once, so that the system does not write this file to disk during somebody else's run. After a failure
  // what dl-jobs left stays in bench/project, to be looked at.
  command.clean?.();
  rmSync(out, { force: true });
  return measured;
}

/** The time of `n` tasks along the line through two smaller sizes. */
async function extrapolate(row, id, [small, large], n, context) {
  const few = (await runOnce(row, id, small, context, false)).ms;
  const many = (await runOnce(row, id, large, context, false)).ms;
  return many + ((many - few) / (large - small)) * (n - large);
}

function scaled(n, { quick }) {
  return quick && n >= 1000 ? n / 10 : n;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      contender: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'no-memory': { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      workers: { type: 'string', default: '2' },
      timeout: { type: 'string', default: '300' },
      python: { type: 'string', default: 'python3' },
      'dl-jobs': { type: 'string', default: join(bench, '../dist/cli/bin.js') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const rowIds = ROWS.map((row) => row.id);
  return {
    only: list('--only', values.only, rowIds),
    contender: list('--contender', values.contender, Object.keys(CONTENDERS)),
    rounds: count('--rounds', values.rounds ?? (values.quick ? '1' : '5')),
    quick: values.quick,
    memory: !values['no-memory'] && CAN_SAMPLE,
    markdown: values.markdown,
    workers: count('--workers', values.workers),
    timeout: count('--timeout', values.timeout),
    python: values.python,
    dlJobs: resolve(values['dl-jobs']),
  };
}

function list(option, value, known) {
  if (value === undefined) return null;
  const names = value.split(',');
  for (const name of names) {
    if (!known.includes(name))
      throw new Error(`${option}: expected some of ${known.join(', ')}, got \`${name}\``);
  }
  return names;
}

function count(option, value) {
  if (!/^[1-9]\d*$/.test(value))
    throw new Error(`${option}: expected a whole number above 0, got \`${value}\``);
  return Number(value);
}
