/**
 * Images of what this machine has, made without a network: its Node, a Python, `/bin/sh`, and the libraries that they
 * load. And a docker service of our own.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';

/** What stands in `/etc/image` of the images. */
export const MARK = 'this is the image of the tests';

export interface TestImages {
  /** Settings that the tool needs on this machine. */
  readonly env: Readonly<Record<string, string>>;
  /** With `/bin/sh`, `node` and `python3`; nothing else. */
  readonly full: string;
  /** With `/bin/sh` only. */
  readonly bare: string;
  /** Runs the tool, and gives what it prints. */
  readonly tool: (...args: string[]) => string;
  readonly remove: () => void;
}

/** What images are made of, packed once for all tools. */
const packed = new Map<boolean, string>();
afterAll(() => {
  for (const file of packed.values()) rmSync(dirname(file), { recursive: true, force: true });
  packed.clear();
});

function packedRoot(full: boolean): string {
  let file = packed.get(full);
  if (file !== undefined) return file;
  const folder = mkdtempSync(join(tmpdir(), 'dl-jobs-image-'));
  file = join(folder, 'files.tar');
  packed.set(full, file);
  const root = join(folder, 'root');
  makeRoot(root, full);
  execFileSync('tar', ['-C', root, '-cf', file, '.']);
  rmSync(root, { recursive: true });
  return file;
}

function makeRoot(root: string, full: boolean): void {
  for (const folder of ['bin', 'etc', 'tmp', 'usr/bin']) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, 'etc/image'), `${MARK}\n`);
  addProgram(root, '/bin/sh', '/bin/sh');
  if (!full) return;
  addProgram(root, process.execPath, '/usr/bin/node');
  addPython(root);
}

/** A program and the libraries that it loads, each at its own path. */
function addProgram(root: string, path: string, inside: string): void {
  const real = realpathSync(path);
  mkdirSync(dirname(join(root, inside)), { recursive: true });
  copyFileSync(real, join(root, inside));
  for (const library of librariesOf(real)) {
    const copy = join(root, library);
    mkdirSync(dirname(copy), { recursive: true });
    if (!existsSync(copy)) copyFileSync(realpathSync(library), copy);
  }
}

function librariesOf(path: string): string[] {
  const said = spawnSync('ldd', [path], { encoding: 'utf8' });
  return [...said.stdout.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map((match) => match[1] as string);
}

/** Parts of the standard library that are large and that no task of ours imports. */
const UNUSED =
  /\/(test|tests|idlelib|tkinter|ensurepip|distutils|lib2to3|pydoc_data|turtledemo|unittest|venv|site-packages|dist-packages|config-[^/]*)$/;

function addPython(root: string): void {
  const asked =
    "import os, sys, sysconfig; print(os.path.realpath(sys.executable)); print(sysconfig.get_path('stdlib'))";
  const [program = '', library = ''] = execFileSync('python3', ['-c', asked], { encoding: 'utf8' }).split(
    '\n',
  );
  addProgram(root, program, program);
  cpSync(library, join(root, library), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !UNUSED.test(path),
  });
  for (const extension of execFileSync('find', [library, '-name', '*.so', '-path', '*lib-dynload*'], {
    encoding: 'utf8',
  }).split('\n')) {
    if (extension === '') continue;
    for (const found of librariesOf(extension)) {
      const copy = join(root, found);
      mkdirSync(dirname(copy), { recursive: true });
      if (!existsSync(copy)) copyFileSync(realpathSync(found), copy);
    }
  }
  symlinkSync(program, join(root, 'usr/bin/python3'));
}

/** Both images, in the store of a tool. */
function makeImages(program: string, env: Readonly<Record<string, string>>, stop: () => void): TestImages {
  const tag = `${process.pid}-${Date.now()}`;
  const tool = (...args: string[]): string =>
    execFileSync(program, args, {
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const names: string[] = [];
  const make = (full: boolean): string => {
    const name = `localhost/dl-jobs-test-${full ? 'full' : 'bare'}:${tag}`;
    tool('import', packedRoot(full), name);
    names.push(name);
    return name;
  };
  const remove = (): void => {
    try {
      for (const name of names) removeImage(tool, name);
    } finally {
      stop();
    }
  };
  try {
    return { env, full: make(true), bare: make(false), tool, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** A container of it may be on its way out. */
function removeImage(tool: TestImages['tool'], name: string): void {
  for (let tries = 1; ; tries++) {
    try {
      tool('rmi', '--force', name);
      return;
    } catch (error) {
      if (tries === 60) throw error;
      spawnSync('sleep', ['1']);
    }
  }
}

/**
 * What podman needs here that is not its default: limits that one without the right to raise them can set, and a
 * runtime that takes mixed control groups, where there are such.
 */
export function podmanImages(): TestImages {
  const folder = mkdtempSync(join(tmpdir(), 'dl-jobs-podman-'));
  const conf = join(folder, 'containers.conf');
  const isMixed = existsSync('/sys/fs/cgroup/unified');
  writeFileSync(
    conf,
    [
      '[containers]',
      'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]',
      '[engine]',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      ...(isMixed ? ['runtime = "runc"'] : []),
      '',
    ].join('\n'),
  );
  return makeImages('podman', { CONTAINERS_CONF: conf }, () =>
    rmSync(folder, { recursive: true, force: true }),
  );
}

/** A docker service with everything of it in a folder, without networks. */
export async function dockerImages(): Promise<TestImages> {
  const folder = mkdtempSync(join(tmpdir(), 'dl-jobs-docker-'));
  const socket = join(folder, 'docker.sock');
  const log = join(folder, 'log');
  const daemon = spawn(
    'sh',
    [
      '-c',
      'exec dockerd --host="unix://$0" --data-root="$1/data" --exec-root="$1/exec" --pidfile="$1/pid" --bridge=none ' +
        '--iptables=false --ip6tables=false --ip-forward=false >"$1/log" 2>&1',
      socket,
      folder,
    ],
    { stdio: 'ignore', detached: true },
  );
  const env = { DOCKER_HOST: `unix://${socket}` };
  const stop = (): void => stopDocker(daemon, folder);
  try {
    await answering(env, daemon, log);
    return makeImages('docker', env, stop);
  } catch (error) {
    stop();
    throw error;
  }
}

async function answering(
  env: Readonly<Record<string, string>>,
  daemon: ChildProcess,
  log: string,
): Promise<void> {
  while (
    spawnSync('docker', ['version'], { env: { ...process.env, ...env }, stdio: 'ignore' }).status !== 0
  ) {
    if (daemon.exitCode !== null)
      throw new Error(`dockerd ended:\n${readFileSync(log, 'utf8').slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** It ends its own containerd and unmounts what it has mounted. */
function stopDocker(daemon: ChildProcess, folder: string): void {
  const { pid } = daemon;
  if (pid !== undefined && daemon.exitCode === null) {
    process.kill(pid, 'SIGTERM');
    // Synchronously: the process that runs the tests may be about to end.
    spawnSync('sh', [
      '-c',
      `n=0; while kill -0 ${pid} 2>/dev/null && [ "$(cut -d' ' -f3 /proc/${pid}/stat)" != Z ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done`,
    ]);
  }
  const mounted = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const place of mounted.filter((path) => path.startsWith(`${folder}/`)).reverse())
    spawnSync('umount', [place]);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
