/** Which process on which machine: enough to tell whether one that was written down still lives. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
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
  return identityOf(process.pid);
}

/** Of a process on this machine. */
export function identityOf(pid: number): ProcessIdentity {
  return {
    host: hostname(),
    pid,
    boot: read('/proc/sys/kernel/random/boot_id'),
    began: beginOf(pid),
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

/** Who started a process; null where the system does not tell, or when there is no such process. */
export function parentOf(pid: number): number | null {
  const parent = fieldsOf(pid)[1];
  return parent === undefined ? null : Number(parent);
}

/** True while a process of the group `leader` runs, the leader itself or another. */
export function groupLives(leader: number): boolean {
  if (!existsSync('/proc/self/stat')) return isThere(-leader);
  // A signal would reach zombies too, and those stay for as long as nobody asks after them.
  return readdirSync('/proc').some(
    (name) => /^\d+$/.test(name) && Number(fieldsOf(Number(name))[2]) === leader,
  );
}

/** Field 22 of /proc/<pid>/stat, in ticks since boot; empty when there is no such process. */
function beginOf(pid: number): string {
  return fieldsOf(pid)[19] ?? '';
}

/** Fields of /proc/<pid>/stat from the third on, the state; none when there is no such process, or it is a zombie. */
function fieldsOf(pid: number): readonly string[] {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === '') return [];
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? [] : fields;
}

function pidSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** True when there is a process (or, negative, a group) of that number; zombies count. */
export function isThere(pid: number): boolean {
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
