/**
 * Tasks inside images, with each tool that this machine has; the images are made of what it has itself.
 * lines: the same cases for each tool, which share its images.
 */
import {
  mkdirSync,
  symlinkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dockerImages, MARK, podmanImages, type TestImages } from '../support/containers.js';
import { bin, makeProject, one, readNdjson, runProcess, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { CONTAINED_FILES } from './contained-tasks.js';
import { ends, runDir, type End } from './journal.js';
import { isRunning, onLinux, processes, until } from './processes.js';

const HOSTILE_VALUE = ' it\'s "$HOME" `id` \\n \\\n\tnext line: 日本 %s $(id) ';

const TOOLS = [
  ['podman', podmanImages, requires('podman')],
  ['docker', dockerImages, requires('docker')],
] as const;

describe.each(TOOLS)('in containers of %s', (name, make, needs) => {
  const skipped = { skip: needs.skip || onLinux.skip, timeout: 300_000 };
  let images: TestImages;

  beforeAll(async () => {
    if (!skipped.skip) images = await make();
  }, 300_000);
  afterAll(() => {
    if (!skipped.skip) images.remove();
  });

  function projectWith(settings: string, options: { hostilePath?: boolean } = {}): Project {
    return makeProject(
      {
        ...CONTAINED_FILES,
        'dl_jobs.config.yaml': `container: ${name}\ncpu_image: ${images.full}\nnoisy: false\nprint_logs: false\nworkers: 2\n${settings}`,
      },
      options,
    );
  }

  /** Containers of a controller, as the tool lists them. */
  const containersOf = (pid: number | undefined): string[] =>
    images.tool('ps', '--all', '--quiet', '--filter', `name=dl_jobs-${pid}-`).split('\n').filter(Boolean);

  async function endsIn(project: Project, method: string, list: string, code: number): Promise<End[]> {
    const run = await project.run(['map', method, '--args_list', list], { env: images.env });
    expect(run.code, run.stderr).toBe(code);
    return ends(runDir(project.dir)).sort((a, b) => a.t - b.t);
  }

  test.for([
    ['TypeScript', 'tasks.look'],
    ['Python', 'tasks.look_py'],
  ])('%s sees the image, and of the machine what is its own', skipped, async ([, module]) => {
    const data = realpathSync(mkdtempSync(join(tmpdir(), 'dl-jobs, "data": ')));
    try {
      writeFileSync(join(data, 'file'), 'the data\n');
      const project = projectWith('env: [SECRET, HOME, DATA]\n', { hostilePath: true });
      const words = [process.execPath, bin, 'run', 'look', module as string];
      const { code, stderr } = await runProcess('sh', ['-c', 'umask 0027; exec "$@"', 'sh', ...words], {
        cwd: project.dir,
        env: { ...images.env, SECRET: HOSTILE_VALUE, DATA: join(data, 'file') },
      });
      expect(code, stderr).toBe(0);
      const rows = readNdjson<{ i: number }>(one(project.path('results/*.ndjson'))).sort((a, b) => a.i - b.i);
      const own = {
        image: MARK,
        cwd: project.dir,
        uid: process.getuid?.(),
        umask: 0o027,
        secret: HOSTILE_VALUE,
        home: process.env['HOME'],
        data: 'the data',
        beside: 'beside the code',
        left: [],
      };
      expect(rows).toEqual([
        { i: 0, ...own },
        { i: 2, ...own },
      ]);
      const made = statSync(project.path('made-1'));
      expect([made.uid, made.gid, made.mode & 0o777]).toEqual([
        process.getuid?.(),
        process.getgid?.(),
        0o640,
      ]);
      const log = readFileSync(one(project.path('logs/*.log')), 'utf8');
      expect(log).toMatch(/^\[1\] out 1$/m);
      expect(log).toMatch(/^\[1\] err/m);
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });

  test('large and many answers arrive whole, from as many containers as hosts', skipped, async () => {
    const project = projectWith('');
    const { code, stderr } = await project.run(['map', 'tasks.look.many', '--args_list', '-'], {
      env: images.env,
      input: Array.from({ length: 3000 }, (_, i) => `${i}\n`).join(''),
    });
    expect(code, stderr).toBe(0);
    const rows = readNdjson<{ i: number; text: string }>(one(project.path('results/*.ndjson')));
    expect(rows.map(({ i }) => i).sort((a, b) => a - b)).toEqual(Array.from({ length: 3000 }, (_, i) => i));
    expect(rows.filter(({ i, text }) => text !== 'x'.repeat(i % 7 === 0 ? 20_000 : 3))).toEqual([]);
    expect(readdirSync(join(runDir(project.dir), 'logs'))).toHaveLength(2);
  });

  test('a task that dies is told how', skipped, async () => {
    const all = await endsIn(projectWith(''), 'tasks.bad.die', 'five.ndjson', 1);
    expect(all).toMatchObject([
      { t: 0, s: 'ok' },
      { t: 1, ft: 'crash', error: { signal: 'SIGABRT' } },
      { t: 2, ft: 'crash', error: { exitCode: 7 } },
      { t: 3, ft: 'crash', error: { signal: 'SIGKILL' } },
      { t: 4, ft: 'crash', error: { signal: 'SIGSEGV' } },
    ]);
  });

  test('a Python task that dies is told how', skipped, async () => {
    const all = await endsIn(projectWith(''), 'tasks.look_py.die', 'five.ndjson', 1);
    expect(all).toMatchObject([
      { t: 0, s: 'ok' },
      { t: 1, ft: 'crash', error: { signal: 'SIGABRT' } },
      { t: 2, ft: 'crash', error: { exitCode: 3 } },
      { t: 3, s: 'ok' },
      { t: 4, s: 'ok' },
    ]);
  });

  test('limits of time and memory hold', skipped, async () => {
    const late = await endsIn(projectWith('timeout: 4s\n'), 'tasks.bad.forever', 'five.ndjson', 1);
    expect(late.map(({ ft }) => ft)).toEqual([undefined, 'timeout', undefined, undefined, undefined]);
    const large = await endsIn(projectWith('memory: 400MB\n'), 'tasks.bad.large', 'five.ndjson', 1);
    expect(large.map(({ ft }) => ft)).toEqual([undefined, 'oom', undefined, undefined, undefined]);
    expect(large[1]?.['rss']).toBeGreaterThan(300 * 1024);
  });

  test('of a killed controller nothing is left, whatever its tasks do', skipped, async () => {
    const project = projectWith('env: [MARK]\n');
    const mark = project.dir;
    let controller: number | undefined;
    const running = project.run(['map', 'tasks.bad.family', '--args_list', 'two.ndjson'], {
      env: { ...images.env, MARK: mark },
      onStart: (child) => {
        controller = child.pid;
      },
    });
    const orphans = () => processes().filter(({ command }) => command.includes(`orphan of ${mark}`));
    await until('both tasks run', () => orphans().length === 2);
    // The hosts themselves are named, and not what holds their containers.
    const hosts: number[] = [];
    const words = (): string[] =>
      processes()
        .filter(({ pid }) => hosts.includes(pid))
        .map(({ command }) => command);
    for (
      const started = Date.now();
      !words().every((text) => text.endsWith('node-host.js')) || words().length < 2;
    ) {
      const { stdout } = await project.run(['status', '--json'], { env: images.env });
      const status = JSON.parse(stdout) as { hosts: { pid: number }[] };
      hosts.splice(0, 2, ...status.hosts.map(({ pid }) => pid));
      if (Date.now() - started > 120_000) expect(words()).toBe('two hosts');
    }
    expect(containersOf(controller)).toHaveLength(2);
    process.kill(controller as number, 'SIGKILL');
    expect((await running).signal).toBe('SIGKILL');
    await until('all have ended', () => orphans().length === 0 && !hosts.some(isRunning));
    await until('the tool has forgotten them', () => containersOf(controller).length === 0);
  });

  test('Ctrl-C, twice, ends them at once', skipped, async () => {
    const project = projectWith('env: [MARK]\n');
    let controller: ChildProcess | undefined;
    const running = project.run(['map', 'tasks.bad.family', '--args_list', 'two.ndjson'], {
      env: { ...images.env, MARK: project.dir },
      onStart: (child) => {
        controller = child;
      },
    });
    const orphans = (): unknown[] =>
      processes().filter(({ command }) => command.includes(`orphan of ${project.dir}`));
    await until('both tasks run', () => orphans().length === 2);
    controller?.stderr?.once('data', () => controller?.kill('SIGINT'));
    controller?.kill('SIGINT');
    expect(await running).toMatchObject({ code: 130 });
    expect(orphans()).toEqual([]);
    expect(containersOf(controller?.pid)).toEqual([]);
  });

  test('auto takes the first that works', skipped, async () => {
    const project = projectWith('');
    const words = ['map', 'tasks.bad.die', '--args_list', 'one.ndjson', '--container', 'auto'];
    // Of the four it is the only one here.
    mkdirSync(project.path('tools'));
    symlinkSync(
      execFileSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' }).trim(),
      project.path('tools', name),
    );
    const { code, stderr } = await project.run(words, {
      env: { ...images.env, PATH: project.path('tools') },
    });
    expect(code, stderr).toBe(0);
  });

  test('what is not there is named', skipped, async () => {
    const project = projectWith('');
    const run = (...more: string[]) =>
      project.run(['map', 'tasks.look.look', '--args_list', 'two.ndjson', ...more], { env: images.env });
    const image = await run('--cpu_image', 'localhost/no-such-image:1');
    expect(image.stderr).toMatch(
      new RegExp(
        `error: expected the image localhost/no-such-image:1 for ${name}: .*\\[IMAGE_UNAVAILABLE\\]`,
      ),
    );
    expect(image.code).toBe(3);
    const node = await run('--cpu_image', images.bare);
    expect(node.stderr).toContain(
      `cannot start \`node\` in the image ${images.bare}: [HOST_START_FAILED]\ndl_jobs: node: not found in this image\n`,
    );
    expect(node.code).toBe(3);
    const python = await project.run(
      ['map', 'tasks.look_py.look', '--args_list', 'two.ndjson', '--cpu_image', images.bare],
      { env: { ...images.env, SECRET: 'x' } },
    );
    expect(python.stderr).toMatch(/cannot start `python3` in the image .* \[PYTHON_NOT_FOUND\]/s);
    expect(python.code).toBe(3);
    expect(`${image.stdout}${node.stdout}${python.stdout}`).toBe('');
  });

  test('a task is replayed in its image', skipped, async () => {
    const project = projectWith('');
    await project.run(['map', 'tasks.look_py.die', '--args_list', 'two.ndjson'], { env: images.env });
    const replayed = await project.run(['replay', '--task', '0'], { env: images.env });
    expect(replayed).toMatchObject({ code: 0, stdout: '0\n' });
    expect(replayed.stderr).toContain('task 0: ok');
    const died = await project.run(['replay', '--task', '1'], { env: images.env });
    expect(died.code).toBe(1);
    expect(died.stderr).toContain('task 1: crash: the process ended with signal SIGABRT before the task did');
  });

  test('a further round takes its tasks into the image, and out of it', skipped, async () => {
    const project = projectWith('');
    const results = (): string[] => readNdjson<string>(one(project.path('results/*.ndjson'))).sort();
    const round = async (code: number, ...words: string[]): Promise<string> => {
      const done = await project.run(words, { env: images.env });
      expect(done.code, done.stderr).toBe(code);
      return done.stderr;
    };
    const list = ['--args_list', 'five.ndjson', '--sample', '2', '--container', 'none'];
    await round(1, 'map', 'tasks.inside.inside', ...list);
    await round(1, 'resume', '--container', name);
    expect(results()).toHaveLength(3);
    await round(0, 'retry');
    expect(results()).toEqual([0, 1, 2, 3, 4].map((i) => `${i}: ${MARK}`));
    expect(await round(0, 'replay', '--task', '0')).toContain('task 0: ok');
    const outside = await round(0, 'retry', '--tasks', '4', '--again', '--container', 'none');
    expect(outside).toContain("task 4: Error: ENOENT: no such file or directory, open '/etc/image'");
  });

  test('values of variables stand in no argument list', skipped, async () => {
    const project = projectWith('env: [MARK, TOKEN]\n');
    const token = `token-${Math.random()}`;
    let controller: number | undefined;
    const running = project.run(['map', 'tasks.bad.family', '--args_list', 'two.ndjson'], {
      env: { ...images.env, MARK: project.dir, TOKEN: token },
      onStart: (child) => {
        controller = child.pid;
      },
    });
    const started = () => processes().some(({ command }) => command.includes(`orphan of ${project.dir}`));
    await until('a task runs', started);
    expect(processes().filter(({ command }) => command.includes(token))).toEqual([]);
    expect(images.tool('inspect', ...containersOf(controller))).not.toContain(token);
    process.kill(controller as number, 'SIGKILL');
    await running;
    await until('all have ended', () => !started());
  });
});

describe('without a tool', () => {
  const project = (): Project =>
    makeProject({ ...CONTAINED_FILES, 'dl_jobs.config.yaml': 'cpu_image: localhost/none\n' });
  const words = ['map', 'tasks.bad.die', '--args_list', 'one.ndjson', '--container'];
  const env = { PATH: '/no/such/folder' };

  test('the one that was asked for is named', async () => {
    const { code, stdout, stderr } = await project().run([...words, 'podman'], { env });
    expect(stderr).toContain('error: expected a working podman: it is not on PATH [CONTAINER_UNAVAILABLE]\n');
    expect([code, stdout]).toEqual([3, '']);
  });

  test('auto tells of each why it does not work', async () => {
    const { code, stderr } = await project().run([...words, 'auto'], { env });
    expect(stderr).toContain(
      [
        'error: expected a program that runs containers, found none that works [CONTAINER_UNAVAILABLE]',
        '  apptainer: it is not on PATH',
        '  podman: it is not on PATH',
        '  docker: it is not on PATH',
        '  pyxis: it is not on PATH',
        '',
      ].join('\n'),
    );
    expect(code).toBe(3);
  });
});
