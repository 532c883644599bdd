/** What runs on this machine, from /proc; Linux only. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Tests that look at processes. */
export const onLinux = { skip: !existsSync('/proc/self/stat') };

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Every process there is; those that end meanwhile, and zombies, are left out. */
export function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (rest[0] === 'Z') return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), parent: Number(rest[1]), command }];
      } catch {
        return [];
      }
    });
}

/** A process and all that it started, directly or not. */
export function tree(root: number): Process[] {
  const all = processes();
  const found = all.filter((p) => p.pid === root);
  for (const process of found) {
    found.push(...all.filter((p) => p.parent === process.pid));
  }
  return found;
}

/** Peak resident size so far, KiB; 0 when the process is gone. */
export function peakMemory(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Whether a process with this id runs (zombies do not count). */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

/**
 * Resolves once `condition` holds; asks every 20 ms. Rejects, naming `what`, when it does not within `limitMs`: by default
 * two minutes, since what never comes costs time only where something is broken.
 */
export async function until(what: string, condition: () => boolean, limitMs = 120_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The process id that a task writes into a file. The file is there a moment before it holds anything. */
export async function pidIn(path: string): Promise<number> {
  const text = (): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  await until(`${path} holds a process id`, () => text() !== '');
  return Number(text());
}
