/** `requirements` of TypeScript tasks: packages of npm that win over the project's, and hide none of them. */
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, runProcess, type Project } from '../support/project.js';
import { put, registry, tarball } from '../support/packages.js';
import { runDirs } from './journal.js';

const JOB = `
import { DLJob } from 'dl-jobs';
import { readFileSync } from 'node:fs';
export const task = () =>
  new DLJob({
    moduleName: 'tasks.look',
    methodName: 'look',
    argsList: 2,
    requirements: JSON.parse(readFileSync('requirements.json', 'utf8')),
    resultsTimestamp: false,
    saveResults: 'out',
  });
`;
/** A task module whose static imports are not all there without the requirements. */
const LOOK = `
import { value as required } from 'required';
import { expandArgs } from 'dl-jobs';
import both from 'both';
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { nested } from './nested/index.cjs';
const require = createRequire(import.meta.url);
const found = (name: string): unknown => {
  try {
    return require(name).value;
  } catch {
    return null;
  }
};
export function look(i: number) {
  if (existsSync('fail')) throw new Error('told to');
  return {
    required,
    both: both.value,
    inside: both.inside.map((module: { value: unknown }) => module.value),
    nested,
    own: found('own'),
    scoped: [found('@scope/a'), found('@scope/b')],
    guest: typeof expandArgs,
  };
}
`;
const NESTED = `exports.nested = require('required').value;\n`;

function npmProject(requirements: unknown, files: Record<string, string> = {}, hostilePath = false): Project {
  const project = makeProject(
    {
      'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\n',
      'package.json': '{"type":"module"}',
      'run/job.ts': JOB,
      'tasks/look.ts': LOOK,
      'tasks/nested/index.cjs': NESTED,
      'requirements.json': JSON.stringify(requirements),
      ...files,
    },
    { hostilePath },
  );
  for (const name of ['own', 'both', '@scope/a', '@scope/b']) {
    put(project.path('node_modules', name, 'package.json'), JSON.stringify({ name, version: '0.0.1' }));
    put(
      project.path('node_modules', name, 'index.js'),
      `exports.value = 'the project has ${name}';\nexports.inside = [];\n`,
    );
  }
  return project;
}

/** npm asks nobody, unless it is told whom. */
const run = (project: Project, args: readonly string[] = ['run', 'job'], offline = true) =>
  project.run(args, {
    env: { npm_config_cache: project.path('npm cache'), npm_config_offline: offline ? 'true' : undefined },
  });
/** Lets npm write the lock file of a package.json. */
const lockFile = (project: Project, folder: string) =>
  runProcess('npm', ['install', '--package-lock-only', '--ignore-scripts'], {
    cwd: project.path(folder),
    env: { npm_config_cache: project.path('npm cache'), no_proxy: '127.0.0.1' },
  });
const results = (project: Project): Record<string, unknown>[] =>
  readNdjson(project.path('results/out.ndjson'));
const environments = (project: Project): string[] => readdirSync(project.path('dl_jobs/cache/envs')).sort();

// npm several times in one test, on a busy machine.
describe('requirements of TypeScript tasks', { timeout: 180_000 }, () => {
  test('as a list win over the packages of the project, and hide none of them', async () => {
    const project = npmProject(
      [
        './vendor/required.tgz',
        'both@file:vendor/both.tgz',
        './vendor/@scope/a.tgz',
        './vendor/dep',
        'dl-jobs@99',
      ],
      {},
      true,
    );
    put(project.path('vendor/required.tgz'), tarball('required', '1.0.0', 'required 1'));
    put(project.path('vendor/both.tgz'), tarball('both', '2.0.0', 'both 2', { dep: '*' }));
    put(project.path('vendor/@scope/a.tgz'), tarball('@scope/a', '3.0.0', 'a 3'));
    put(project.path('vendor/dep/package.json'), '{"name":"dep","version":"1.0.0","main":"i.js"}');
    put(project.path('vendor/dep/i.js'), `exports.value = 'dep';\n`);
    const expected = {
      required: 'required 1',
      both: 'both 2',
      inside: ['dep'],
      nested: 'required 1',
      own: 'the project has own',
      scoped: ['a 3', 'the project has @scope/b'],
      guest: 'function',
    };

    const first = await run(project);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toMatch(/^environment npm-[0-9a-f]{16}: installing 4 packages for node v/m);
    expect(results(project)).toEqual([expected, expected]);

    const second = await run(project);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toMatch(/^environment npm-[0-9a-f]{16}: ready, made /m);
    expect(second.stderr).not.toContain('installing');
    expect(results(project)).toEqual([expected, expected]);
    expect(environments(project)).toHaveLength(1);

    // What an archive holds counts, and not its name.
    put(project.path('vendor/required.tgz'), tarball('required', '1.0.0', 'required again'));
    const third = await run(project);
    expect(third.code, third.stderr).toBe(0);
    expect(results(project)[0]).toMatchObject({ required: 'required again', nested: 'required again' });
    expect(environments(project)).toHaveLength(2);
  });

  test('are there again in a later round when the cache is gone, and packages that the project has by then', async () => {
    const project = npmProject(['./required.tgz'], { fail: '' });
    put(project.path('required.tgz'), tarball('required', '1.0.0', 'required 1'));
    const failed = await run(project);
    expect(failed.code, failed.stderr).toBe(1);
    rmSync(project.path('fail'));
    rmSync(project.path('dl_jobs/cache'), { recursive: true });
    rmSync(project.path('node_modules/own'), { recursive: true });
    put(project.path('node_modules/@scope/b/index.js'), `exports.value = 'b now';\n`);
    put(project.path('requirements.json'), '["./other.tgz"]');
    const retried = await run(project, ['retry']);
    expect(retried.code, retried.stderr).toBe(0);
    expect(results(project)[0]).toMatchObject({
      required: 'required 1',
      own: null,
      scoped: ['the project has @scope/a', 'b now'],
    });
    const [dir] = runDirs(project.dir) as [string];
    expect(existsSync(join(one(join(dir, 'code/*')), 'node_modules/required/package.json'))).toBe(true);
    const replayed = await run(project, ['replay', '--task', '1', '--code', 'run']);
    expect(replayed.code, replayed.stderr).toBe(0);
    expect(JSON.parse(replayed.stdout)).toMatchObject({ required: 'required 1' });
  });

  test('as a package.json come as its lock file says, from the registry that .npmrc names', async () => {
    const project = npmProject('app/package.json', {
      'app/package.json': JSON.stringify({
        name: 'app',
        version: '1.0.0',
        scripts: { prepare: 'exit 1', postinstall: 'exit 1' },
        dependencies: { required: '^1.0.0', '@scope/a': '*' },
        devDependencies: { both: '*' },
      }),
    });
    const at = await registry({
      'required@1.0.0': tarball('required', '1.0.0', 'required 1.0'),
      '@scope/a@1.0.0': tarball('@scope/a', '1.0.0', 'a 1.0'),
      'both@9.0.0': tarball('both', '9.0.0', 'a tool of the developers'),
    });
    put(project.path('app/.npmrc'), `registry=${at.url}\n`);
    const locked = await lockFile(project, 'app');
    expect(locked.code, locked.stderr).toBe(0);

    const later = await registry({
      'required@1.0.0': tarball('required', '1.0.0', 'required 1.0'),
      'required@1.1.0': tarball('required', '1.1.0', 'required 1.1'),
      '@scope/a@1.0.0': tarball('@scope/a', '1.0.0', 'a 1.0'),
    });
    const lock = readFileSync(project.path('app/package-lock.json'), 'utf8').replaceAll(at.url, later.url);
    put(project.path('app/package-lock.json'), lock);
    put(project.path('app/.npmrc'), `registry=${later.url}\n`);
    const first = await run(project, ['run', 'job'], false);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toContain(
      `installing the packages of ${project.path('app/package.json')} for node v`,
    );
    expect(results(project)[0]).toMatchObject({
      required: 'required 1.0',
      both: 'the project has both',
      scoped: ['a 1.0', 'the project has @scope/b'],
    });
    expect(later.asked.some((path) => path.includes('required@1.0.0.tgz'))).toBe(true);

    // Without the lock it is what is newest.
    rmSync(project.path('app/package-lock.json'));
    const second = await run(project, ['run', 'job'], false);
    expect(second.code, second.stderr).toBe(0);
    expect(results(project)[0]).toMatchObject({ required: 'required 1.1' });
  });

  test('with paths and with our own package beside a lock file are installed as it says, as far as it goes', async () => {
    const project = npmProject('.', {
      'package.json': JSON.stringify({
        type: 'module',
        dependencies: { required: '^1.0.0', both: 'file:./lib/both', 'dl-jobs': '^99.0.0' },
      }),
      'lib/both/package.json': '{"name":"both","version":"1.0.0","main":"i.js"}',
      'lib/both/i.js': `exports.value = 'both of lib';\nexports.inside = [];\n`,
    });
    const at = await registry({
      'required@1.0.0': tarball('required', '1.0.0', 'required 1.0'),
      'dl-jobs@99.0.0': tarball('dl-jobs', '99.0.0', 'another'),
    });
    put(project.path('.npmrc'), `registry=${at.url}\n`);
    const locked = await lockFile(project, '.');
    expect(locked.code, locked.stderr).toBe(0);
    const later = await registry({
      'required@1.0.0': tarball('required', '1.0.0', 'required 1.0'),
      'required@1.1.0': tarball('required', '1.1.0', 'required 1.1'),
    });
    const lock = readFileSync(project.path('package-lock.json'), 'utf8').replaceAll(at.url, later.url);
    put(project.path('package-lock.json'), lock);
    put(project.path('.npmrc'), `registry=${later.url}\n`);
    const { code, stderr } = await run(project, ['run', 'job'], false);
    expect(code, stderr).toBe(0);
    expect(results(project)[0]).toMatchObject({
      required: 'required 1.0',
      both: 'both of lib',
      guest: 'function',
    });
  });

  test('stay where `clean` removes what was cut off', async () => {
    const project = npmProject(['./required.tgz']);
    put(project.path('required.tgz'), tarball('required', '1.0.0', 'required 1'));
    expect((await run(project)).code).toBe(0);
    const [name] = environments(project) as [string];
    const home = project.path('dl_jobs/cache/envs', name);
    const there = readdirSync(home);
    // Its name is drawn by chance; beside it lie a lock and a mark.
    const attempt = there.find((entry) => /^[0-9a-f]{8}$/.test(entry)) as string;
    const old = new Date(Date.now() - 2 * 3_600_000);
    for (const torn of [join(home, '00000000'), project.path('dl_jobs/cache/envs/npm-torn/11111111')]) {
      put(join(torn, 'node_modules/x/index.js'), '');
      utimesSync(torn, old, old);
    }
    put(join(home, '22222222/node_modules/begun/now.js'), '');
    put(join(home, attempt, 'node_modules/x/left.tmp'), '');
    utimesSync(join(home, attempt, 'node_modules/x/left.tmp'), old, old);
    utimesSync(join(home, attempt), old, old);
    const { code, stderr } = await project.run(['clean', '--older-than', '7d']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('2 leftovers');
    expect(readdirSync(home).sort()).toEqual([...there, '22222222'].sort());
    expect(readdirSync(project.path('dl_jobs/cache/envs/npm-torn'))).toEqual([]);
    expect(existsSync(join(home, attempt, 'node_modules/x/left.tmp'))).toBe(true);
    const again = await run(project);
    expect(again.stderr).toContain(`environment ${name}: ready`);
  });

  test('that cannot be installed are told, with what npm said, before there is a run', async () => {
    const project = npmProject(['./no such file.tgz']);
    const { code, stderr } = await run(project);
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(
      /^error: requirements cannot be installed: npm ended with exit code \d+ \[ENV_BUILD_FAILED\]$/m,
    );
    expect(stderr).toContain('no such file.tgz');
    expect(existsSync(project.path('dl_jobs/runs'))).toBe(false);
  });
});
