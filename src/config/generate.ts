/** Writes the text of a configuration file. */
import { describeKind } from './parse.js';
import { defaultSettings, SETTING_KEYS, settingSpec, type Settings } from './settings.js';

/** Plain in YAML whatever its version, and never read as anything but text. */
const PLAIN = /^[A-Za-z][\w./@-]*(:[\w./@-]+)*$/;
const NOT_TEXT = /^(true|false|yes|no|on|off|y|n|null)$/i;

function scalar(value: unknown): string {
  if (typeof value !== 'string') return String(value);
  return PLAIN.test(value) && !NOT_TEXT.test(value) ? value : JSON.stringify(value);
}

/** A setting's value as YAML and as `config --info` show it. */
export function formatSetting(value: Settings[keyof Settings]): string {
  return Array.isArray(value) ? `[${value.map(scalar).join(', ')}]` : scalar(value);
}

/**
 * The text of a `dl_jobs.config.yaml` with every setting and a comment for each.
 *
 * @param values - settings that differ from the defaults.
 */
export function generateConfig(values: Partial<Settings> = {}): string {
  const all: Settings = { ...defaultSettings(), ...values };
  const lines = [
    '# Settings of dl_jobs. The environment (DL_JOBS_<NAME>), a job and the command line win over this file.',
  ];
  for (const key of SETTING_KEYS) {
    const spec = settingSpec(key);
    lines.push('', `# ${spec.description} (${describeKind(spec)})`, `${key}: ${formatSetting(all[key])}`);
  }
  return `${lines.join('\n')}\n`;
}
