/** Which process on which machine: enough to tell whether one that was written down still lives. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Changes with each boot of the machine; empty where the system does not tell. */
  readonly boot: string;
  /** When the process began, in the system's own count; empty where it does not tell. A pid is used again, this is not. */
  readonly began: string;
  /** Names the space in which `pid` means something: containers of one machine have their own. Empty where unknown. */
  readonly space: string;
}

export function ownIdentity(): ProcessIdentity {
  return {
    host: hostname(),
    pid: process.pid,
    boot: read('/proc/sys/kernel/random/boot_id'),
    began: beginOf(process.pid),
    space: pidSpace(),
  };
}

/** `unknown`: it is on another machine, or in another container. */
export function lives(process: ProcessIdentity): 'yes' | 'no' | 'unknown' {
  const own = ownIdentity();
  if (process.host !== own.host || process.space !== own.space) return 'unknown';
  if (process.boot !== own.boot) return 'no';
  const began = beginOf(process.pid);
  if (own.began !== '') return began !== '' && began === process.began ? 'yes' : 'no';
  return isThere(process.pid) ? 'yes' : 'no';
}

/** Field 22 of /proc/<pid>/stat, in ticks since boot; empty when there is no such process, or it is a zombie. */
function beginOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return rest[0] === 'Z' || rest[0] === 'X' ? '' : (rest[19] ?? '');
}

function pidSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '';
  }
}
