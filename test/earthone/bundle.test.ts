/**
 * Bundles of real projects: frozen by our own snapshot, unzipped by Python, and run through their entry point.
 *
 * lines: one kind of project, bundled in every way.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { readPackages } from '../../src/envs/read-packages.js';
import { makeBundle, type Bundle } from '../../src/platforms/earthone/bundle.js';
import { takeSnapshot, writeSnapshot } from '../../src/snapshot/snapshot.js';
import { makeProject, type Project } from '../support/project.js';
import { jobSpec, refusal } from './job-spec.js';

type Changes = NonNullable<Parameters<typeof jobSpec>[0]>;

/** Freezes and bundles the job of a project as a round would. */
async function bundled(project: Project, changes: Changes = {}): Promise<Bundle> {
  const make = await frozen(project, changes);
  return make();
}

async function frozen(project: Project, changes: Changes = {}): Promise<() => Bundle> {
  const spec = jobSpec(changes);
  const dlsRoot = project.path('dl_jobs');
  const snapshot = await takeSnapshot({
    root: project.dir,
    entries: [{ file: spec.file, language: 'python', module: spec.moduleName }],
    modules: spec.modules,
    packages: readPackages(spec.requirements, { language: 'python', root: project.dir, dlsRoot }),
    dlsRoot,
    python: () => 'python3',
  });
  const code = writeSnapshot(snapshot, join(dlsRoot, 'runs', 'one', 'code'));
  return () => makeBundle({ spec, code, entry: join(code, spec.file), projectRoot: project.dir, dlsRoot });
}

async function bundleError(project: Project, changes: Changes): Promise<string> {
  const make = await frozen(project, changes);
  const { code, text } = refusal(make);
  expect(code, text).toBe('BUNDLE_INVALID');
  return text;
}

/** Names in the bundle besides our own package. */
const names = (bundle: Bundle): string[] =>
  bundle.files.map(({ path }) => path).filter((path) => !path.startsWith('dl_jobs/'));

const RUN = `
import json, os, sys, zipfile
archive, how, calls = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
place = archive
if how == 'folder':
    place = archive + ' unpacked'
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        file.extractall(place)
sys.path.insert(0, place)
main = __import__('__dlentrypoint__').main
for index, argument in enumerate(calls):
    head, value = main(index, argument).split(b'\\n', 1)
    sys.stdout.buffer.write(b'%b %b\\n' % (json.dumps(json.loads(head)['s']).encode(), value))
`;

/** What Python makes of the bundle: the status and value of each call, as a line of text. */
function runIn(project: Project, bundle: Bundle, how: 'folder' | 'zip', args: readonly unknown[]): string[] {
  const archive = project.path(`out ü ${how}.zip`);
  writeFileSync(archive, bundle.bytes());
  const output = execFileSync('python3', ['-c', RUN, archive, how, JSON.stringify(args)], {
    cwd: project.path('..'),
    encoding: 'utf8',
  });
  return output.trimEnd().split('\n');
}

const TILES = {
  'tiles/__init__.py': 'NAME = "tiles"\n',
  'tiles/segment.py': [
    'import os',
    'from . import NAME',
    'from lib.deep.scale import scale',
    'import dl_jobs.utils',
    'def task(x):',
    '    with open("data/größe ñ.csv", encoding="utf-8") as file: text = file.read()',
    '    return [NAME, scale(x), text, os.path.exists("data/other.txt")]',
    'def pure(x): return scale(x)',
  ].join('\n'),
  'lib/deep/scale.py': 'def scale(x): return x * 10\n',
  'lib/unused.py': 'raise Exception()\n',
  'extra/__init__.py': '',
  'extra/more/one.py': 'ONE = 1\n',
  'data/größe ñ.csv': 'a;b',
  'data/other.txt': 'other',
  'data/deep/er/x.csv': '1',
  'data/deep/y.csv': '2',
  'data/.hidden.csv': '3',
  'data/deep/.dir/z.csv': '4',
  'results/old.csv': '5',
  'dl_jobs/runs/older/out.csv': '6',
};

describe('a bundle', () => {
  test('has the frozen modules, the data and our wrapper, and runs as a folder and as a zip', async () => {
    const project = makeProject(TILES, { hostilePath: true });
    const bundle = await bundled(project, { data: ['data/*.csv'], modules: ['extra'] });
    expect(names(bundle)).toEqual([
      '__dlentrypoint__.py',
      'data/größe ñ.csv',
      'extra/__init__.py',
      'extra/more/one.py',
      'lib/deep/scale.py',
      'tiles/__init__.py',
      'tiles/segment.py',
    ]);
    expect(runIn(project, bundle, 'folder', [1, 2])).toEqual([
      '"ok" ["tiles",10,"a;b",false]',
      '"ok" ["tiles",20,"a;b",false]',
    ]);
    const pure = await bundled(project, { methodName: 'pure' });
    expect(runIn(project, pure, 'zip', [7])).toEqual(['"ok" 70']);
    expect(pure.files.find(({ path }) => path === 'tiles/__init__.py')?.size).toBe(15);
  });

  test('holds the code as it was frozen, not as it is now', async () => {
    const project = makeProject(TILES);
    const make = await frozen(project, { methodName: 'pure', data: ['lib/**/*.py'] });
    writeFileSync(project.path('lib/deep/scale.py'), 'def scale(x): return "later"\n');
    expect(runIn(project, make(), 'folder', [1])).toEqual(['"ok" 10']);
  });

  test('tells the wrapper everything of the job, whatever characters it has', async () => {
    const project = makeProject({
      'a b.py': '',
      'tiles/segment.py': 'def täsk_2(*args, **kwargs): return {"ERROR": [kwargs["t"], args]}\n',
    });
    const bundle = await bundled(project, {
      methodName: 'täsk_2',
      call: 'single',
      redact: ['se\\w+\'"😀\u2028\n', 'tok\\d'],
      env: ['TOKEN'],
      policy: { retries: 2, retryOn: ['exception'] },
    });
    const args = [{ args: ['tok1', 'x'], kwargs: { t: 'sesame\'"😀\u2028\n' } }];
    expect(runIn(project, bundle, 'folder', args)).toEqual([
      `"error" {"ERROR":["${'*'.repeat('sesame'.length + 5)}",["****","x"]]}`,
    ]);
    // A value has no place in what the platform keeps, only the name.
    const entry = Buffer.from(unzipSync(bundle.bytes())['__dlentrypoint__.py']!).toString('utf8');
    expect(entry).toContain('"secrets":["TOKEN"]');
    expect(entry).toMatch(/^[\x20-\x7e\n]*$/);
  });

  test('does as many retries as its function is asked for', async () => {
    const project = makeProject({ 'tiles/segment.py': 'def task(x): return {"ERROR": x}' });
    // With retries of the platform's, a failure that is not to be tried again is no failure for it.
    const bundle = await bundled(project, { taskKwargs: { retry_count: 1 } });
    expect(runIn(project, bundle, 'zip', [1])).toEqual(['"error" {"ERROR":1}']);
  });

  test('runs the test job, which is a part of our own package', async () => {
    const project = makeProject({ 'x.py': '' });
    const code = project.path('empty');
    mkdirSync(code);
    const bundle = makeBundle({
      spec: jobSpec({ moduleName: 'dl_jobs.test_jobs', methodName: 'return_args' }),
      code,
      entry: join(code, 'dl_jobs/test_jobs.py'),
      projectRoot: project.dir,
      dlsRoot: project.path('dl_jobs'),
    });
    expect(runIn(project, bundle, 'zip', [{ a: 1 }])).toEqual(['"ok" {"a":1}']);
  });

  test('leaves out what only this machine needs, and never has a link', async () => {
    const bundle = await bundled(makeProject(TILES));
    const ours = bundle.files.map(({ path }) => path).filter((path) => path.startsWith('dl_jobs/'));
    expect(ours).toContain('dl_jobs/_earthone.py');
    expect(ours).toContain('dl_jobs/decorators.py');
    expect(ours).not.toContain('dl_jobs/_host.py');
    expect(ours.filter((path) => path.includes('runs/'))).toEqual([]);
    expect(names(bundle)).not.toContain('lib/unused.py');
  });
});

describe('the hash and the bytes', () => {
  test('are the same for the same content at another place, time and in another zone', async () => {
    const first = makeProject(TILES);
    const options: Changes = { data: ['data/**'], requirements: ['numpy'] };
    const one = await bundled(first, options);
    const second = makeProject({}, { hostilePath: true });
    for (const folder of ['tiles', 'lib', 'data']) {
      cpSync(first.path(folder), second.path(folder), { recursive: true });
    }
    utimesSync(second.path('data/other.txt'), 1e9, 1e9);
    const zone = process.env['TZ'];
    process.env['TZ'] = 'Pacific/Auckland';
    try {
      const two = await bundled(second, options);
      expect(two.hash).toBe(one.hash);
      expect(Buffer.from(two.bytes()).equals(Buffer.from(one.bytes()))).toBe(true);
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
    expect(one.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('differ with any name, content, requirement or setting', async () => {
    const hashes = new Set<string>();
    const add = async (project: Project, changes: Changes): Promise<void> => {
      hashes.add((await bundled(project, changes)).hash);
    };
    const project = makeProject(TILES);
    await add(project, {});
    await add(project, { requirements: ['numpy'] });
    await add(project, { requirements: ['numpy==2'] });
    await add(project, { data: ['data/other.txt'] });
    renameSync(project.path('data/other.txt'), project.path('data/Other.txt'));
    await add(project, { data: ['data/Other.txt'] });
    writeFileSync(project.path('data/Other.txt'), 'other!');
    await add(project, { data: ['data/Other.txt'] });
    await add(project, { methodName: 'pure' });
    await add(project, { groupedResults: true });
    await add(project, { policy: { retries: 1 } });
    expect(hashes.size).toBe(9);
  });

  test('agree, or nothing is sent', async () => {
    const project = makeProject(TILES);
    const bundle = await bundled(project, { data: ['data/other.txt'] });
    writeFileSync(project.path('data/other.txt'), 'meanwhile');
    expect(refusal(() => bundle.bytes())).toMatchObject({ code: 'BUNDLE_INVALID' });
    rmSync(project.path('data/other.txt'));
    expect(refusal(() => bundle.bytes()).text).toMatch(/data\/other\.txt cannot be read/);
  });
});

describe('data', () => {
  const files = async (project: Project, ...data: string[]): Promise<string[]> =>
    names(await bundled(project, { data, methodName: 'pure' })).filter((path) => !path.endsWith('.py'));

  test('patterns', async () => {
    const project = makeProject(TILES);
    expect(await files(project, 'data/**/*.csv')).toEqual([
      'data/deep/er/x.csv',
      'data/deep/y.csv',
      'data/größe ñ.csv',
    ]);
    expect(await files(project, 'data/**')).toEqual([
      'data/deep/er/x.csv',
      'data/deep/y.csv',
      'data/größe ñ.csv',
      'data/other.txt',
    ]);
    expect(await files(project, '**/*.csv')).toEqual([
      'data/deep/er/x.csv',
      'data/deep/y.csv',
      'data/größe ñ.csv',
      'results/old.csv',
    ]);
    expect(await files(project, './data/../data/*/?.csv', project.path('data/o*'))).toEqual([
      'data/deep/y.csv',
      'data/other.txt',
    ]);
    expect(await files(project, 'data/{other.txt,deep/{er/x,y}.csv}')).toEqual([
      'data/deep/er/x.csv',
      'data/deep/y.csv',
      'data/other.txt',
    ]);
    expect(await files(project, 'data/.*', 'data/deep/[!a-x].csv')).toEqual([
      'data/.hidden.csv',
      'data/deep/y.csv',
    ]);
  });

  test('names that look like patterns, and patterns that look broken', async () => {
    const odd = ['a[1].txt', 'b{x}.txt', 'c*.txt', 'd\n.txt', '-', 'e\'".txt', 'f\\g.txt', 'h😀.txt'];
    const project = makeProject({
      ...TILES,
      ...Object.fromEntries(odd.map((name) => [`odd/${name}`, name])),
    });
    const all = odd.map((name) => `odd/${name}`).sort();
    expect(await files(project, ...all)).toEqual(all);
    expect(await files(project, 'odd/*')).toEqual(all);
    expect(await files(project, 'odd/h?.txt')).toEqual(['odd/h😀.txt']);
    expect(await files(project, 'odd/a[[]1].txt')).toEqual(['odd/a[1].txt']);
    const broken = await bundled(project, { data: ['odd/[z-a]', 'odd/[', 'odd/{a', 'odd/[]*'] });
    expect(broken.warnings).toHaveLength(4);
    const written = unzipSync((await bundled(project, { data: all })).bytes());
    for (const name of odd) expect(Buffer.from(written[`odd/${name}`]!).toString()).toBe(name);
  });

  test('links to files and folders are followed, and not for ever', async () => {
    const project = makeProject(TILES);
    symlinkSync(project.dir, project.path('data/deep/loop'));
    symlinkSync(project.path('data/other.txt'), project.path('data/deep/link.txt'));
    const found = await files(project, 'data/deep/**/*.txt');
    expect(found).toContain('data/deep/link.txt');
    expect(found.length).toBeLessThan(20);
  });

  test('a pattern that matches nothing is worth a warning, and runs are never data', async () => {
    const project = makeProject(TILES);
    const bundle = await bundled(project, { data: ['nothing/*.csv', 'dl_jobs/**', 'data/o*'] });
    expect(bundle.warnings).toEqual([
      'data: no file of the project matches `nothing/*.csv`',
      'data: no file of the project matches `dl_jobs/**`',
    ]);
  });

  test.each([
    ['data/missing.csv', 'found none at `data/missing.csv`'],
    ['data', 'a folder, `data`'],
    ['data/', '`data/**`'],
    ['../outside.csv', 'a file of the project'],
    ['/etc/hostname', 'a file of the project'],
    ['data/../../*', 'a file of the project'],
    ['__main__.py', '__main__.py'],
    ['*.py', '__main__.py'],
    ['requirements.txt', '`requirements` of the job'],
    ['', 'folder'],
    ['a\0b', 'a file of the project'],
  ])('%j is refused', async (pattern, text) => {
    const project = makeProject({ ...TILES, '__main__.py': '', 'requirements.txt': 'numpy' });
    expect(await bundleError(project, { data: [pattern] })).toContain(text);
  });

  test('a name of our own package is taken', async () => {
    const project = makeProject({ ...TILES, 'dl_jobs/mine.csv': '' });
    expect(await bundleError(project, { data: ['dl_jobs/mine.csv'] })).toContain('dl_jobs/mine.csv');
  });
});

describe('requirements', () => {
  const text = async (requirements: readonly string[] | string, more: Record<string, string> = {}) => {
    const bundle = await bundled(makeProject({ ...TILES, ...more }), { requirements });
    const file = unzipSync(bundle.bytes())['requirements.txt'];
    return file === undefined ? null : Buffer.from(file).toString('utf8');
  };

  test('come as they are said, without blank lines, also from files', async () => {
    const lines = [
      'numpy',
      'pandas>=1.5,<3',
      'torch==2.0.1+cpu',
      'a.b-c_d[x, y] ~= 1.2 ; python_version < "3.9" and (sys_platform == \'linux\' or extra in "z")',
      'c (>=1.0.dev1)',
      'd==1.*',
      'e===weird',
      'pip @ https://example.org/pip-1.0.whl#sha1=da39 ; os_name != "nt"',
      'git+https://example.org/x.git@main#egg=x',
      'https://example.org/x.zip',
      '--extra-index-url https://example.org/simple',
      '-e git+https://example.org/y.git#egg=y',
    ];
    expect(await text(lines)).toBe(lines.join('\n'));
    expect(
      await text('req.txt', {
        'req.txt': '\ufeffnumpy # why\r\n\r\n-r more/r.txt\n',
        'more/r.txt': 'scipy\n# x\n',
      }),
    ).toBe('numpy\nscipy');
    expect(await text(['dl-jobs==1.0'])).toBeNull();
    expect(await text([])).toBeNull();
  });

  test.each([
    'not a name',
    'numpy==abc',
    'numpy=1',
    'numpy>=1,,<2',
    'numpy[x',
    'numpy; nonsense',
    'numpy; python_version <',
    'numpy; (python_version < "3"',
    'http://example.org/x.zip',
    'numpy==1.0 --hash=sha256:aa',
    'größe',
    './wheel.whl',
    '-e ./local',
    '--editable=local',
    '-f wheels',
    '--find-links wheels',
    'local @ file:./local',
  ])('%j is refused, and named', async (line) => {
    const project = makeProject({ ...TILES, 'local/setup.py': '', 'wheel.whl': '', 'wheels/a.whl': '' });
    const said = await bundleError(project, { requirements: ['scipy', line] });
    expect(said).toMatch(/^requirements: /);
    expect(said).toContain(line.startsWith('-f ') ? '--find-links wheels' : line);
  });

  test('constraints and local files are refused', async () => {
    const project = makeProject({ ...TILES, 'c.txt': 'numpy<2', 'x.whl': '' });
    expect(await bundleError(project, { requirements: ['numpy', '-c c.txt'] })).toContain('`numpy<2`');
    expect(await bundleError(project, { requirements: ['x.whl'] })).toContain('`x.whl`');
  });
});
