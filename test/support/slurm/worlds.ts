/** Processes cut off from the rest of the machine: in PID namespaces of their own, which end as one. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** When it started, in clock ticks since boot: with the process id it names one process for good. */
  readonly born: string;
  readonly command: string;
}

/** One process of a world. */
export interface WorldProcess extends Process {
  /** Its process id as that world knows it; `pid` and `parent` are as we do. */
  readonly innerPid: number;
}

/** A daemon in a world. */
export class Daemon {
  readonly pid: number;
  readonly #born: string;

  constructor({ pid, born }: Process) {
    this.pid = pid;
    this.#born = born;
  }

  get runs(): boolean {
    return processAt(this.pid)?.born === this.#born;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.runs) throw new Error(`process ${this.pid} has ended`);
    process.kill(this.pid, signal);
  }

  /** Resolves when it has ended, whoever ended it. */
  async ended(): Promise<void> {
    while (this.runs) await sleep(10);
  }
}

/** A PID namespace with what runs in it. It ends with its first process, and with this process. */
export class World {
  /** Its first process. */
  readonly pid: number;
  /** What we started, which ends after all processes of the world, and the end of it. */
  readonly #outer: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(outer: ChildProcess, ended: Promise<unknown>, pid: number) {
    this.#outer = outer;
    this.#ended = ended;
    this.pid = pid;
  }

  /** `command` must make the world, print the process id of its first process, and live while its input is open. */
  static async open(command: readonly string[]): Promise<World> {
    const [program = '', ...args] = command;
    // In a session of its own: Ctrl-C is for the test process, which then lets go of us.
    const outer = spawn(program, args, { env: environment(), detached: true });
    const ended = new Promise((done) => outer.once('exit', done).once('error', done));
    let errors = '';
    outer.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    const line = await firstLine(outer.stdout);
    if (!/^\d+$/.test(line)) {
      await ended;
      throw new Error(`a world did not start: ${errors}`);
    }
    // A test process that forgets about us must be able to end, which ends us.
    outer.unref();
    for (const stream of [outer.stdin, outer.stderr]) (stream as Socket).unref();
    return new World(outer, ended, Number(line));
  }

  get runs(): boolean {
    return this.#outer.exitCode === null && this.#outer.signalCode === null;
  }

  /** The command that runs `command` in here. */
  entering(command: readonly string[]): [string, ...string[]] {
    return ['nsenter', '-t', `${this.pid}`, '--pid', '--mount', '--uts', '--', ...command];
  }

  /**
   * Starts a daemon in here, as an orphan: `nsenter` would have to wait for it, stops with it, and nothing would then
   * reap the daemon when it is killed, so that its world could not end.
   */
  async start(command: readonly string[], log: string, env: NodeJS.ProcessEnv = {}): Promise<Daemon> {
    const script = 'setsid "$@" </dev/null >>"$0" 2>&1 & echo $!';
    const [program, ...args] = this.entering(['bash', '--norc', '-c', script, log, ...command]);
    const { stdout } = await promisify(execFile)(program, args, { env: { ...environment(), ...env } });
    const found = this.processes().find(({ innerPid }) => innerPid === Number(stdout));
    if (found === undefined) throw new Error(`${command.join(' ')}: ${readFileSync(log, 'utf8')}`);
    return new Daemon(found);
  }

  /** What runs in here, without the first process, and with containers that were started in here. */
  processes(): WorldProcess[] {
    const namespace = namespaceOf(this.pid);
    if (namespace === undefined) return [];
    const everything = processes();
    const found = everything.filter(({ pid }) => pid !== this.pid && namespaceOf(pid) === namespace);
    for (const process of found) {
      found.push(...everything.filter((other) => other.parent === process.pid && !found.includes(other)));
    }
    const depth = innerPids(this.pid).length - 1;
    return found.flatMap((process) => {
      const innerPid = innerPids(process.pid)[depth];
      return innerPid === undefined ? [] : [{ ...process, innerPid }];
    });
  }

  /** Kills all that runs in here at once, and resolves when nothing is left. */
  async kill(): Promise<void> {
    if (this.runs) process.kill(this.pid, 'SIGKILL');
    await this.#gone();
  }

  /** Lets go of it, and resolves when it and what it cleans up are gone. */
  async close(): Promise<void> {
    this.#outer.stdin?.destroy();
    await this.#gone();
  }

  async #gone(): Promise<void> {
    // Node would end while we wait for a process that does not count.
    this.#outer.ref();
    await this.#ended;
  }
}

/** Daemons get no part of the environment of the tests, where secrets and settings of the product may be. */
const environment = (): NodeJS.ProcessEnv => ({
  PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`,
  LANG: 'C.UTF-8',
});

/** The first line, without its end; less when the stream ends before. */
async function firstLine(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.split('\n', 1)[0] ?? '';
}

/** A process that runs; zombies do not. */
function processAt(pid: number | string): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (rest[0] === 'Z' || rest[0] === 'X') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid: Number(pid), parent: Number(rest[1]), born: rest[19] ?? '', command };
  } catch {
    return undefined;
  }
}

const processes = (): Process[] =>
  readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (processAt(name) ?? []) : []));

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

/** The ids of a process, from our own namespace inwards. */
function innerPids(pid: number): number[] {
  try {
    const [, ids = ''] = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return ids.split('\t').map(Number);
  } catch {
    return [];
  }
}
