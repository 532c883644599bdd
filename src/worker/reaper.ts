/**
 * The reaper: a shell of a few hundred kB in its own session that kills the process groups of a worker's hosts
 * once the worker is gone, however it went. A host ends by itself when its pipe closes, but not while it is stuck
 * in user code: `while (true)`, C code, a grandchild.
 */
import { spawn, type ChildProcess } from 'node:child_process';

const SCRIPT = `
trap '' INT TERM HUP
pids=
while read -r op pid; do
  case $op in
    +) pids="$pids $pid" ;;
    -) rest=; for p in $pids; do [ "$p" = "$pid" ] || rest="$rest $p"; done; pids=$rest ;;
    q) exit 0 ;;
  esac
done
for p in $pids; do kill -s KILL -- "-$p" 2>/dev/null; done
`;

export class Reaper {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = spawn('/bin/sh', ['-c', SCRIPT], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    });
    // Losing the reaper loses a safety net, not the run.
    this.#child.on('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    this.#child.unref();
    (this.#child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  }

  /** Process group `pid` lives from now on. */
  watch(pid: number): void {
    this.#child.stdin?.write(`+ ${pid}\n`);
  }

  /** Process group `pid` is gone: its number may be another's soon. */
  forget(pid: number): void {
    this.#child.stdin?.write(`- ${pid}\n`);
  }

  close(): void {
    this.#child.stdin?.end('q\n');
  }
}
