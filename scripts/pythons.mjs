// Finds the CPythons of a machine, so that the Python suites run under each version that they claim to work with.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Python 3.8 is the oldest that a task may run under. */
export const OLDEST = 8;
const NEWEST = 14;

const ASK =
  'import json, sys; print(json.dumps([sys.implementation.name, sys.version_info[:2], sys.executable]))';

/** The minor version of a CPython 3 and its own path, as it says itself; null for what does not run or is another. */
function ask(command) {
  const { status, stdout } = spawnSync(command, ['-I', '-c', ASK], {
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (status !== 0) return null;
  try {
    const [name, [major, minor], path] = JSON.parse(stdout);
    return name === 'cpython' && major === 3 ? { minor, path } : null;
  } catch {
    // A shim that does nothing, and does it well.
    return null;
  }
}

/** What may be Python 3.`minor`, by its name. */
function candidates(minor) {
  const versions = join(process.env.PYENV_ROOT || join(homedir(), '.pyenv'), 'versions');
  const names = existsSync(versions) ? readdirSync(versions) : [];
  // Of several patches of one version, the last.
  const patches = names.filter((name) => name.startsWith(`3.${minor}.`));
  patches.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return [`python3.${minor}`, ...patches.map((name) => join(versions, name, 'bin', 'python'))];
}

/** The versions that tasks may run under, the oldest first, each when it is asked for; not `except`. */
function* pythons(except) {
  for (let minor = OLDEST; minor <= NEWEST; minor++) {
    if (minor === except) continue;
    for (const command of candidates(minor)) {
      const found = ask(command);
      if (found?.minor !== minor) continue;
      yield found;
      break;
    }
  }
}

/** The minor version of `python3`, null when there is none that runs; and the others, the oldest first. */
export function findPythons() {
  const python3 = ask('python3')?.minor ?? null;
  return { python3, others: [...pythons(python3)] };
}

/** The oldest beside `python3`; undefined: there is none. */
export function findOldest() {
  return pythons(ask('python3')?.minor).next().value;
}
