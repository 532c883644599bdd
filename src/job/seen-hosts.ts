/** The hosts of a run, as another process sees them: they are found again, and never mistaken for others. */
import type { HostStatus } from '../contract/platform.js';
import { groupLives, identityOf, lives, parentOf, type ProcessIdentity } from '../store/process-identity.js';
import { wordsOf } from '../worker/proc.js';

/** The reaper ends them within moments of their controller. */
const REAPER_MS = 5_000;
/** After that we kill them; a process can be in the middle of a write. */
const KILL_MS = 5_000;
const LOOK_MS = 50;

interface SeenHost {
  readonly identity: ProcessIdentity;
  /** It is the leader of a process group of its own; else it is in a container. */
  readonly leads: boolean;
}

/** What a host is started with. */
const HOST_PROGRAM = /(^|\/)(node-host\.js|_host\.py)$/;

export class SeenHosts {
  readonly #controller: ProcessIdentity;
  readonly #hosts = new Map<number, SeenHost>();

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
    for (const { pid, contained } of hosts) {
      if (this.#hosts.has(pid)) continue;
      const identity = identityOf(pid);
      const parent = parentOf(pid);
      const isChild = this.#controller.began === '' || parent === this.#controller.pid;
      // In a container its parent is another; of a process that has its number by chance the words are, too.
      const isHost = isChild || (contained === true && wordsOf(pid).some((word) => HOST_PROGRAM.test(word)));
      if (isHost) this.#hosts.set(pid, { identity, leads: isChild });
    }
  }

  /** Resolves once they and all that they started have ended; those that the reaper leaves are killed. Returns who is left. */
  async end(): Promise<number[]> {
    let left = await this.#waitForEnd(REAPER_MS);
    for (const pid of left) {
      try {
        process.kill(this.#hosts.get(pid)?.leads === false ? pid : -pid, 'SIGKILL');
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
      const left = [...this.#hosts.values()].filter(isLeft).map(({ identity }) => identity.pid);
      if (left.length === 0 || performance.now() >= end) return left;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

function isLeft({ identity, leads }: SeenHost): boolean {
  // With the host of a container all of it ends.
  if (!leads) return lives(identity) === 'yes';
  if (!groupLives(identity.pid)) return false;
  // Its number may be that of another process by now, which then leads another group.
  const now = identityOf(identity.pid);
  return now.began === '' || now.began === identity.began;
}
