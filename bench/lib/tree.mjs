import { existsSync, readdirSync, readFileSync } from 'node:fs';

const EVERY_MS = 20;
const KB = 1024;

/** Whether this system shows the memory of its processes (Linux does). */
export const CAN_SAMPLE = existsSync('/proc/self/smaps_rollup');

/**
 * Watches the memory of a process and all that it starts, by looking at /proc every 20 ms.
 *
 * A process belongs to the tree if its parent does, or if its environment carries the tag: that also finds
 * processes that have left their parent.
 */
export class TreeSampler {
  #root;
  #tag;
  #timer;
  #ours = new Set();
  #others = new Set();
  /** Peak RSS of each process, as the kernel keeps it: pid -> bytes. */
  #peaks = new Map();
  #treePss = 0;
  #treeRss = 0;

  constructor(root, tag) {
    this.#root = root;
    this.#tag = tag;
    this.#ours.add(root);
    if (CAN_SAMPLE) this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  /**
   * @returns peaks in bytes, or null where there is no /proc: `tree` (sum of proportional set sizes, so that
   *   shared pages count once), `treeRss` (sum of RSS), `controller` (RSS of the first process), `host` (the
   *   largest RSS of any other)
   */
  stop() {
    clearInterval(this.#timer);
    if (this.#peaks.size === 0) return null;
    let host = 0;
    for (const [pid, peak] of this.#peaks) if (pid !== this.#root) host = Math.max(host, peak);
    return {
      tree: this.#treePss,
      treeRss: this.#treeRss,
      controller: this.#peaks.get(this.#root) ?? 0,
      host,
    };
  }

  #look() {
    this.#findNew();
    let pss = 0;
    let rss = 0;
    for (const pid of this.#ours) {
      const status = text(`/proc/${pid}/status`);
      const peak = field(status, 'VmHWM:');
      if (peak === 0) continue; // ended
      // The last one seen, not the largest: between fork and exec a child shows its parent's.
      this.#peaks.set(pid, peak);
      rss += field(status, 'VmRSS:');
      pss += field(text(`/proc/${pid}/smaps_rollup`), 'Pss:');
    }
    this.#treePss = Math.max(this.#treePss, pss);
    this.#treeRss = Math.max(this.#treeRss, rss);
  }

  #findNew() {
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      if (Number.isNaN(pid) || this.#ours.has(pid) || this.#others.has(pid)) continue;
      const stat = text(`/proc/${pid}/stat`);
      // The name in parentheses may hold anything; the parent is the second field after it.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const ours = this.#ours.has(parent) || text(`/proc/${pid}/environ`).includes(this.#tag);
      (ours ? this.#ours : this.#others).add(pid);
    }
  }
}

function text(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended, or is somebody else's
  }
}

/** A field of a /proc file in bytes; 0 if it is not there. */
function field(content, name) {
  const at = content.indexOf(`\n${name}`);
  return at < 0 ? 0 : Number.parseInt(content.slice(at + 1 + name.length), 10) * KB;
}
