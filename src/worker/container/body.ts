/** A host in a container, as its worker looks at it and ends it. */
import { readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { signalGroup, signalOne, type ExitStatus, type HostBody } from '../host-body.js';
import { oldestChild, wordsOf } from '../proc.js';
import type { Reaper } from '../reaper.js';
import { PID_FILE, STEP_FILE } from './args.js';
import { ask } from './ask.js';
import type { ContainerTool } from './plan.js';
import { endingCode } from './ending.js';

/** A container that is being made cannot be signalled yet. */
const RETRY_MS = 50;
/** After this long without its container the client is killed. */
const PATIENCE_MS = 10_000;
const ASK_MS = 10_000;

export class ContainedBody implements HostBody {
  readonly #tool: ContainerTool;
  readonly #client: number | undefined;
  readonly #name: string;
  readonly #box: string;
  readonly #leads: boolean;
  #root: number | undefined;
  #pid: number | undefined;
  #ended = false;

  /**
   * @param client - the process that we started
   * @param leads - it has a process group of its own
   */
  constructor(tool: ContainerTool, client: number | undefined, name: string, box: string, leads: boolean) {
    this.#tool = tool;
    this.#client = client;
    this.#name = name;
    this.#box = box;
    this.#leads = leads;
  }

  get root(): number | undefined {
    if (this.#ended) return undefined;
    // There the client itself is the host's parent.
    if (this.#tool.name === 'apptainer') return this.#client;
    if (this.#root === undefined && this.#tool.name === 'pyxis')
      this.#root = Number(this.#step()[1]) || undefined;
    else if (this.#root === undefined && this.#tool.transport === 'descriptors')
      this.#root = this.#firstProcess();
    return this.#root;
  }

  get pid(): number | undefined {
    const { root } = this;
    if (root === undefined || this.#tool.name === 'pyxis') return root;
    this.#pid ??= oldestChild(root);
    return this.#pid;
  }

  entrust(reaper: Reaper): void {
    const client = this.#client;
    if (client === undefined) return;
    if (this.#tool.name === 'apptainer' && this.#leads) reaper.watch(client);
    else if (this.#tool.name === 'apptainer') reaper.watchAlone(client);
    else reaper.watchContainer(client, endingCode(this.#tool, client, this.#name, this.#box));
  }

  signal(signal: NodeJS.Signals): void {
    void this.#deliver(signal);
  }

  /** Docker knows the process, if it is one of this machine. */
  ready(): void {
    const { name, program, transport } = this.#tool;
    if (transport !== 'stdio' || name === 'pyxis') return;
    void ask(program, ['inspect', '--format={{.State.Pid}}', this.#name], ASK_MS).then(({ stdout }) => {
      const pid = Number(stdout);
      // A number from a virtual machine means another process here, or none.
      if (pid > 0 && !this.#ended && wordsOf(pid).includes(this.#name)) this.#root = pid;
    });
  }

  ended(status: ExitStatus, reaper: Reaper): ExitStatus {
    this.#ended = true;
    const client = this.#client;
    if (client !== undefined) {
      // The client tells of the end of its container; where it was killed itself the container may go on.
      if (status.signal !== null) void this.#reach('SIGKILL');
      if (this.#leads) signalGroup(client, 'SIGKILL');
      if (this.#tool.name === 'apptainer') reaper.forget(client);
      else reaper.forgetContainer(client);
    }
    if (this.#box !== '') rmSync(this.#box, { recursive: true, force: true });
    return passedOn(status);
  }

  async #deliver(signal: NodeJS.Signals): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (let sent = false; !this.#ended && performance.now() < end;) {
      sent ||= await this.#reach(signal);
      if (sent && signal !== 'SIGKILL') return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
    }
    if (!this.#ended) this.#signalClient('SIGKILL');
  }

  /** True: it was sent. */
  async #reach(signal: NodeJS.Signals): Promise<boolean> {
    const { name, program, transport } = this.#tool;
    if (name === 'apptainer') {
      this.#signalClient(signal);
      return true;
    }
    if (name === 'pyxis') {
      const [step = ''] = this.#step();
      if (step === '') return false;
      return (await ask('scancel', [`--signal=${signal.slice(3)}`, step], ASK_MS)).code === 0;
    }
    if (transport === 'stdio')
      return (await ask(program, ['kill', `--signal=${signal}`, this.#name], ASK_MS)).code === 0;
    const first = this.#firstProcess();
    if (first === undefined) return false;
    signalOne(first, signal);
    return true;
  }

  #signalClient(signal: NodeJS.Signals): void {
    const client = this.#client;
    if (client === undefined) return;
    if (this.#leads) signalGroup(client, signal);
    else signalOne(client, signal);
  }

  /** Job and step, and the process that it runs. */
  #step(): string[] {
    return this.#read(STEP_FILE).split(' ');
  }

  #firstProcess(): number | undefined {
    const pid = Number(this.#read(PID_FILE));
    // Before it has become the container's own, and after it has ended, the number is another's.
    return pid > 1 && wordsOf(pid).includes(this.#name) ? pid : undefined;
  }

  #read(name: string): string {
    try {
      return readFileSync(join(this.#box, name), 'utf8').trim();
    } catch {
      return '';
    }
  }
}

/** A client tells by 128 + n that signal n has ended its container. */
function passedOn(status: ExitStatus): ExitStatus {
  const number = (status.code ?? 0) - 128;
  const signal = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return signal === undefined ? status : { code: null, signal: signal as NodeJS.Signals };
}
