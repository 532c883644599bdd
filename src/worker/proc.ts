/** What the system says of processes, in /proc; nothing where there is none (macOS). */
import { readdirSync, readFileSync } from 'node:fs';
import { monotonicMs } from './progress-file.js';

/** Looking at all processes may take this share of one processor. */
const SCAN_SHARE = 0.04;

function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

/** Its state and parent, the process group's session, and so on: the fields behind the name. */
function statFields(pid: number): string[] | null {
  const stat = read(`/proc/${pid}/stat`);
  // A name may hold blanks and parentheses.
  return stat === null ? null : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** True while a signal (SIGSTOP, SIGTSTP) keeps it from running. */
export function isStopped(pid: number): boolean {
  return statFields(pid)?.[0] === 'T';
}

/** The words that it was started with; none: it is gone. */
export function wordsOf(pid: number): string[] {
  return (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
}

/** Which rights files that this process makes do not get, in octal; null: not known. */
export function ownUmask(): string | null {
  return /^Umask:\s+(\d+)$/m.exec(read('/proc/self/status') ?? '')?.[1] ?? null;
}

/** Of the processes that `parent` started and that live, the one that began first; undefined: it has none. */
export function oldestChild(parent: number): number | undefined {
  let oldest: number | undefined;
  let began = Infinity;
  for (const pid of processes()) {
    const fields = statFields(pid);
    if (fields === null || Number(fields[1]) !== parent || Number(fields[19]) >= began) continue;
    oldest = pid;
    began = Number(fields[19]);
  }
  return oldest;
}

function processes(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

let pageKiB: number | undefined;

/** Bytes of a page, which /proc counts in, as the kernel told this process at its start. */
function kibOfPages(pages: number): number {
  if (pageKiB === undefined) {
    pageKiB = 4;
    try {
      const vector = readFileSync('/proc/self/auxv');
      for (let at = 0; at + 16 <= vector.length; at += 16)
        if (vector.readBigUInt64LE(at) === 6n /* AT_PAGESZ */)
          pageKiB = Number(vector.readBigUInt64LE(at + 8)) / 1024;
    } catch {
      // Nearly everywhere it is 4 KiB.
    }
  }
  return pages * pageKiB;
}

/** Resident size, KiB; null: not known, or it is gone. */
export function residentKiB(pid: number): number | null {
  const pages = read(`/proc/${pid}/statm`)?.split(' ', 2)[1];
  return pages === undefined ? null : kibOfPages(Number(pages));
}

/** Its share of what is resident: what several processes share is divided among them. KiB; null: not known. */
function shareKiB(pid: number): number | null {
  const size = /^Pss: +(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1];
  return size === undefined ? null : Number(size);
}

/**
 * Processes with all that they started. The kernel lists children by thread, if it was built to; so the parents of
 * all processes are read, and not again until that has become cheap.
 */
export class Families {
  /** Parent and session of each process. */
  #all = new Map<number, readonly [parent: number, session: number]>();
  #nextScan = -Infinity;

  /**
   * Resident size of a process that leads a session, and of all that descends from it, KiB; null: not known.
   * Above `limit` it is looked at closely: forked processes share memory, which is counted once.
   */
  residentKiB(root: number, limit: number): number | null {
    const own = residentKiB(root);
    if (own === null) return null;
    const descendants = this.#descendants(root);
    const sum = descendants.reduce((total, pid) => total + (residentKiB(pid) ?? 0), own);
    if (sum <= limit || descendants.length === 0) return sum;
    const shares = [root, ...descendants].map((pid) => shareKiB(pid) ?? residentKiB(pid) ?? 0);
    return shares.reduce((total, share) => total + share, 0);
  }

  #descendants(root: number): number[] {
    this.#scan();
    const family = new Set([root]);
    // Those whose parent ended have another one now, but their session still, unless they began their own.
    for (const [pid, [, session]] of this.#all) if (session === root) family.add(pid);
    for (let size = 0; size < family.size;) {
      size = family.size;
      for (const [pid, [parent]] of this.#all) if (family.has(parent)) family.add(pid);
    }
    family.delete(root);
    return [...family];
  }

  #scan(): void {
    const began = monotonicMs();
    if (began < this.#nextScan) return;
    this.#all.clear();
    for (const pid of processes()) {
      const fields = statFields(pid);
      if (fields !== null) this.#all.set(pid, [Number(fields[1]), Number(fields[3])]);
    }
    const ended = monotonicMs();
    this.#nextScan = ended + (ended - began) / SCAN_SHARE;
  }
}

/** Processes that the kernel killed because the machine, or a container on it, had no memory left. */
export class KernelKills {
  #count = count();
  #roseAt = -Infinity;

  /** Looks now. Asking the kernel is too dear for each batch. */
  look(): void {
    const now = count();
    if (now > this.#count) this.#roseAt = monotonicMs();
    this.#count = now;
  }

  /** Whether there was one since `moment` of the monotonic clock, or between the two looks around it. */
  since(moment: number): boolean {
    this.look();
    return this.#roseAt >= moment;
  }
}

function count(): number {
  return Number(/^oom_kill (\d+)$/m.exec(read('/proc/vmstat') ?? '')?.[1] ?? 0);
}
