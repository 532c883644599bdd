/** A folder of npm packages for the requirements of a job. */
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import type { NodePackages } from '../contract/packages.js';
import type { Kind } from './environment.js';
import { localPart, manifestToInstall } from './node-packages.js';
import { runTool } from './run-tool.js';

/** @param root - where the paths of the packages begin */
export function nodeKind(packages: NodePackages, root: string): Kind {
  const { specs, lock } = packages;
  const folder = join(root, packages.folder);
  const { modules } = process.versions;
  const named = specs.length === 1 ? '1 package' : `${specs.length} packages`;
  return {
    prefix: 'npm',
    packages,
    // Compiled packages fit one version of Node's binary interface.
    runtime: { modules, platform: process.platform, arch: process.arch },
    what: `${specs.length > 0 ? named : `the packages of ${join(folder, 'package.json')}`} for node ${process.version}`,
    python: () => null,
    install: async (target, options) => {
      const { manifest, isChanged } = manifestToInstall(packages, folder);
      writeFileSync(
        join(target, 'package.json'),
        `${JSON.stringify({ private: true, ...manifest }, null, 2)}\n`,
      );
      if (lock !== null) writeFileSync(join(target, lock.name), lock.text);
      const settings = join(folder, '.npmrc');
      // A link, for it may hold a token.
      if (existsSync(settings)) symlinkSync(settings, join(target, '.npmrc'));
      const words = lock !== null && !isChanged ? ['ci'] : ['install', '--install-links'];
      const sources = specs.map((spec) => absolute(spec, folder));
      return await runTool(
        {
          command: 'npm',
          args: [...words, ...OPTIONS, '--prefix', target, ...(sources.length > 0 ? ['--', ...sources] : [])],
          env: buildEnvironment(),
          cwd: target,
        },
        options,
      );
    },
  };
}

const OPTIONS = [
  ...['--omit=dev', '--global=false', '--no-audit', '--no-fund', '--no-progress'],
  ...['--no-update-notifier', '--color=false'],
];

/** The user's, with the Node that runs us first: that is the one to build for. */
function buildEnvironment(): NodeJS.ProcessEnv {
  const { PATH = '' } = process.env;
  return { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${PATH}` };
}

function absolute(spec: string, folder: string): string {
  const local = localPart(spec);
  return local === null || isAbsolute(local.path) ? spec : `${local.before}file:${join(folder, local.path)}`;
}
