import { spawnSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';

const FILE_SYSTEMS = {
  0xef53: 'ext4',
  0x794c7630: 'overlay',
  0x01021994: 'tmpfs',
  0x9123683e: 'btrfs',
  0x58465342: 'xfs',
  0x6969: 'nfs',
};

/** The interpreter behind `python3`: a version manager's shim would cost each Python contender a start of its own. */
export function findPython(name) {
  const found = spawnSync(name, ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : null;
}

/** What the figures were taken on. */
export function describeMachine({ python, out, bench }) {
  const cpus = os.cpus();
  const type = statfsSync(out).type;
  return {
    cpu: cpus[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    fileSystem: FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`,
    node: process.version,
    python: python === null ? null : version(python),
    packages: Object.fromEntries(
      ['piscina', 'tinypool', 'p-map'].map((name) => [name, installed(bench, name)]),
    ),
    dlJobs: JSON.parse(readFileSync(join(bench, '../package.json'), 'utf8')).version,
    loadAtStart: Math.round(os.loadavg()[0] * 100) / 100,
  };
}

/**
 * The environment of every contender: nothing that belongs to this shell alone. `NODE_OPTIONS`, additional
 * certificates and the like cost each start of Node time that none of the contenders is to blame for.
 */
export function cleanEnvironment(python) {
  const env = { NO_COLOR: '1', LANG: 'C.UTF-8' };
  for (const name of ['HOME', 'TMPDIR', 'USER', 'XDG_CACHE_HOME', 'LD_LIBRARY_PATH']) {
    if (process.env[name] !== undefined) env[name] = process.env[name];
  }
  env.PATH = python === null ? process.env.PATH : `${join(python, '..')}:${process.env.PATH}`;
  return env;
}

function version(python) {
  return spawnSync(python, ['--version'], { encoding: 'utf8' }).stdout.trim().replace('Python ', '');
}

function installed(bench, name) {
  try {
    return JSON.parse(readFileSync(join(bench, '../node_modules', name, 'package.json'), 'utf8')).version;
  } catch {
    return null;
  }
}
