/** A virtual environment of Python for the requirements of a job. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InfrastructureError } from '../base/errors.js';
import type { PythonPackages } from '../contract/packages.js';
import type { Kind } from './environment.js';
import { installs, isEditable } from './requirement-lines.js';
import { runTool, type Tool } from './run-tool.js';

/** What an environment depends on besides its packages. */
interface Interpreter {
  readonly executable: string;
  readonly version: string;
  readonly platform: string;
  /** Folders of packages that it has. */
  readonly sites: readonly string[];
}

const ASK = `
import json, os, sys, sysconfig
print(json.dumps({
    'executable': sys.executable,
    'version': '%s %s' % (sys.implementation.cache_tag, '.'.join(map(str, sys.version_info))),
    'platform': sysconfig.get_platform(),
    'sites': [path for path in sys.path if os.path.basename(path) in ('site-packages', 'dist-packages')],
}))
`;

/**
 * What the interpreter itself has stays visible, behind what is installed. It is written last, so that pip does not
 * see it: all that the requirements need is then really there.
 */
const ADD_SITES = `
import os, sys, sysconfig
with open(os.path.join(sysconfig.get_path('purelib'), 'zz_dl_jobs.pth'), 'w') as file:
    file.write('import site; list(map(site.addsitedir, %s))\\n' % ascii(sys.argv[1:]))
`;

/** The interpreter of an environment in `folder`. */
function environmentPython(folder: string): string {
  return join(folder, 'bin', 'python');
}

/**
 * Throws PYTHON_NOT_FOUND.
 *
 * @param python - a path, or a name on PATH
 * @param root - where the paths of the packages begin
 */
export async function pythonKind(packages: PythonPackages, python: string, root: string): Promise<Kind> {
  const { sites, ...interpreter } = await ask(python);
  const count = packages.requirements.filter(installs).length;
  // What is editable lies in one project, and no other with the same words may get it.
  const inPlace = packages.requirements.some(isEditable);
  return {
    prefix: 'py',
    packages,
    runtime: { ...interpreter, ...(inPlace && { root }) },
    what: `${count} ${count === 1 ? 'requirement' : 'requirements'} for ${interpreter.executable}`,
    python: environmentPython,
    install: async (folder, options) => {
      const env = buildEnvironment();
      const run = (tool: Omit<Tool, 'env'>): Promise<boolean> => runTool({ ...tool, env }, options);
      const requirements = join(folder, 'requirements.txt');
      const constraints = join(folder, 'constraints.txt');
      writeFileSync(requirements, `${packages.requirements.join('\n')}\n`);
      writeFileSync(constraints, `${packages.constraints.join('\n')}\n`);
      const inside = environmentPython(folder);
      return (
        // Not in the project: its modules would stand in for Python's own.
        (await run({ command: interpreter.executable, args: ['-I', '-m', 'venv', folder], cwd: folder })) &&
        (await run({
          command: inside,
          args: [...PIP_INSTALL, '-r', requirements, '-c', constraints],
          // Where paths in requirements begin.
          cwd: root,
        })) &&
        (await run({ command: inside, args: ['-I', '-c', ADD_SITES, ...sites], cwd: folder }))
      );
    },
  };
}

/** `-I`: neither the folder it runs in nor PYTHONPATH may bring modules along. */
const PIP_INSTALL = [
  ...['-I', '-m', 'pip', 'install', '--no-input', '--no-color', '--progress-bar', 'off'],
  ...['--disable-pip-version-check', '--no-warn-script-location'],
];

/** The user's, with all that it says of indexes and proxies, without what would install elsewhere. */
function buildEnvironment(): NodeJS.ProcessEnv {
  const {
    PYTHONPATH: _path,
    PIP_TARGET: _target,
    PIP_PREFIX: _prefix,
    PIP_ROOT: _root,
    ...env
  } = process.env;
  return { ...env, PIP_USER: '0' };
}

async function ask(python: string): Promise<Interpreter> {
  const child = spawn(python, ['-c', ASK], { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const complaint: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
  const how = await new Promise<string | null>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? null : String(code ?? signal)));
  });
  // What a sitecustomize prints comes before.
  const answer = Buffer.concat(output).toString('utf8').trim().split('\n').at(-1) ?? '';
  if (how === null) return JSON.parse(answer) as Interpreter;
  const last = Buffer.concat(complaint).toString('utf8').trim().split('\n').at(-1) ?? '';
  throw new InfrastructureError(
    'PYTHON_NOT_FOUND',
    `cannot use \`${python}\`: ${last === '' ? how : `${last} (${how})`}`,
    {
      hint: 'Set `python` in dl_jobs.config.yaml to an interpreter, 3.8 or newer; a path into a venv works.',
    },
  );
}
