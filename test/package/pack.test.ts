/**
 * The package as a user gets it: really packed, installed in an empty project, run and type-checked there.
 *
 * It is installed without a network: its dependencies are packed from our own node_modules and installed beside it.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bin, one, readNdjson, repoRoot, type RunResult, runProcess } from '../support/project.js';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const JOB = `import { DLJob } from 'dl-jobs';

export function segment(): DLJob {
  return new DLJob({ moduleName: 'tiles.segment', methodName: 'segment', argsList: 3 });
}
`;
const TASK = `export interface Tile { readonly tile: number; readonly double: number }

export function segment(tile: number): Tile {
  return { tile, double: tile * 2 };
}
`;
const CONSUMER = `import { DLJob } from 'dl-jobs';

export const job: DLJob = new DLJob({ moduleName: 'tiles.segment', argsList: [1, 2, 3] });
// @ts-expect-error A job needs the name of its module.
export const broken = new DLJob({ argsList: 3 });
// @ts-expect-error A list of arguments is no boolean.
export const wrong = new DLJob({ moduleName: 'tiles.segment', argsList: true });
`;

/** Written by the build, a line or two that name what `core.js` has: there is no source to map to. */
const GENERATED = ['package/dist/index.js', 'package/dist/job-commands.js'];

const base = realpathSync(mkdtempSync(join(tmpdir(), 'dl-jobs-pack-')));
const app = join(base, 'app');
const tarballs = join(base, 'tarballs');
let packed: readonly string[] = [];

afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Runs a command that must succeed; its output is the message when it does not. */
async function must(command: string, args: readonly string[], cwd: string): Promise<RunResult> {
  const env = { npm_config_cache: join(base, 'cache'), npm_config_update_notifier: 'false' };
  const result = await runProcess(command, args, { cwd, env });
  if (result.code !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} ended with ${result.code}\n${result.stdout}${result.stderr}`,
    );
  }
  return result;
}

/** Folders in our node_modules of what the package needs at run time, with what those need. */
function runtimeDependencies(folder: string, found = new Set<string>()): Set<string> {
  const { dependencies, optionalDependencies } = manifest(folder);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const at = join(repoRoot, 'node_modules', name);
    // Optional ones for other systems are not there.
    if (found.has(at) || !existsSync(at)) continue;
    found.add(at);
    runtimeDependencies(at, found);
  }
  return found;
}

async function pack(folder: string): Promise<string> {
  const into = mkdtempSync(join(tarballs, 'p-'));
  await must('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', into, folder], base);
  return one(join(into, '*.tgz'));
}

beforeAll(async () => {
  if (!existsSync(bin)) throw new Error(`${bin} is missing: run \`npm run build\` first`);
  for (const folder of [tarballs, join(app, 'run'), join(app, 'tiles')])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  writeFileSync(join(app, 'run/tiles.ts'), JOB);
  writeFileSync(join(app, 'tiles/segment.ts'), TASK);
  writeFileSync(join(app, 'consumer.ts'), CONSUMER);

  const ours = await pack(repoRoot);
  packed = (await must('tar', ['-tzf', ours], base)).stdout.trimEnd().split('\n');
  const dependencies: string[] = [];
  for (const folder of runtimeDependencies(repoRoot)) dependencies.push(await pack(folder));
  const flags = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
  await must('npm', ['install', ...flags, ours, ...dependencies], app);
}, 480_000);

describe('the packed package', () => {
  test('holds what runs, types, licences and the Python guest, and nothing else', () => {
    const names = packed.map((name) => name.replace(/^package\//, ''));
    expect(names).toEqual(
      expect.arrayContaining([
        'package.json',
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'dist/index.js',
        'dist/core.js',
        'dist/job-commands.js',
        'dist/vendor/yaml.js',
        'dist/vendor/babel.js',
        'dist/vendor/csv.js',
        'dist/cli/bin.js',
        'dist/worker/node-host.js',
        'dist/types/index.d.ts',
        'dist/THIRD_PARTY_LICENSES.txt',
        'python/dl_jobs/__init__.py',
        'python/dl_jobs/_host.py',
        'builtin/test_jobs.ts',
      ]),
    );
    const strays = names.filter(
      (name) =>
        !/^(package\.json|LICENSE|README\.md|CHANGELOG\.md|dist\/|builtin\/|python\/dl_jobs\/[^/]+\.py$)/.test(
          name,
        ) || /__pycache__|\.pyc$|\.test\./.test(name),
    );
    expect(strays).toEqual([]);
  });

  test('installs the tarball itself, not a link to the repository', () => {
    const installed = join(app, 'node_modules/dl-jobs');
    expect(realpathSync(installed)).toBe(installed);
    expect(manifest(installed).version).toBe(manifest(repoRoot).version);
    expect(readdirSync(join(app, 'node_modules/.bin'))).toEqual(
      expect.arrayContaining(['dl_jobs', 'dl-jobs']),
    );
  });

  test('runs a TypeScript job by its installed command', async () => {
    // The command's first line asks for `node`: it must be the one that runs this test.
    const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;
    const command = join(app, 'node_modules/.bin/dl_jobs');
    const result = await runProcess(command, ['run', 'tiles.segment'], { cwd: app, env: { PATH: path } });
    expect(result).toMatchObject({ code: 0, signal: null });
    const rows = readNdjson<{ tile: number }>(one(join(app, 'results/*.ndjson')));
    expect(rows.sort((a, b) => a.tile - b.tile)).toEqual([
      { tile: 0, double: 0 },
      { tile: 1, double: 2 },
      { tile: 2, double: 4 },
    ]);
  });

  test('runs its built-in test job, and maps each of its scripts to the source that it came from', async () => {
    const installed = join(app, 'node_modules/dl-jobs');
    const cli = join(installed, 'dist/cli/bin.js');
    const result = await runProcess(process.execPath, [cli, 'test', '1', 'a', 'b=c'], { cwd: app });
    expect(result).toMatchObject({ code: 0, signal: null });
    expect(JSON.parse(result.stdout)).toMatchObject({ args: ['a'], kwargs: { b: 'c' } });

    const unmapped = packed
      .filter((name) => /^package\/dist\/.*\.js$/.test(name) && !GENERATED.includes(name))
      .map((name) => join(installed, name.replace(/^package\//, '')))
      .filter((script) => {
        const map = JSON.parse(readFileSync(`${script}.map`, 'utf8')) as {
          readonly sources: readonly string[];
          readonly sourcesContent: readonly (string | null)[];
        };
        return map.sourcesContent.length !== map.sources.length || map.sourcesContent.includes(null);
      });
    expect(unmapped).toEqual([]);
    for (const name of GENERATED) {
      const text = readFileSync(join(installed, name.replace(/^package\//, '')), 'utf8');
      expect(text.trimEnd().split('\n').length).toBeLessThan(3);
      expect(text).toContain("from './core.js'");
    }
  });

  test('has types that a strict TypeScript project accepts', { timeout: 240_000 }, async () => {
    mkdirSync(join(app, 'node_modules/@types'), { recursive: true });
    for (const name of ['@types/node', 'undici-types']) {
      symlinkSync(join(repoRoot, 'node_modules', name), join(app, 'node_modules', name), 'dir');
    }
    const compilerOptions = {
      ...{ target: 'ES2023', module: 'nodenext', strict: true, exactOptionalPropertyTypes: true },
      ...{ noEmit: true, skipLibCheck: false, types: ['node'] },
    };
    writeFileSync(
      join(app, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['consumer.ts', 'run/tiles.ts', 'tiles/segment.ts'] }),
    );
    const tsc = join(repoRoot, 'node_modules/typescript/bin/tsc');
    const result = await runProcess(process.execPath, [tsc, '-p', '.'], { cwd: app });
    expect(result).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  });
});
