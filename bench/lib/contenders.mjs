/**
 * Who takes part: each contender is one command that runs `n` tasks of a kind and leaves an NDJSON file.
 * `missing(context)` says why it cannot run on this machine, or null.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { finishedRun, RUN_LEAVES } from './finished-run.mjs';

const require = createRequire(import.meta.url);

/** @typedef {{ argv: string[], cwd?: string, out: string | null, clean?: () => void, find?: () => string }} Command */

function script(label, file, { python = false, needs = null, extra = [] } = {}) {
  return {
    label,
    missing: (context) => {
      if (python && context.python === null) return 'no python3 on PATH';
      if (needs === null) return null;
      try {
        require.resolve(needs);
        return null;
      } catch (error) {
        // A package that only serves `import` is there all the same.
        return error.code === 'MODULE_NOT_FOUND' ? `the package ${needs} is not installed` : null;
      }
    },
    command: (context, kind, n, out) => ({
      argv: [
        python ? context.python : process.execPath,
        join(context.bench, file),
        kind,
        String(n),
        out,
        String(context.workers),
        ...extra,
      ],
      out,
    }),
  };
}

function dlJobs(label, log) {
  return {
    label,
    missing: () => null,
    command: (context, kind, n) => {
      requireBuilt(context);
      const cwd = join(context.bench, 'project');
      const results = join(cwd, 'results');
      return {
        argv: [
          process.execPath,
          context.dlJobs,
          'run',
          `bench.${kind}`,
          String(n),
          String(context.workers),
          log,
        ],
        cwd,
        out: results,
        // What earlier runs left is no part of a run; caches stay.
        clean: () => {
          for (const folder of RUN_LEAVES) {
            rmSync(join(cwd, folder), { recursive: true, force: true });
          }
        },
        find: () => {
          const files = existsSync(results) ? readdirSync(results).filter((f) => f.endsWith('.ndjson')) : [];
          if (files.length !== 1) {
            throw new Error(`expected one results file in bench/project/results, got ${files.length}`);
          }
          return join(results, files[0]);
        },
      };
    },
  };
}

function requireBuilt({ dlJobs }) {
  if (!existsSync(dlJobs))
    throw new Error(`there is no ${relative(process.cwd(), dlJobs)}: run \`npm run build\` first`);
}

function bare(label, argv, out = () => null) {
  return {
    label,
    missing: () => null,
    command: (context, _kind, _n, file) => ({ argv: argv(context, file), out: out(file) }),
  };
}

/** A command that looks at a large run that has ended. */
function looking(command, more = () => []) {
  return {
    label: `dl_jobs ${command}`,
    missing: () => null,
    command: (context) => {
      requireBuilt(context);
      const { cwd, tasks } = finishedRun(context);
      return { argv: [process.execPath, context.dlJobs, command, ...more(tasks)], cwd, out: null };
    },
  };
}

/** @type {Record<string, { label: string, missing: (c: object) => string | null, command: (c: object, kind: string, n: number, out: string) => Command }>} */
export const CONTENDERS = {
  floor: script('floor (bare loop)', 'floor/floor.mjs'),
  'dl-jobs': dlJobs('dl-jobs', 'true'),
  'dl-jobs-nolog': dlJobs('dl-jobs, log: false', 'false'),
  piscina: script('piscina, 64 in flight', 'contenders/piscina.mjs', { needs: 'piscina' }),
  'piscina-chunked': script('piscina, 256 a message by hand', 'contenders/piscina.mjs', {
    needs: 'piscina',
    extra: ['256'],
  }),
  tinypool: script('tinypool (processes), 64 in flight', 'contenders/tinypool.mjs', { needs: 'tinypool' }),
  'p-map': script('p-map, one process', 'contenders/p-map.mjs', { needs: 'p-map' }),
  pool: script('multiprocessing.Pool, chunksize 100', 'contenders/pool.py', { python: true }),
  executor: script('ProcessPoolExecutor, chunksize 100', 'contenders/executor.py', { python: true }),
  parallel: {
    label: 'GNU parallel',
    missing: () => {
      const version = spawnSync('parallel', ['--version'], { encoding: 'utf8' });
      return version.stdout?.startsWith('GNU parallel') ? null : 'GNU parallel is not installed';
    },
    command: (context, _kind, n, out) => ({
      argv: [
        'sh',
        '-c',
        'seq 0 "$1" | parallel -j "$2" echo {} > "$3"',
        'sh',
        String(n - 1),
        String(context.workers),
        out,
      ],
      out,
    }),
  },
  'node-node': bare(
    'a node that starts a node',
    (context, out) => [process.execPath, join(context.bench, 'floor/one.mjs'), out],
    (out) => out,
  ),
  'dl-jobs-help': bare('dl_jobs --help', (context) => {
    requireBuilt(context);
    return [process.execPath, context.dlJobs, '--help'];
  }),
  'dl-jobs-status': looking('status'),
  'dl-jobs-errors': looking('errors'),
  'dl-jobs-runs': looking('runs'),
  'dl-jobs-logs': looking('logs', (tasks) => ['--task', String(tasks - 1)]),
  'node-e': bare('node -e 0', () => [process.execPath, '-e', '0']),
};
