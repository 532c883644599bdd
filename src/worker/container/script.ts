/** What the shell of an image does before it becomes the host. */
import { ownUmask } from '../proc.js';
import type { ToolName } from './plan.js';

/**
 * The environment comes as the first line of what the host reads: so values are in no argument list and no file, and a
 * `PATH` or `HOME` that is meant for tasks is not that of the program which makes the container.
 */
const BECOME = `[ -z "$1" ] || umask "$1"; shift
IFS= read -r dl_jobs_env <&3 || exit 0
dl_jobs_nl='
'
eval "$dl_jobs_env"
unset dl_jobs_env dl_jobs_nl
command -v "$1" >/dev/null 2>&1 || { echo "dl_jobs: $1: not found in this image" >&2; exit 127; }
exec "$@"
`;

/** The descriptors are there. */
const OVER_DESCRIPTORS = `{ true <&3; } 2>/dev/null || { echo 'dl_jobs: descriptor 3 is closed in the container' >&2; exit 125; }
${BECOME}`;

/** Standard streams carry what 3 and 4 do elsewhere; log and progress are opened by name. */
const OVER_STDIO = `exec 3<&0 4>&1 5<>"$2" </dev/null >>"$1" 2>&1; shift 2
${BECOME}`;

/** As above. The step must be known to be ended; processes have the same numbers outside. */
const OVER_SRUN = `echo "$SLURM_JOB_ID.$SLURM_STEP_ID $$" >"$1"; shift
${OVER_STDIO}`;

/** On a terminal the task prints to the one stream that is left. */
const OVER_STDIO_ON_TERMINAL = `exec 3<&0 4>&1 5<>/dev/null </dev/null >&2
${BECOME}`;

/** Words for `/bin/sh`, to which the program and its arguments are added. */
export type ScriptWay =
  | { readonly over: 'descriptors' }
  | { readonly over: 'stdio'; readonly logFile: string; readonly progressFile: string }
  | {
      readonly over: 'srun';
      readonly stepFile: string;
      readonly logFile: string;
      readonly progressFile: string;
    }
  | { readonly over: 'stdio on a terminal' };

/** @param name - shown by `ps` */
export function shellWords(name: string, way: ScriptWay): string[] {
  const mask = ownUmask() ?? '';
  switch (way.over) {
    case 'descriptors':
      return ['-c', OVER_DESCRIPTORS, name, mask];
    case 'stdio':
      return ['-c', OVER_STDIO, name, way.logFile, way.progressFile, mask];
    case 'srun':
      return ['-c', OVER_SRUN, name, way.stepFile, way.logFile, way.progressFile, mask];
    case 'stdio on a terminal':
      return ['-c', OVER_STDIO_ON_TERMINAL, name, mask];
  }
}

/** `text` as one word of a shell, without a newline in it; `nl` is a shell variable that holds one. */
export function shellWord(text: string, nl: string): string {
  return `'${text.replaceAll("'", `'\\''`).replaceAll('\n', `'"$${nl}"'`)}'`;
}

/** The line that the shell reads first. */
export function environmentLine(env: NodeJS.ProcessEnv): string {
  const words = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${shellWord(value, 'dl_jobs_nl')}`],
  );
  return words.length === 0 ? ':\n' : `export ${words.join(' ')}\n`;
}

/** Variables of this process that a host in a container gets, too: the rest is this machine's, not the image's. */
const PASSED_ON =
  /^(DL_JOBS_\w+|CUDA_VISIBLE_DEVICES|TZ|(https?|ftp|all|no)_proxy|(HTTPS?|FTP|ALL|NO)_PROXY)$/;
/** A step of Slurm has its own. */
const OF_SLURM = /^SLURM(D)?_\w+$/;

/** @param extra - what the job adds */
export function containedEnvironment(
  extra: Readonly<Record<string, string>>,
  tool: ToolName,
  own: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const passed = Object.entries(own).filter(
    ([name]) =>
      (PASSED_ON.test(name) || (tool !== 'pyxis' && OF_SLURM.test(name))) && name !== 'DL_JOBS_INSPECT',
  );
  return { ...Object.fromEntries(passed), ...extra };
}
