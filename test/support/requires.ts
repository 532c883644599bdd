/**
 * Tests that need something this machine may lack say so:
 *
 * ```ts
 * test('runs a Python task', requires('python3'), async () => { … });
 * describe('on a cluster', requires('slurm'), () => { … });
 * ```
 *
 * Where the component is missing the test is skipped. With `DL_JOBS_CI=1` (`npm test -- --no-missing`) it is a
 * failure instead, so that nothing is skipped unseen where everything should be there. Python tests say the same with
 * a skip reason that begins with `missing: `. `npm test` says at its end what was left out, and how to get it.
 */
import { spawnSync } from 'node:child_process';
import type { TaskMeta } from 'vitest';
import { OFFICIAL, officialFolder } from './earthone/official.js';

interface Need {
  /** Ends with 0 where the component works. */
  readonly check: readonly [string, ...string[]];
  /** For who runs the tests on a machine that lacks it. */
  readonly get: string;
  /** It is a matter of the kernel, and cannot be installed: even CI does without it. */
  readonly cannotInstall?: true;
}

/** Root that may make namespaces, and all these commands; `/usr/sbin` is not on everybody's path. */
export const asRoot = (...commands: readonly string[]): Need['check'] => [
  'sh',
  '-ec',
  // Not joined by `&&`: `-e` passes over what fails inside such a list.
  `PATH=$PATH:/usr/sbin:/sbin; test "$(id -u)" = 0; command -v ${commands.join('; command -v ')}; unshare -p -f -m -u true`,
];

const COMPONENTS = {
  python3: {
    check: ['python3', '-c', 'import sys; sys.exit(sys.version_info < (3, 8))'],
    get: 'Python 3.8 or newer as python3',
  },
  /** Virtual environments; Debian has a package of its own for them. */
  venv: {
    check: ['python3', '-c', 'import ensurepip, venv'],
    get: 'apt-get install python3-venv',
  },
  podman: {
    check: ['podman', 'info'],
    get: 'apt-get install podman runc catatonit',
  },
  /** A service of our own can be started. */
  docker: {
    check: ['sh', '-c', 'command -v dockerd && command -v docker && [ "$(id -u)" = 0 ]'],
    get: 'apt-get install docker.io, and run the tests as root; no service needs to run',
  },
  slurm: {
    check: asRoot('munged', 'slurmctld', 'slurmd', 'sbatch', 'scontrol'),
    get: 'apt-get install munge slurmctld slurmd slurm-client, and run the tests as root; no cluster needs to run',
  },
  slurmdbd: {
    check: asRoot('slurmdbd', 'mariadbd', 'mariadb-install-db', 'mariadb'),
    get: 'apt-get install slurmdbd mariadb-server-core mariadb-client-core, and run the tests as root',
  },
  /** Control groups of version 1 for memory. */
  cgroup1: {
    check: ['test', '-w', '/sys/fs/cgroup/memory/cgroup.procs'],
    get: 'run the tests as root, where control groups of version 1 are mounted in /sys/fs/cgroup',
    cannotInstall: true,
  },
  /** May mount file systems in memory. */
  tmpfs: {
    check: ['sh', '-c', 'd=$(mktemp -d) && mount -t tmpfs -o size=1m none "$d" && umount "$d" && rmdir "$d"'],
    get: 'run the tests as root, and not in a container that forbids it to mount',
  },
  /** The vendor's client for EarthOne, which is installed by the tests where a registry has it for this Python. */
  'earthone-client': {
    check: [
      'sh',
      '-c',
      `test -x '${officialFolder()}/bin/python' || { d=$(mktemp -d) && python3 -c 'import ensurepip, venv' && ` +
        `python3 -m pip download -q --no-deps --retries 0 --timeout 10 -d "$d" ${OFFICIAL}; e=$?; rm -rf "$d"; exit $e; }`,
    ],
    get: `Python 3.10 or newer with pip and venv, and a package registry that has ${OFFICIAL}`,
    cannotInstall: true,
  },
} as const satisfies Record<string, Need>;

/** A component that a test can ask for. */
export type Component = keyof typeof COMPONENTS;

const found = new Map<Component, boolean>();

function isThere(component: Component): boolean {
  let there = found.get(component);
  if (there === undefined) {
    const [command, ...args] = COMPONENTS[component].check;
    there = spawnSync(command, args, { stdio: 'ignore', timeout: 120_000 }).status === 0;
    found.set(component, there);
  }
  return there;
}

declare module 'vitest' {
  interface TaskMeta {
    /** Component that was missing → how to get it; `npm test` says so at its end. */
    missing?: Readonly<Record<string, string>>;
  }
}

/**
 * Options of a test or suite that needs `components`.
 *
 * @throws Error when one is missing and `DL_JOBS_CI` is `1`: the whole test file then fails.
 */
export function requires(...components: readonly Component[]): { skip: boolean; meta?: Partial<TaskMeta> } {
  const missing = components.filter((component) => !isThere(component));
  if (missing.length === 0) return { skip: false };
  const needed = missing.filter((component) => !('cannotInstall' in COMPONENTS[component]));
  if (needed.length > 0 && process.env['DL_JOBS_CI'] === '1') {
    throw new Error(`missing component: ${needed.join(', ')} (skipped without --no-missing)`);
  }
  return {
    skip: true,
    meta: { missing: Object.fromEntries(missing.map((name) => [name, COMPONENTS[name].get])) },
  };
}
