/** How the reaper, a shell, ends a container whose worker is gone. */
import { join } from 'node:path';
import { PID_FILE, STEP_FILE } from './args.js';
import type { ContainerTool } from './plan.js';
import { shellWord } from './script.js';

/** So often, ten times a second, it is tried to end a container that may not have begun yet. */
const TRIES = 100;

/**
 * One line of shell. While its container is being made the client is left alone, for it would be left half made; the
 * host in it ends by itself when it finds that the worker is gone.
 *
 * @param client - the process that holds the container
 */
export function endingCode(tool: ContainerTool, client: number, name: string, box: string): string {
  const folder = shellWord(box, 'nl');
  return (
    `n=0; sent=; while kill -s 0 ${client} 2>/dev/null && [ $n -lt ${TRIES} ]; do ` +
    `[ -n "$sent" ] || { ${attempt(tool, name, box)}; } && sent=1; n=$((n+1)); ` +
    `sleep 0.1 2>/dev/null || sleep 1; done; ` +
    `[ -n "$sent" ] || kill -s KILL -- -${client} 2>/dev/null; rm -rf ${folder}`
  );
}

function attempt(tool: ContainerTool, name: string, box: string): string {
  if (tool.name === 'pyxis')
    return `s=$(cat ${shellWord(join(box, STEP_FILE), 'nl')} 2>/dev/null) && scancel --signal=KILL "\${s% *}"`;
  if (tool.transport === 'stdio') return `${tool.program} kill ${name}`;
  // Before it has become the container's own, and after it has ended, the number is another's.
  return `p=$(cat ${shellWord(join(box, PID_FILE), 'nl')} 2>/dev/null) && grep -qs -e ${name} "/proc/$p/cmdline" && kill -s KILL "$p" 2>/dev/null`;
}
