/** Writes the text of a configuration file. */
import { describeKind, parseSetting, showValue } from './parse.js';
import { defaultSettings, SETTING_KEYS, settingSpec, type SettingKey, type Settings } from './settings.js';

/** Plain in YAML whatever its version, and never read as anything but text. */
const PLAIN = /^[A-Za-z][\w./@-]*(:[\w./@-]+)*$/;
const NOT_TEXT = /^(true|false|yes|no|on|off|y|n|null)$/i;

function scalar(value: unknown): string {
  if (typeof value !== 'string') return String(value);
  return PLAIN.test(value) && !NOT_TEXT.test(value) ? value : JSON.stringify(value);
}

/** A setting's value as `config --info` and `--help` show it; of variables only the names, for values may be secret. */
export function formatSetting(key: SettingKey, value: unknown): string {
  const shown = showValue(settingSpec(key), value);
  if (Array.isArray(shown)) return `[${shown.map(scalar).join(', ')}]`;
  return typeof shown === 'object' && shown !== null ? JSON.stringify(shown) : scalar(shown);
}

/** As {@link formatSetting}, where nothing is hidden or rounded. */
function inFile(key: SettingKey, value: unknown): string {
  const spec = settingSpec(key);
  const { kind } = spec;
  if (kind === 'variables' && Object.values(value as object).some((text) => text !== null)) {
    return JSON.stringify(value);
  }
  const shown = formatSetting(key, value);
  const again = parseSetting(key, showValue(spec, value), false);
  const rounded =
    (kind === 'size' || kind === 'timeout' || kind === 'seconds') &&
    'value' in again &&
    again.value !== value;
  return rounded ? String(value) : shown;
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
    lines.push('', `# ${spec.description} (${describeKind(spec)})`, `${key}: ${inFile(key, all[key])}`);
  }
  return `${lines.join('\n')}\n`;
}
