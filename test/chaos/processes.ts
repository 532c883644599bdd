/** The processes of a round: all that have its mark in their environment. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';
import { MARK } from './project.js';
import type { Target } from './plan.js';
import { CHILD } from './task-source.js';
import type { Random } from './random.js';

export interface MarkedProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly command: string;
}

/** Zombies are left out: nothing of them runs. */
export function markedProcesses(mark: string): MarkedProcess[] {
  const wanted = `${MARK}=${mark}\0`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(wanted)) return [];
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
        const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z' || state === 'X') return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), parent: Number(parent), group: Number(group), command }];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });
}

export interface KillReport {
  /** Processes that ran user code. */
  readonly hosts: number;
  /** True: the controller was among them. */
  readonly controller: boolean;
}

/** Kills a process, or a group of them, that may have ended by itself in the meantime. */
export function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has.
  }
}

/** Kills what `target` names of the command with that process id. What there is none of is not killed. */
export function killTarget(target: Target, controller: number, mark: string, random: Random): KillReport {
  const hosts = (): number[] =>
    markedProcesses(mark)
      .filter(({ parent, command }) => parent === controller && /node-host\.js|_host\.py/.test(command))
      .map(({ pid }) => pid);
  switch (target) {
    case 'controller':
      killNow(controller);
      return { hosts: 0, controller: true };
    case 'its process group':
      killNow(-controller);
      return { hosts: 0, controller: true };
    case 'one host': {
      const all = hosts();
      if (all.length > 0) killNow(random.pick(all));
      return { hosts: Math.min(1, all.length), controller: false };
    }
    case 'all hosts': {
      const all = hosts();
      for (const pid of all) killNow(pid);
      return { hosts: all.length, controller: false };
    }
    case 'everything': {
      const all = hosts();
      // First the one that would record what it sees of the others' end; then again what was just being born.
      killNow(controller);
      for (let look = 0; look < 3; look++) for (const { pid } of markedProcesses(mark)) killNow(pid);
      return { hosts: all.length, controller: true };
    }
  }
}

/** What still runs of the round after at most `seconds`, and should not. */
export async function leftAfter(seconds: number, mark: string): Promise<MarkedProcess[]> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const left = markedProcesses(mark).filter((process) => !isOfItsOwn(process));
    if (left.length === 0 || performance.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/**
 * A child that a task put into a session of its own: it has left the process group of its host, which is what is
 * ended with the host. It is there to show that it does no harm.
 */
function isOfItsOwn({ pid, group, command }: MarkedProcess): boolean {
  return pid === group && command === CHILD;
}
