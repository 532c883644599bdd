/** The platforms there are. Each is loaded when a run needs it. */
import { ConfigError } from '../base/errors.js';
import type { Platform } from '../contract/platform.js';

const LOADERS: Readonly<Record<string, () => Promise<Platform>>> = {
  local: async () => (await import('./local/local-platform.js')).localPlatform,
  earthone: async () => (await import('./earthone/earthone-platform.js')).earthonePlatform,
  slurm: async () => (await import('./slurm/slurm-platform.js')).slurmPlatform,
};

/** Names of the platforms that this version has. */
export function platformNames(): string[] {
  return Object.keys(LOADERS);
}

/** Throws PLATFORM_UNKNOWN. */
export async function loadPlatform(name: string): Promise<Platform> {
  const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
  if (load === undefined) {
    throw new ConfigError(
      'PLATFORM_UNKNOWN',
      `expected platform to be one of ${platformNames().join(', ')}, got \`${name}\``,
      {
        hint: 'Set `platform` in dl_jobs.config.yaml, or pass --platform; --dev true runs here.',
      },
    );
  }
  return load();
}
