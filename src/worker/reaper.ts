/**
 * The reaper: a shell of a few hundred kB in its own session that kills the process groups of a worker's hosts
 * once the worker is gone, however it went. A host ends by itself when its pipe closes, but not while it is stuck
 * in user code: `while (true)`, C code, a grandchild. A container is ended by a line of shell of its own: none of its
 * processes is in our groups.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Writable } from 'node:stream';

const SCRIPT = `
trap '' INT TERM HUP
nl='
'
pids=
boxes=
patient=
while read -r op pid code; do
  case $op in
    +) pids="$pids $pid" ;;
    p) patient="$patient $pid" ;;
    c) boxes="$boxes $pid"; eval "code_$pid=\\$code" ;;
    d) rest=; for p in $boxes; do [ "$p" = "$pid" ] || rest="$rest $p"; done; boxes=$rest; unset "code_$pid" ;;
    -) rest=; for p in $pids; do [ "$p" = "$pid" ] || rest="$rest $p"; done; pids=$rest ;;
    q) exit 0 ;;
  esac
done
for p in $pids; do kill -s KILL -- "$p" 2>/dev/null; done
for p in $patient; do
  (
    kill -s INT -- "$p" || exit
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
      sleep 0.2 || sleep 1
      kill -s 0 -- "$p" || exit
    done
    kill -s KILL -- "$p"
  ) 2>/dev/null &
done
for p in $boxes; do eval "code=\\$code_$p"; (eval "$code") & done
wait
`;

export class Reaper {
  #child: ChildProcessByStdio<Writable, null, null> | null = null;
  #waiting: string[] = [];
  #closed = false;

  /** Process group `pid` lives from now on. */
  watch(pid: number): void {
    this.#tell(`+ -${pid}\n`);
  }

  /** Process group `pid` is gone: its number may be another's soon. */
  forget(pid: number): void {
    this.#tell(`- -${pid}\n`);
  }

  /** Process `client` holds a container from now on, which `code` ends: one line of shell, with `$nl` for a newline. */
  watchContainer(client: number, code: string): void {
    this.#tell(`c ${client} ${code}\n`);
  }

  forgetContainer(client: number): void {
    this.#tell(`d ${client}\n`);
  }

  /** The one process `pid` lives from now on: a host that is in our own process group. */
  watchAlone(pid: number): void {
    this.#tell(`+ ${pid}\n`);
  }

  /** The one process `pid` lives from now on, which cleans up after itself: it hears SIGINT, and is killed 5 seconds later. */
  watchPatiently(pid: number): void {
    this.#tell(`p ${pid}\n`);
  }

  close(): void {
    this.#closed = true;
    this.#child?.stdin.end('q\n');
  }

  /** The first words are sent a turn later: starting a process takes milliseconds that the hosts can begin in. */
  #tell(words: string): void {
    if (this.#child !== null) {
      this.#child.stdin.write(words);
      return;
    }
    this.#waiting.push(words);
    if (this.#waiting.length === 1) setImmediate(() => this.#start());
  }

  #start(): void {
    if (this.#closed) return;
    const child = this.#spawn();
    if (child === null) return;
    child.unref();
    (child.stdin as unknown as { unref?: () => void }).unref?.();
    child.stdin.write(this.#waiting.join(''));
    this.#child = child;
  }

  /** Null when the system has no room for it: losing the reaper loses a safety net, not the run. */
  #spawn(): ChildProcessByStdio<Writable, null, null> | null {
    try {
      const child = spawn('/bin/sh', ['-c', SCRIPT], {
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
        cwd: '/',
      });
      child.on('error', () => undefined);
      // Without descriptors for pipes there are none, whatever the types say.
      (child.stdin as Writable | undefined)?.on('error', () => undefined);
      return child.pid === undefined ? null : child;
    } catch {
      return null;
    }
  }
}
