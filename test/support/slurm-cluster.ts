/**
 * A real Slurm cluster on this machine, from Debian's packages: munged, slurmctld, several slurmd, and on demand
 * slurmdbd with a database. Needs root (`requires('slurm')`), and nothing that runs beforehand.
 *
 * ```ts
 * const cluster = await startCluster({ nodes: 2 });
 * afterAll(() => cluster.stop());
 * await project.run(['run', 'job'], { env: cluster.env });
 * ```
 *
 * All of its state lies in one folder, all of its sockets listen on addresses in 127.0.0.0/8 of its own, and all of its
 * processes are in PID namespaces that end with the process that started it: clusters do not see each other, and
 * nothing is left of them. Files are shared by all nodes; process ids, host names, and boot ids are not.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  type ClusterOptions,
  LOSES_NODES,
  nodeAddress,
  nodeNames,
  type Place,
  writeConfig,
} from './slurm/config.js';
import {
  answers,
  client,
  clientEnvironment,
  listens,
  startAccounting,
  startMunge,
  startSlurmctld,
  waitFor,
} from './slurm/daemons.js';
import { clusterCommand, nodeCommand } from './slurm/scripts.js';
import { type Daemon, World, type WorldProcess } from './slurm/worlds.js';

/** One line of squeue: a job, or an element of an array. */
export interface QueueEntry {
  /** `17`, or `17_3` for an element. */
  readonly id: string;
  /** `RUNNING`, `NODE_FAIL`, …; ended jobs are shown too. */
  readonly state: string;
  readonly reason: string;
  /** Empty while it has none. */
  readonly node: string;
}

export { LOSES_NODES, waitFor };
export type { ClusterOptions, WorldProcess };

/** One slurmd, with what it started. */
export class ClusterNode {
  readonly name: string;
  readonly #cluster: World;
  readonly #dir: string;
  readonly #address: string;
  readonly #port: number;
  #world: World | undefined;
  #slurmd: Daemon | undefined;

  constructor(cluster: World, place: Place, name: string, index: number) {
    this.name = name;
    this.#cluster = cluster;
    this.#dir = place.dir;
    this.#address = nodeAddress(place, index);
    this.#port = place.port + 1;
  }

  /** Switches it on, or starts the slurmd that is missing. Slurm hears of it a little later: `cluster.ready()`. */
  async start(): Promise<void> {
    if (this.#slurmd?.runs === true) return;
    const log = join(this.#dir, 'log', `${this.name}.out`);
    if (this.#world?.runs !== true) {
      const boot = join(this.#dir, 'boot', this.name);
      writeFileSync(boot, `${randomUUID()}\n`);
      mkdirSync(join(this.#dir, 'spool', this.name), { recursive: true });
      this.#world = await World.open(this.#cluster.entering(nodeCommand(this.name, boot)));
    }
    const conf = join(this.#dir, 'etc/slurm.conf');
    const slurmd = await this.#world.start(['slurmd', '-D', '-f', conf, '-N', this.name], log);
    this.#slurmd = slurmd;
    await answers(slurmd, `slurmd of ${this.name}`, log, () => listens(this.#address, this.#port));
  }

  /** Power loss: slurmd and all that it started end at once. */
  async kill(): Promise<void> {
    await this.#world?.kill();
  }

  /** slurmd crashes; its jobs run on, as they do on a real cluster. */
  async killSlurmd(): Promise<void> {
    this.#daemon().signal('SIGKILL');
    await this.#daemon().ended();
  }

  /** Kills all processes of the jobs, and the slurmstepd that watch them, but not slurmd. */
  async killJobs(): Promise<void> {
    await waitFor(
      () => `${this.name} still runs ${this.pids().join(' ')}`,
      async () => {
        const pids = this.pids();
        // What forked before it was killed is found the next time.
        for (const pid of pids) tryKill(pid, 'SIGKILL');
        return pids.length === 0;
      },
    );
  }

  /** slurmd no longer answers; its jobs run on. */
  pause(): void {
    this.#daemon().signal('SIGSTOP');
  }

  resume(): void {
    this.#daemon().signal('SIGCONT');
  }

  /** What runs on it, slurmd itself left out. `innerPid` is the process id that a job's process knows itself by. */
  processes(): WorldProcess[] {
    return this.#world?.processes().filter(({ pid }) => pid !== this.#slurmd?.pid) ?? [];
  }

  /** The process ids, as the test process may use them, of what runs on it, slurmd left out. */
  pids(): number[] {
    return this.processes().map(({ pid }) => pid);
  }

  #daemon(): Daemon {
    if (this.#slurmd === undefined) throw new Error(`${this.name} was never started`);
    return this.#slurmd;
  }
}

/** slurmctld. */
export class Controller {
  readonly #start: () => Promise<Daemon>;
  #daemon: Daemon;

  constructor(start: () => Promise<Daemon>, daemon: Daemon) {
    this.#start = start;
    this.#daemon = daemon;
  }

  /** It dies, and forgets what came since it last saved its state, a few seconds ago. */
  async kill(): Promise<void> {
    this.#daemon.signal('SIGKILL');
    await this.#daemon.ended();
  }

  /** It saves its state and ends. */
  async stop(): Promise<void> {
    this.#daemon.signal('SIGTERM');
    await this.#daemon.ended();
  }

  /** Starts it again with the state that it saved. */
  async start(): Promise<void> {
    if (!this.#daemon.runs) this.#daemon = await this.#start();
  }

  /** It no longer answers. */
  pause(): void {
    this.#daemon.signal('SIGSTOP');
  }

  resume(): void {
    this.#daemon.signal('SIGCONT');
  }
}

export class Cluster {
  /** What makes commands of Slurm, and of the product, talk to this cluster. */
  readonly env: Readonly<{ SLURM_CONF: string }>;
  readonly dir: string;
  readonly nodes: readonly ClusterNode[];
  readonly controller: Controller;
  readonly #world: World;

  constructor(world: World, dir: string, nodes: readonly ClusterNode[], controller: Controller) {
    this.env = clientEnvironment(dir);
    this.dir = dir;
    this.nodes = nodes;
    this.controller = controller;
    this.#world = world;
  }

  node(name: string): ClusterNode {
    const node = this.nodes.find((one) => one.name === name);
    if (node === undefined)
      throw new Error(`no node ${name}; there are ${this.nodes.map((n) => n.name).join(' ')}`);
    return node;
  }

  /** Standard output of a command of Slurm, without the last line end. Rejects when it fails. */
  run(command: string, ...args: readonly string[]): Promise<string> {
    return client(this.dir, command, args);
  }

  scontrol(...args: readonly string[]): Promise<string> {
    return this.run('scontrol', ...args);
  }

  /** All jobs that the controller knows, each element of an array by itself. */
  async squeue(): Promise<QueueEntry[]> {
    const out = await this.run('squeue', '--noheader', '-r', '-t', 'all', '-o', '%i|%T|%r|%N');
    if (out === '') return [];
    return out.split('\n').map((line) => {
      const [id = '', state = '', reason = '', node = ''] = line.split('|');
      return { id, state, reason, node };
    });
  }

  /** Resolves when the controller takes every node for usable. */
  async ready(): Promise<void> {
    let seen = '';
    await waitFor(
      () => `not all nodes came up:\n${seen}`,
      async () => {
        seen = await this.run('sinfo', '--noheader', '-N', '-o', '%N %T %E');
        const up = seen.split('\n').filter((line) => /^\S+ (idle|mixed|allocated|completing) /.test(line));
        return new Set(up).size >= this.nodes.length;
      },
    );
  }

  /** Kills all that belongs to it, jobs too, and removes its folder. */
  async stop(): Promise<void> {
    await this.#world.close();
    if (existsSync(this.dir)) throw new Error(`${this.dir} could not be removed`);
  }
}

let clusters = 0;

/** Starts a cluster; it is ready when the promise resolves. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  // Short: what slurmd makes of it must fit into the name of a Unix socket, 107 characters.
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'dlj-slurm-'));
  // Jobs of other users too must find munged and their script.
  chmodSync(dir, 0o755);
  const place = {
    dir,
    // Of this process alone: nobody else has its id, or its port when there are several clusters.
    network: `127.${1 + ((process.pid >> 8) % 254)}.${process.pid & 255}`,
    port: 26_817 + 10 * clusters++,
  };
  const world = await openWorld(place, options);
  try {
    const munged = await startMunge(world, place);
    if (options.accounting === 'slurmdbd') await startAccounting(world, place);
    const startController = (): Promise<Daemon> => startSlurmctld(world, place);
    const controller = new Controller(startController, await startController());
    const nodes = nodeNames(options).map((name, index) => new ClusterNode(world, place, name, index));
    await Promise.all(nodes.map((node) => node.start()));
    const cluster = new Cluster(world, dir, nodes, controller);
    await cluster.ready();
    if (!munged.runs) throw new Error('munged ended');
    return cluster;
  } catch (error) {
    await world.close();
    throw error;
  }
}

async function openWorld(place: Place, options: ClusterOptions): Promise<World> {
  const { dir } = place;
  try {
    writeConfig(place, options);
    const cgroup = options.memoryLimit === 'cgroup' ? join('/sys/fs/cgroup/memory', basename(dir)) : '';
    return await World.open(clusterCommand(dir, cgroup));
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}
