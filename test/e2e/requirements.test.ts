/**
 * `requirements` of Python tasks: a virtual environment that is made once, and never used half made.
 * lines: the cases share the packages that they install.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project, type RunResult } from '../support/project.js';
import { OFFLINE, put, wheel, wheelName } from '../support/packages.js';
import { requires } from '../support/requires.js';
import { runDirs } from './journal.js';
import { processes, until } from './processes.js';

/** Three or more virtual environments in one test, on a busy machine. */
const SLOW = { timeout: 300_000 };
/** The first of them takes so long there until pip is at work in it. */
const TO_BUILD_MS = 120_000;

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
/** Tells which version of each package it finds, or that there is none, and where it runs. */
const LOOK = `
import importlib, os, sys
def look(i):
    found = {}
    for name in ('one', 'two', 'both', 'base', 'slow'):
        try:
            found[name] = getattr(importlib.import_module(name), 'VALUE', None)
        except ImportError:
            found[name] = None
    if os.path.exists('fail'):
        raise ValueError('told to')
    return dict(found, prefix=sys.prefix)
`;
/** Builds its own wheel, but waits in the middle of it until the test says so. */
const SLOW_BACKEND = `
import os, time, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    gate = os.environ['GATES']
    open(os.path.join(gate, 'begun-%d' % os.getpid()), 'w').close()
    while not os.path.exists(os.path.join(gate, 'open')):
        time.sleep(0.02)
    info = 'slow-1.dist-info/'
    with zipfile.ZipFile(os.path.join(folder, 'slow-1-py3-none-any.whl'), 'w') as made:
        made.writestr('slow.py', open('value.py').read())
        made.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: slow\\nVersion: 1\\n')
        made.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        made.writestr(info + 'RECORD', '')
    return 'slow-1-py3-none-any.whl'
`;
const SLOW_PROJECT =
  '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "slow"\nversion = "1"\n';

const value = (text: string): string => `VALUE = ${JSON.stringify(text)}\n`;

function pythonProject(
  requirements: unknown,
  files: Record<string, string> = {},
  hostilePath = false,
): Project {
  return makeProject(
    {
      'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\n',
      'run/job.ts': JOB,
      'tasks/look.py': LOOK,
      'requirements.json': JSON.stringify(requirements),
      'gates/closed': '',
      'slow/backend.py': SLOW_BACKEND,
      'slow/pyproject.toml': SLOW_PROJECT,
      'slow/value.py': value('slow 1'),
      ...files,
    },
    { hostilePath },
  );
}

function addWheel(
  project: Project,
  folder: string,
  name: string,
  version: string,
  needs: readonly string[] = [],
): void {
  const bytes = wheel(name, version, { [`${name}.py`]: value(`${name} ${version}`) }, needs);
  put(project.path(folder, wheelName(name, version)), bytes);
}

function run(
  project: Project,
  args: readonly string[] = ['run', 'job'],
  onStart?: (pid: number) => void,
): Promise<RunResult> {
  return project.run(args, {
    env: { ...OFFLINE, GATES: project.path('gates') },
    ...(onStart && { onStart: (child) => onStart(child.pid as number) }),
  });
}

interface Found {
  readonly one: string | null;
  readonly two: string | null;
  readonly both: string | null;
  readonly base: string | null;
  readonly slow: string | null;
  readonly prefix: string;
}

const results = (project: Project): Found[] => readNdjson<Found>(project.path('results/out.ndjson'));
const environments = (project: Project): string[] => readdirSync(project.path('dl_jobs/cache/envs')).sort();
/** How often pip came to the point where it builds `slow`. */
const builds = (project: Project): string[] =>
  readdirSync(project.path('gates')).filter((name) => name.startsWith('begun-'));

describe('requirements of Python tasks', requires('python3', 'venv'), () => {
  test('are installed once, win over what the interpreter has, and hide nothing of it', SLOW, async () => {
    const files = {
      'need/requirements.txt':
        '# why\n-r more.txt\n-c limits.txt\n--find-links "the wheels"\none\ndl_jobs==99\n',
      'need/more.txt': 'both==2',
      'need/limits.txt': 'one<2',
      'types.py': 'raise ImportError("the project is not on the path of pip")',
    };
    const project = pythonProject('need', files, true);
    for (const version of ['1', '2']) addWheel(project, 'need/the wheels', 'one', version, ['two']);
    for (const [name, version] of [
      ['two', '1'],
      ['both', '1'],
      ['both', '2'],
    ] as const)
      addWheel(project, 'need/the wheels', name, version);
    // The interpreter is itself one of a virtual environment, with packages of its own.
    spawnSync('python3', ['-m', 'venv', '--without-pip', project.path('my env')]);
    const site = one(project.path('my env/lib/*'));
    put(join(site, 'site-packages/base.py'), value('base'));
    put(join(site, 'site-packages/both.py'), value('both of the interpreter'));
    put(
      project.path('dl_jobs.config.yaml'),
      `noisy: false\npython: ${JSON.stringify(project.path('my env/bin/python'))}\n`,
    );

    const first = await run(project);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toMatch(
      /^environment py-[0-9a-f]{16}: installing 2 requirements for .*my env\/bin\/python/ms,
    );
    expect(first.stderr).toMatch(/^environment py-[0-9a-f]{16}: made in \d+\.\d s$/m);
    const [found] = results(project);
    expect(found).toMatchObject({ one: 'one 1', two: 'two 1', both: 'both 2', base: 'base', slow: null });
    const [name] = environments(project) as [string];
    expect(found?.prefix.startsWith(project.path('dl_jobs/cache/envs', name))).toBe(true);
    expect(readFileSync(one(project.path('logs/*.log')), 'utf8')).toContain(`\nPACKAGES  ${found?.prefix}\n`);

    const second = await run(project);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toContain(`environment ${name}: ready, made `);
    expect(second.stderr).not.toContain('installing');
    expect(results(project)[0]?.prefix).toBe(found?.prefix);

    // Other words, another environment; the first one stays.
    put(project.path('need/limits.txt'), 'one>1');
    const third = await run(project);
    expect(third.code, third.stderr).toBe(0);
    expect(results(project)[0]?.one).toBe('one 2');
    expect(environments(project)).toHaveLength(2);
    expect(environments(project)).toContain(name);
  });

  test('are made anew when who made them was killed; two that want them make them once', SLOW, async () => {
    const project = pythonProject(['./slow']);
    let pid = 0;
    const killed = run(project, ['run', 'job'], (started) => (pid = started));
    await until('pip builds', () => builds(project).length === 1, TO_BUILD_MS);
    const inProject = (): number => processes().filter(({ command }) => command.includes(project.dir)).length;
    expect(inProject()).toBeGreaterThan(1);
    process.kill(pid, 'SIGKILL');
    await killed;
    await until('pip is gone', () => inProject() === 0);
    const [name] = environments(project) as [string];
    const home = project.path('dl_jobs/cache/envs', name);
    const torn = readdirSync(home).filter((entry) => /^[0-9a-f]{8}$/.test(entry));
    expect(torn).toHaveLength(1);
    expect(existsSync(join(home, 'complete'))).toBe(false);

    const one = run(project);
    await until('pip builds again', () => builds(project).length === 2, TO_BUILD_MS);
    const heard: string[] = [];
    const other = project.run(['run', 'job'], {
      env: { ...OFFLINE, GATES: project.path('gates') },
      onStart: (child) => child.stderr?.on('data', (text: Buffer) => heard.push(String(text))),
    });
    await until('the other waits', () => heard.join('').includes('makes it, waiting'));
    writeFileSync(project.path('gates/open'), '');
    for (const { code, stderr } of await Promise.all([one, other])) expect(code, stderr).toBe(0);
    expect(heard.join('')).not.toContain('installing');
    expect(builds(project)).toHaveLength(2);
    expect(environments(project)).toEqual([name]);
    expect(readdirSync(home).filter((entry) => entry.startsWith('lock') || entry === torn[0])).toEqual([]);
    expect(results(project)).toMatchObject([{ slow: 'slow 1' }, { slow: 'slow 1' }]);
  });

  test('are part of the run: Ctrl-C while they are made leaves a run that can be resumed', SLOW, async () => {
    const project = pythonProject(['./slow']);
    let pid = 0;
    const interrupted = run(project, ['run', 'job'], (started) => (pid = started));
    await until('pip builds', () => builds(project).length === 1, TO_BUILD_MS);
    process.kill(pid, 'SIGINT');
    expect((await interrupted).code).toBe(130);
    const [dir] = runDirs(project.dir) as [string];
    const state = JSON.parse(readFileSync(join(dir, 'state.json'), 'utf8')) as object;
    expect(state).toMatchObject({ status: 'interrupted', counts: { done: 0 } });
    writeFileSync(project.path('gates/open'), '');

    // It is to be what it would have been.
    put(project.path('slow/value.py'), value('slow 2'));
    const changed = await run(project, ['resume']);
    expect(changed.code, changed.stderr).toBe(2);
    expect(changed.stderr).toContain(
      'requirements: slow is not what it was when the job was submitted [JOB_INVALID]',
    );

    put(project.path('slow/value.py'), value('slow 1'));
    put(project.path('requirements.json'), '["nothing of the kind"]');
    put(project.path('fail'), '');
    const resumed = await run(project, ['resume']);
    expect(resumed.code, resumed.stderr).toBe(1);
    rmSync(project.path('fail'));

    // The cache may go at any time: a later round, and a replay, make the environment again.
    rmSync(project.path('dl_jobs/cache'), { recursive: true });
    const retried = await run(project, ['retry']);
    expect(retried.code, retried.stderr).toBe(0);
    expect(retried.stderr).toContain('installing 1 requirement');
    expect(results(project)).toMatchObject([{ slow: 'slow 1' }, { slow: 'slow 1' }]);
    const replayed = await run(project, ['replay', '--task', '0', '--code', 'run']);
    expect(replayed.code, replayed.stderr).toBe(0);
    expect(JSON.parse(replayed.stdout)).toMatchObject({ slow: 'slow 1' });

    // Unless the code of now is asked for.
    put(project.path('slow/value.py'), value('slow 3'));
    const anew = await run(project, ['retry', '--tasks', '1', '--again', '--code', 'new']);
    expect(anew.code, anew.stderr).toBe(0);
    expect(
      results(project)
        .map(({ slow }) => slow)
        .sort(),
    ).toEqual(['slow 1', 'slow 3']);
  });

  test('stay on the machine: a later round does not take them into an image', SLOW, async () => {
    const project = pythonProject(['./slow'], { 'gates/open': '', fail: '' });
    expect((await run(project)).code).toBe(1);
    const { code, stderr } = await run(project, ['retry', '--container', 'podman']);
    expect(code).toBe(2);
    expect(stderr).toContain(
      'container: expected `none` for a job with requirements, got `podman` [CONFIG_INVALID]',
    );
    rmSync(project.path('fail'));
    const retried = await run(project, ['retry']);
    expect(retried.code, retried.stderr).toBe(0);
  });

  test('that cannot be installed are told, with what pip said, before there is a run', SLOW, async () => {
    const project = pythonProject(['no_such_package==9', 'dl_jobs']);
    const { code, stderr } = await run(project);
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(
      /^error: requirements cannot be installed: .*\/bin\/python ended with exit code 1 \[ENV_BUILD_FAILED\]$/m,
    );
    expect(stderr).toContain('No matching distribution found for no_such_package==9');
    const log = /All that it said is in (.*?\.log)\./s.exec(stderr)?.[1] as string;
    expect(readFileSync(log, 'utf8')).toContain('no_such_package');
    expect(existsSync(project.path('dl_jobs/runs'))).toBe(false);
    const [name] = environments(project) as [string];
    expect(readdirSync(project.path('dl_jobs/cache/envs', name))).toHaveLength(1);
  });
});

describe('requirements of Python tasks, refused', () => {
  test('in a container: an image has its own interpreter', requires('python3'), async () => {
    const project = pythonProject(['one']);
    put(project.path('dl_jobs.config.yaml'), 'container: podman\n');
    const { code, stderr } = await run(project);
    expect(code).toBe(2);
    expect(stderr).toContain(
      'container: expected `none` for a job with requirements, got `podman` [CONFIG_INVALID]',
    );
  });

  test('when the interpreter is not there', async () => {
    const project = pythonProject(['one']);
    put(project.path('dl_jobs.config.yaml'), 'python: ./no/python\n');
    const { code, stderr } = await run(project);
    expect(code).toBe(3);
    expect(stderr).toContain('[PYTHON_NOT_FOUND]');
  });
});
