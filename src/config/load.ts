/** Where settings come from, and who wins: defaults < file < environment < job < command line. */
import { ConfigError, describeValue, JobError, UsageError, type DlJobsError } from '../base/errors.js';
import { readConfigFile, unknownSetting } from './config-file.js';
import { parseSetting } from './parse.js';
import { findProject, type Project } from './project.js';
import {
  defaultSettings,
  environmentName,
  isSettingKey,
  SETTING_KEYS,
  settingSpec,
  type PlatformOptions,
  type SettingKey,
  type Settings,
} from './settings.js';

/** The levels, weakest first. */
export const LEVELS = ['default', 'file', 'environment', 'job', 'command line'] as const;
/** One of the places that a setting can come from. */
export type Level = (typeof LEVELS)[number];

/** Where a value comes from. */
export interface Source {
  readonly level: Level;
  /** `default`, file and line, name of the variable or of the option. */
  readonly where: string;
}

/** The settings in force, each with where it came from. */
export interface ResolvedSettings {
  /** Root and configuration file. */
  readonly project: Project;
  /** By their names in the configuration file. */
  readonly values: Settings;
  /** Of each value. */
  readonly sources: Readonly<Record<SettingKey, Source>>;
}

/** Below 0: `a` is the weaker level; 0: they are the same; above 0: `a` is the stronger one. */
export function compareLevels(a: Level, b: Level): number {
  return LEVELS.indexOf(a) - LEVELS.indexOf(b);
}

type Given = { readonly key: SettingKey; readonly value: unknown; readonly where: string };

function put(base: ResolvedSettings, level: Level, given: readonly Given[]): ResolvedSettings {
  const values: Record<string, unknown> = { ...base.values };
  const sources: Record<SettingKey, Source> = { ...base.sources };
  for (const { key, value, where } of given) {
    const stronger = compareLevels(level, sources[key].level) >= 0;
    if (settingSpec(key).kind === 'options') {
      const [under, over] = stronger ? [values[key], value] : [value, values[key]];
      values[key] = { ...(under as PlatformOptions), ...(over as PlatformOptions) };
    } else if (stronger) values[key] = value;
    if (stronger) sources[key] = { level, where };
  }
  return { project: base.project, values: values as unknown as Settings, sources };
}

/** Variable in which a Python program says which interpreter it runs in: the default of `python` then. */
const CALLING_PYTHON = 'DL_JOBS_CALLING_PYTHON';

/** All settings at their defaults, for a project. */
function defaults(
  project: Project,
  env: Readonly<Record<string, string | undefined>> = {},
): ResolvedSettings {
  const source: Source = { level: 'default', where: 'default' };
  const sources = Object.fromEntries(SETTING_KEYS.map((key) => [key, source])) as Record<SettingKey, Source>;
  const values = defaultSettings();
  const python = env[CALLING_PYTHON];
  return { project, values: python === undefined || python === '' ? values : { ...values, python }, sources };
}

/**
 * The settings of the project that `cwd` stands in: defaults, then its configuration file, then the
 * `DL_JOBS_*` variables of `env` (an empty variable counts as not set).
 *
 * @throws ConfigError `CONFIG_INVALID` when the file or a variable is wrong.
 */
export async function loadSettings(from: {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}): Promise<ResolvedSettings> {
  const project = findProject(from.cwd);
  let resolved = defaults(project, from.env);
  if (project.configFile !== null) {
    const file = project.configFile;
    const given = await readConfigFile(file, from.env);
    resolved = put(
      resolved,
      'file',
      given.map(({ key, value, line }) => ({ key, value, where: `${file}:${line}` })),
    );
  }
  const variables: Given[] = [];
  for (const key of SETTING_KEYS) {
    const where = environmentName(key);
    const raw = from.env[where];
    if (raw === undefined || raw === '') continue;
    const parsed = parseSetting(key, raw, false);
    if ('expected' in parsed) {
      throw new ConfigError(
        'CONFIG_INVALID',
        `environment variable ${where}: expected ${parsed.expected}, got ${describeValue(raw)}`,
        { hint: `Change it, or \`unset ${where}\`.` },
      );
    }
    variables.push({ key, value: parsed.value, where });
  }
  return put(resolved, 'environment', variables);
}

/** The error for a wrong value that a job or the command line gives. */
function wrongValue(
  level: Level,
  where: string,
  key: SettingKey,
  expected: string,
  value: unknown,
): DlJobsError {
  const name = level === 'command line' ? where : `${where}: ${key}`;
  const message = `${name}: expected ${expected}, got ${describeValue(value)}`;
  const details = { hint: `See \`${key}\` in the list of settings: \`dl_jobs config --info\`.` };
  if (level === 'job')
    return new JobError(key === 'platform' ? 'PLATFORM_UNKNOWN' : 'JOB_INVALID', message, details);
  if (level === 'command line') {
    return new UsageError(key === 'platform' ? 'PLATFORM_UNKNOWN' : 'USAGE', message, details);
  }
  return new ConfigError('CONFIG_INVALID', message, details);
}

/**
 * `base` with the settings of one more level; `base` itself is not changed. A setting that is left out or
 * undefined touches nothing, and one that a stronger level has set stays. Of options of a platform's command each
 * counts by itself: overlay the levels from the weakest on.
 *
 * @param partial - settings by key, typed values; they are checked.
 * @param where - what gave them, for messages and `config --info`; a function tells it for each key.
 * @throws JobError (`job`), UsageError (`command line`) or ConfigError (the others) for an unknown key or a
 *   wrong value.
 */
export function overlay(
  base: ResolvedSettings,
  level: Level,
  partial: { readonly [K in SettingKey]?: Settings[K] | undefined },
  where: string | ((key: SettingKey) => string),
): ResolvedSettings {
  const given: Given[] = [];
  for (const [key, raw] of Object.entries(partial) as [string, unknown][]) {
    if (raw === undefined) continue;
    if (!isSettingKey(key)) throw unknownSetting(typeof where === 'string' ? where : level, key);
    const place = typeof where === 'string' ? where : where(key);
    const parsed = parseSetting(key, raw, true);
    if ('expected' in parsed) throw wrongValue(level, place, key, parsed.expected, raw);
    given.push({ key, value: parsed.value, where: place });
  }
  return put(base, level, given);
}

/** The built-in defaults for the project that `cwd` stands in; nothing is read but where the project is. */
export function defaultResolved(cwd: string): ResolvedSettings {
  return defaults(findProject(cwd));
}
