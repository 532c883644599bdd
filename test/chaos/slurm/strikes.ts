/**
 * Does to a cluster, and to a run on it, what a plan says, and undoes it.
 * lines: one case for each kind of strike.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, ClusterNode, QueueEntry, WorldProcess } from '../../support/slurm-cluster.js';
import type { Random } from '../random.js';
import type { Disk } from './disk.js';
import type { Strike, StrikeKind } from './plan.js';

/** What can be done to the command that controls the run. */
export interface Controlling {
  /** Null: none does now. */
  readonly pid: number | null;
  /** No other takes its place for so long. */
  rest(ms: number): void;
  /** Ends the run by a command of its own; false: there is none. */
  cancel(): Promise<boolean>;
}

export interface Hit {
  readonly kind: StrikeKind;
  /** What it was done to. */
  readonly whom: string;
  /** Processes that ran tasks and were killed while their worker lived. */
  readonly hosts: number;
}

const WORKER = /bin\.js worker --run/;
const HOST = /node-host\.js|_host\.py/;
/** What goes wrong while it is undone (Slurm does not answer) is tried again. */
const AGAIN_MS = 500;

export class Striker {
  readonly #cluster: Cluster;
  readonly #disk: Disk;
  readonly #random: Random;
  readonly #onProblem: (text: string) => void;
  readonly #healing = new Set<Promise<void>>();
  /** Nodes whose power or slurmd is away, and `slurmctld`. */
  readonly #broken = new Set<string>();
  readonly #frozen = new Set<number>();
  #suspended = 0;

  constructor(cluster: Cluster, disk: Disk, random: Random, onProblem: (text: string) => void) {
    this.#cluster = cluster;
    this.#disk = disk;
    this.#random = random;
    this.#onProblem = onProblem;
  }

  /** Nothing is broken now. */
  get isWhole(): boolean {
    return this.#healing.size === 0;
  }

  /** Null: there is nothing that it could be done to now. */
  async strike({ kind, healMs }: Strike, controlling: Controlling): Promise<Hit | null> {
    const hit = (whom: string, hosts = 0): Hit => ({ kind, whom, hosts });
    switch (kind) {
      case 'node killed':
        return await this.#onNode(kind, healMs, (node) => node.kill());
      case 'slurmd killed':
        return await this.#onNode(kind, healMs, (node) => node.killSlurmd());
      case 'slurmd paused': {
        const node = this.#node();
        if (node === undefined) return null;
        this.#break(node.name, healMs, () => node.resume());
        node.pause();
        return hit(node.name);
      }
      case 'jobs of a node killed': {
        const node = this.#node();
        if (node === undefined) return null;
        await node.killJobs();
        return hit(node.name);
      }
      case 'slurmctld paused':
        return this.#onController(
          kind,
          healMs,
          (c) => c.pause(),
          (c) => c.resume(),
        );
      case 'slurmctld killed':
        return this.#onController(
          kind,
          healMs,
          (c) => c.kill(),
          (c) => c.start(),
        );
      case 'slurmctld stopped':
        return this.#onController(
          kind,
          healMs,
          (c) => c.stop(),
          (c) => c.start(),
        );
      case 'worker killed': {
        const worker = this.#process(WORKER);
        if (worker === undefined) return null;
        signal(worker.pid, 'SIGKILL');
        return hit(`process ${worker.pid}`);
      }
      case 'worker frozen': {
        const worker = this.#process(WORKER);
        if (worker === undefined || this.#frozen.has(worker.pid)) return null;
        this.#frozen.add(worker.pid);
        this.#heal(healMs, () => {
          signal(worker.pid, 'SIGCONT');
          this.#frozen.delete(worker.pid);
        });
        signal(worker.pid, 'SIGSTOP');
        return hit(`process ${worker.pid}`);
      }
      case 'host killed': {
        const host = this.#process(HOST);
        if (host === undefined) return null;
        signal(host.pid, 'SIGKILL');
        return hit(`process ${host.pid}`, 1);
      }
      case 'element canceled':
        return await this.#onElement(kind, (id) => this.#cluster.run('scancel', id));
      case 'element requeued':
        return await this.#onElement(kind, (id) => this.#cluster.scontrol('requeue', id));
      case 'element held':
        return await this.#onElement(kind, async (id) => {
          await this.#cluster.scontrol('requeuehold', id);
          this.#heal(healMs, () => this.#release(id));
        });
      case 'element suspended':
        return await this.#onElement(kind, async (id) => {
          await this.#cluster.scontrol('suspend', id);
          this.#suspended++;
          this.#heal(healMs, async () => {
            await this.#insist(['resume', id], /already|not suspended|Invalid|ended|disabled/i);
            if (--this.#suspended === 0) this.#wakeOrphans();
          });
        });
      case 'disk full':
        if (this.#broken.has('disk')) return null;
        this.#break('disk', healMs, () => this.#disk.free());
        this.#disk.fill();
        return hit('the run folder');
      case 'run canceled': {
        const isDone = await controlling.cancel();
        controlling.rest(healMs);
        return isDone ? hit('the run') : null;
      }
      case 'controller killed':
      case 'controller left': {
        const { pid } = controlling;
        if (pid === null) return null;
        controlling.rest(healMs);
        signal(pid, kind === 'controller killed' ? 'SIGKILL' : 'SIGHUP');
        return hit(`process ${pid}`);
      }
    }
  }

  /** Resolves when all is undone, and Slurm takes every node for usable. */
  async healed(): Promise<void> {
    while (this.#healing.size > 0) await Promise.all(this.#healing);
    const end = performance.now() + 60_000;
    for (;;) {
      const bad = await this.tend();
      if (bad.length === 0) return;
      if (performance.now() > end) throw new Error(`the cluster does not come back: ${bad.join(', ')}`);
      await sleep(AGAIN_MS);
    }
  }

  /**
   * Does what those who run a cluster do: a node that came back with a job that Slurm had given up is drained, and an
   * element that could not be started is held. Gives what is not as it should be yet.
   */
  async tend(): Promise<string[]> {
    const states = await this.#cluster.run('sinfo', '--noheader', '-N', '-o', '%N %T').catch(String);
    const bad = states.split('\n').filter((line) => !/^\S+ (idle|mixed|allocated|completing)$/.test(line));
    for (const line of bad) {
      const [name = ''] = line.split(' ');
      const words = ['update', `nodename=${name}`, 'state=resume'];
      if (/drain|down/i.test(line)) await this.#cluster.scontrol(...words).catch(() => undefined);
    }
    const queue = await this.#cluster.squeue().catch(() => []);
    const held = queue.filter(({ state, reason }) => state === 'PENDING' && /held|hold/i.test(reason));
    for (const { id } of held) await this.#cluster.scontrol('release', id).catch(() => undefined);
    return [...bad, ...held.map(({ id }) => `${id} is held`)];
  }

  async #onNode(
    kind: StrikeKind,
    healMs: number,
    strike: (node: ClusterNode) => Promise<void>,
  ): Promise<Hit | null> {
    const node = this.#node();
    if (node === undefined) return null;
    this.#break(node.name, healMs, () => node.start());
    await strike(node);
    return { kind, whom: node.name, hosts: 0 };
  }

  async #onController(
    kind: StrikeKind,
    healMs: number,
    strike: (controller: Cluster['controller']) => void | Promise<void>,
    undo: (controller: Cluster['controller']) => void | Promise<void>,
  ): Promise<Hit | null> {
    if (this.#broken.has('slurmctld')) return null;
    this.#broken.add('slurmctld');
    // One that ends in order may take its time: started anew before it is gone, it would not come back.
    const struck = Promise.resolve(strike(this.#cluster.controller));
    this.#break('slurmctld', healMs, async () => {
      await struck;
      await undo(this.#cluster.controller);
    });
    await struck;
    return { kind, whom: 'slurmctld', hosts: 0 };
  }

  /** Null where Slurm does not answer, does not do it, or has none that runs. */
  async #onElement(kind: StrikeKind, strike: (id: string) => Promise<unknown>): Promise<Hit | null> {
    let queue: QueueEntry[];
    try {
      queue = await this.#cluster.squeue();
    } catch {
      return null;
    }
    const running = queue.filter(({ state }) => state === 'RUNNING');
    if (running.length === 0) return null;
    const { id } = this.#random.pick(running);
    try {
      await strike(id);
    } catch {
      return null;
    }
    return { kind, whom: `job ${id}`, hosts: 0 };
  }

  /** One that works, if possible one that has something to do. */
  #node(): ClusterNode | undefined {
    const nodes = this.#cluster.nodes.filter(({ name }) => !this.#broken.has(name));
    if (nodes.length === 0) return undefined;
    const busy = nodes.filter((node) => node.processes().length > 0);
    return this.#random.pick(busy.length > 0 ? busy : nodes);
  }

  #process(command: RegExp): WorldProcess | undefined {
    const all = this.#cluster.nodes
      .flatMap((node) => node.processes())
      .filter((one) => command.test(one.command));
    return all.length === 0 ? undefined : this.#random.pick(all);
  }

  #break(name: string, healMs: number, undo: () => void | Promise<void>): void {
    this.#broken.add(name);
    this.#heal(healMs, async () => {
      await undo();
      this.#broken.delete(name);
    });
  }

  #heal(ms: number, undo: () => void | Promise<void>): void {
    const healing = sleep(ms)
      .then(undo)
      .catch((error: unknown) => this.#onProblem(`could not be undone: ${String(error)}`))
      .finally(() => this.#healing.delete(healing));
    this.#healing.add(healing);
  }

  /**
   * What a worker leaves that is killed in a suspended element stands still for ever where Slurm tracks processes by
   * their parents, as it does here; control groups, which clusters have for that, would let it go on.
   */
  #wakeOrphans(): void {
    for (const { pid } of this.#cluster.nodes.flatMap((node) => node.processes())) {
      if (!this.#frozen.has(pid) && isStopped(pid)) signal(pid, 'SIGCONT');
    }
  }

  /** Until it is not held any more: it may be ending still, and be held only then. What is late `tend` sees to. */
  async #release(id: string): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      await this.#cluster.scontrol('release', id).catch(() => undefined);
      const queue = await this.#cluster.squeue().catch(() => null);
      const row = queue?.find((one) => one.id === id);
      const isOver = row === undefined || /^(RUNNING|CANCELLED|COMPLETED|FAILED)$/.test(row.state);
      if (queue !== null && isOver) return;
      await sleep(AGAIN_MS);
    }
  }

  /** What is refused need not be done any more. */
  async #insist(words: readonly string[], refused: RegExp): Promise<void> {
    for (let tries = 0; tries < 60; tries++) {
      try {
        await this.#cluster.scontrol(...words);
        return;
      } catch (error) {
        if (refused.test(String(error))) return;
      }
      await sleep(AGAIN_MS);
    }
  }
}

function isStopped(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself in the meantime.
  }
}
