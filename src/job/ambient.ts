/**
 * The settings that a job function's jobs are made with. A constructor cannot wait for a configuration file, so the
 * one who calls the job function reads it before and lends it here for the call.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { defaultResolved, type ResolvedSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';

export interface JobDefaults {
  readonly base: ResolvedSettings;
  readonly commandLine: Partial<Settings>;
  /** True: the setting `is_dev` decides whether a platform job runs here. */
  readonly obeysDev: boolean;
}

// Shared between copies of the package in one process: the job definition may import another than the command line.
const KEY = Symbol.for('dl-jobs.jobDefaults');

function storage(): AsyncLocalStorage<JobDefaults> {
  const holder = globalThis as unknown as Record<symbol, AsyncLocalStorage<JobDefaults> | undefined>;
  return (holder[KEY] ??= new AsyncLocalStorage<JobDefaults>());
}

export function withJobDefaults<T>(defaults: JobDefaults, call: () => T): T {
  return storage().run(defaults, call);
}

/** What is lent now; else the built-in defaults. */
export function jobDefaults(): JobDefaults {
  return storage().getStore() ?? { base: defaultResolved(process.cwd()), commandLine: {}, obeysDev: false };
}
