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
 * a skip reason that begins with `missing: `.
 */
import { spawnSync } from 'node:child_process';

/** Component → a command that ends with 0 where the component works. */
const COMPONENTS = {
  python3: ['python3', '-c', 'import sys; sys.exit(sys.version_info < (3, 8))'],
  podman: ['podman', 'info'],
  /** A service of our own can be started. */
  docker: ['sh', '-c', 'command -v dockerd && command -v docker && [ "$(id -u)" = 0 ]'],
  slurm: ['sinfo', '--noheader'],
  /** May mount file systems in memory: root, and not in a container that forbids it. */
  tmpfs: ['sh', '-c', 'd=$(mktemp -d) && mount -t tmpfs -o size=1m none "$d" && umount "$d" && rmdir "$d"'],
} as const satisfies Record<string, readonly [string, ...string[]]>;

/** A component that a test can ask for. */
export type Component = keyof typeof COMPONENTS;

const found = new Map<Component, boolean>();

function isThere(component: Component): boolean {
  let there = found.get(component);
  if (there === undefined) {
    const [command, ...args] = COMPONENTS[component];
    there = spawnSync(command, args, { stdio: 'ignore', timeout: 30_000 }).status === 0;
    found.set(component, there);
  }
  return there;
}

/**
 * Options of a test or suite that needs `components`.
 *
 * @throws Error when one is missing and `DL_JOBS_CI` is `1`: the whole test file then fails.
 */
export function requires(...components: readonly Component[]): { skip: boolean } {
  const missing = components.filter((component) => !isThere(component));
  if (missing.length > 0 && process.env['DL_JOBS_CI'] === '1') {
    throw new Error(`missing component: ${missing.join(', ')} (skipped without --no-missing)`);
  }
  return { skip: missing.length > 0 };
}
