/** The script that an array element runs: it makes the node ready, and becomes a worker. */
import { isAbsolute, join } from 'node:path';
import { WORKER_SECONDS } from './allocation.js';
import { bashWord } from './quote.js';

export interface BatchScript {
  /** The run folder, absolute. */
  readonly dir: string;
  /** `checkup`: there is no run; `doctor` wants to know what the machine is like. */
  readonly round: number | 'checkup';
  /** The copy of this program that the run has, absolute. */
  readonly tool: string;
  /** Root of the project: what relative paths in {@link setup} and {@link node} are relative to. */
  readonly projectRoot: string;
  /** The setting `node`; empty: {@link ownNode} where a node has it, else the one on PATH. */
  readonly node: string;
  /** Path of the Node.js that this process runs on. */
  readonly ownNode: string;
  readonly setup: readonly string[];
  /** Time that an element is given; null: the partition's. */
  readonly seconds: number | null;
}

/** Exit codes of the script, beside those of the worker, and what they mean. */
export const SCRIPT_ENDS = {
  81: 'a line of `setup` failed',
  82: 'there is no Node.js that it could run on',
  83: 'the folder of the run is not there',
  84: 'the folder of the project is not there',
} as const satisfies Record<number, string>;

const SETUP_FAILED = 81;
const NO_NODE = 82;
const NO_TOOL = 83;
const NO_PROJECT = 84;

/** The oldest Node.js that this package runs on. */
const NODE_MAJOR = 20;
const NODE_MINOR = 19;

/** The signal that tells a worker that its time is nearly up. USR1 starts the debugger of Node.js. */
export const SOON_SIGNAL = 'USR2';

/** The text of the script. Nothing of it is secret. */
export function batchScript(script: BatchScript): string {
  const bin = join(script.tool, 'dist/cli/bin.js');
  return [
    '#!/bin/bash',
    // Before all else: `#SBATCH` in a line of the user must not be taken for an option.
    `trap '' ${SOON_SIGNAL}`,
    'dl_jobs_fail() {',
    '  trap - ERR EXIT',
    `  printf 'dl_jobs: on %s: %s\\n' "\${SLURMD_NODENAME:-$HOSTNAME}" "$2" >&2`,
    '  exit "$1"',
    '}',
    ...setupLines(script),
    `dl_jobs_bin=${bashWord(bin)}`,
    `[ -r "$dl_jobs_bin" ] || dl_jobs_fail ${NO_TOOL} "$dl_jobs_bin is not there; is the folder of the run on a file system that all nodes share?"`,
    ...nodeLines(script),
    ...(script.seconds === null ? [] : [`export ${WORKER_SECONDS}=$((${script.seconds} - SECONDS))`]),
    `exec "$dl_jobs_node" "$dl_jobs_bin" worker ${workerWords(script)}`,
    '',
  ].join('\n');
}

function workerWords({ dir, round }: BatchScript): string {
  return round === 'checkup' ? `--checkup ${bashWord(dir)}` : `--run ${bashWord(dir)} --round ${round}`;
}

/**
 * The user's lines run in this shell, for they change its environment, but by `eval`: a quote that is left open in them
 * must not swallow what follows. They begin where the configuration lies that they stand in, and what follows stays
 * there, for they may have put relative folders on PATH.
 */
function setupLines({ setup, projectRoot }: BatchScript): string[] {
  const text = setup.join('\n').replaceAll('\r\n', '\n');
  if (text.trim() === '') return [];
  const root = bashWord(projectRoot);
  const enter = `cd -- ${root} || dl_jobs_fail ${NO_PROJECT} ${root}" cannot be entered; is the project on a file system that all nodes share?"`;
  return [
    enter,
    ...(/\b(?:module|ml)\b/.test(text) ? MODULE_LINES : []),
    // The code first: each command of the trap itself has one.
    `trap 'dl_jobs_fail ${SETUP_FAILED} "setup failed with exit code $?: $BASH_COMMAND"' ERR`,
    `trap 'dl_jobs_fail ${SETUP_FAILED} "setup ended the script with exit code $?"' EXIT`,
    `eval ${bashWord(text)}`,
    'trap - ERR EXIT',
    'set +euf +o pipefail',
    enter,
  ];
}

/** A batch script is no login shell: where `module` did not come with the environment it is fetched. */
const MODULE_LINES = [
  'if ! type module >/dev/null 2>&1; then',
  '  for dl_jobs_init in "$LMOD_PKG/init/bash" "$MODULESHOME/init/bash" /etc/profile.d/{lmod,modules,z00_lmod}.sh; do',
  '    if [ -r "$dl_jobs_init" ]; then . "$dl_jobs_init"; break; fi',
  '  done',
  'fi',
];

function nodeLines(script: BatchScript): string[] {
  const candidates = candidatesOf(script);
  return [
    "dl_jobs_node='' dl_jobs_tried=''",
    `for dl_jobs_path in ${candidates.map(({ word }) => word).join(' ')}; do`,
    '  [ -n "$dl_jobs_path" ] || continue',
    '  if ! [ -x "$dl_jobs_path" ] || [ -d "$dl_jobs_path" ]; then',
    '    dl_jobs_tried="$dl_jobs_tried; $dl_jobs_path is not there"',
    '    continue',
    '  fi',
    '  dl_jobs_version=$("$dl_jobs_path" --version 2>&1)',
    '  if ! [[ $dl_jobs_version =~ ^v([0-9]+)\\.([0-9]+) ]]; then',
    '    dl_jobs_tried="$dl_jobs_tried; $dl_jobs_path says: $dl_jobs_version"',
    `  elif ((BASH_REMATCH[1] < ${NODE_MAJOR} || BASH_REMATCH[1] == ${NODE_MAJOR} && BASH_REMATCH[2] < ${NODE_MINOR})); then`,
    '    dl_jobs_tried="$dl_jobs_tried; $dl_jobs_path is $dl_jobs_version"',
    '  else',
    '    dl_jobs_node=$dl_jobs_path',
    '    break',
    '  fi',
    'done',
    `[ -n "$dl_jobs_node" ] || dl_jobs_fail ${NO_NODE} "expected Node.js ${NODE_MAJOR}.${NODE_MINOR} or later, as "${bashWord(
      candidates.map(({ text }) => text).join(' or '),
    )}", found none\${dl_jobs_tried}. Set \\\`node\\\`, or load a module in \\\`setup\\\`."`,
  ];
}

interface Candidate {
  /** What bash makes the path of. */
  readonly word: string;
  /** For people. */
  readonly text: string;
}

function candidatesOf({ node, ownNode, projectRoot }: BatchScript): Candidate[] {
  if (node === '') {
    return [{ word: bashWord(ownNode), text: ownNode }, onPath('node')];
  }
  if (!node.includes('/')) return [onPath(node)];
  if (node.startsWith('~/')) return [{ word: `"$HOME"${bashWord(node.slice(1))}`, text: node }];
  const path = isAbsolute(node) ? node : join(projectRoot, node);
  return [{ word: bashWord(path), text: path }];
}

function onPath(name: string): Candidate {
  return { word: `"$(type -P -- ${bashWord(name)})"`, text: `\`${name}\` on PATH` };
}
