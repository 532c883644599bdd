/** The hosts of a run, as another process sees them: they are found again, and never mistaken for others. */
import type { HostStatus } from '../contract/platform.js';
import { groupLives, identityOf, lives, parentOf, type ProcessIdentity } from '../store/process-identity.js';

/** The reaper ends them within moments of their controller. */
const REAPER_MS = 5_000;
/** After that we kill them; a process can be in the middle of a write. */
const KILL_MS = 5_000;
const LOOK_MS = 50;

export class SeenHosts {
  readonly #controller: ProcessIdentity;
  /** Each is the leader of a process group of its own. */
  readonly #hosts = new Map<number, ProcessIdentity>();

  constructor(controller: ProcessIdentity) {
    this.#controller = controller;
  }

  get count(): number {
    return this.#hosts.size;
  }

  /** Notes the hosts that a state names. */
  look(hosts: readonly HostStatus[]): void {
    // Numbers of processes mean something on their own machine only, and only while their parent lives can they be told from others.
    if (lives(this.#controller) !== 'yes') return;
    for (const { pid } of hosts) {
      if (this.#hosts.has(pid)) continue;
      const identity = identityOf(pid);
      const parent = parentOf(pid);
      const isOurs = this.#controller.began === '' || parent === this.#controller.pid;
      if (isOurs) this.#hosts.set(pid, identity);
    }
  }

  /** Resolves once they and all that they started have ended; those that the reaper leaves are killed. Returns who is left. */
  async end(): Promise<number[]> {
    let left = await this.#waitForEnd(REAPER_MS);
    for (const pid of left) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // It has ended in this moment.
      }
    }
    if (left.length > 0) left = await this.#waitForEnd(KILL_MS);
    return left;
  }

  async #waitForEnd(ms: number): Promise<number[]> {
    const end = performance.now() + ms;
    for (;;) {
      const left = [...this.#hosts.values()].filter(isLeft).map(({ pid }) => pid);
      if (left.length === 0 || performance.now() >= end) return left;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

function isLeft(host: ProcessIdentity): boolean {
  if (!groupLives(host.pid)) return false;
  // Its number may be that of another process by now, which then leads another group.
  const now = identityOf(host.pid);
  return now.began === '' || now.began === host.began;
}
