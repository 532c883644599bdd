/** What a host is made of: the program, and the process between it and us. */
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { ContainerPlan } from './container/plan.js';
import type { ProgressFile } from './progress-file.js';
import type { Reaper } from './reaper.js';

/** The program that a host is. */
export interface HostCommand {
  /** In a container: as the image knows it. */
  readonly command: string;
  readonly args: readonly string[];
  /** May hold secrets: it is shown to nobody. In a container: only what is added to the image's own. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** The image it runs in; without one it runs on the machine as it is. */
  readonly container?: ContainerPlan;
}

export interface StartedHost {
  /** The process that we started: the host, or the client that holds its container. */
  readonly child: ChildProcess;
  /** What the host reads, and what it writes; undefined where no process came to be. */
  readonly input: Socket | undefined;
  readonly output: Socket | undefined;
  /** To be closed by whoever has the host. */
  readonly progress: ProgressFile;
  readonly body: HostBody;
}

/** How a process ended. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How a host is looked at and ended. */
export interface HostBody {
  /** The host itself, as this machine counts processes; undefined: not known yet. */
  readonly pid: number | undefined;
  /** The process that all processes of the host descend from; undefined: not known yet. */
  readonly root: number | undefined;
  /** From now on the reaper ends it when we are gone. */
  entrust(reaper: Reaper): void;
  /** Signals the host and whatever it started. */
  signal(signal: NodeJS.Signals): void;
  /** It has said its first word. */
  ready(): void;
  /** The process that we started has ended: what the host left behind goes with it. Tells how the host ended. */
  ended(status: ExitStatus, reaper: Reaper): ExitStatus;
}

export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // The group is gone already.
  }
}

export function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** A host that is our own child, and leads a process group. */
export class GroupBody implements HostBody {
  readonly pid: number | undefined;
  readonly root: number | undefined;

  constructor(pid: number | undefined) {
    this.pid = pid;
    this.root = pid;
  }

  entrust(reaper: Reaper): void {
    if (this.pid !== undefined) reaper.watch(this.pid);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) signalGroup(this.pid, signal);
  }

  ready(): void {
    // There is nothing to find out.
  }

  ended(status: ExitStatus, reaper: Reaper): ExitStatus {
    if (this.pid !== undefined) {
      signalGroup(this.pid, 'SIGKILL');
      reaper.forget(this.pid);
    }
    return status;
  }
}

/** A host that is our own child, in our own process group. */
export class ChildBody implements HostBody {
  readonly pid: number | undefined;
  readonly root: number | undefined;

  constructor(pid: number | undefined) {
    this.pid = pid;
    this.root = pid;
  }

  entrust(reaper: Reaper): void {
    if (this.pid !== undefined) reaper.watchAlone(this.pid);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) signalOne(this.pid, signal);
  }

  ready(): void {
    // There is nothing to find out.
  }

  ended(status: ExitStatus): ExitStatus {
    return status;
  }
}
