/** `dl_jobs config`: writes the configuration file, or with `--info` shows the settings in force. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ConfigError, describeValue, InfrastructureError, UsageError } from '../../base/errors.js';
import { unknownSetting } from '../../config/config-file.js';
import { formatSetting, generateConfig } from '../../config/generate.js';
import { loadSettings, overlay, type ResolvedSettings } from '../../config/load.js';
import { parseSetting } from '../../config/parse.js';
import { CONFIG_FILE } from '../../config/project.js';
import { isSettingKey, SETTING_KEYS, type Settings } from '../../config/settings.js';
import type { Io } from '../io.js';
import { optionOf, settingsFromOptions } from '../options.js';
import type { ParsedCommand } from '../tokenize.js';
import { parseWords } from '../words.js';

/** A path as the user would type it from `cwd`, when that is shorter. */
function shortPath(cwd: string, path: string): string {
  const near = relative(cwd, path);
  return near !== '' && near.length < path.length ? near : path;
}

function settingsTable(resolved: ResolvedSettings, io: Io): string {
  const rows = SETTING_KEYS.map((key): readonly [string, string, string] => {
    const { level, where } = resolved.sources[key];
    const place = level === 'file' ? shortPath(io.cwd, where) : where;
    return [
      key,
      formatSetting(key, resolved.values[key]),
      level === 'default' ? level : `${level}: ${place}`,
    ];
  });
  const head = ['SETTING', 'VALUE', 'FROM'] as const;
  const width = (at: 0 | 1): number => Math.max(...[head, ...rows].map((row) => row[at].length));
  const lines = [head, ...rows].map(
    (row) => `${row[0].padEnd(width(0))}  ${row[1].padEnd(width(1))}  ${row[2]}`,
  );
  const { root, configFile } = resolved.project;
  return [`project: ${root}`, `config file: ${configFile ?? 'none'}`, '', ...lines, ''].join('\n');
}

function settingsJson({ project, values, sources }: ResolvedSettings): string {
  return `${JSON.stringify({ project: project.root, config_file: project.configFile, settings: values, sources })}\n`;
}

function presets(words: readonly string[]): Partial<Settings> {
  const { args, kwargs } = parseWords(words);
  if (args[0] !== undefined) {
    throw new UsageError('USAGE', `expected kwargs (name=value), got ${describeValue(args[0])}`, {
      hint: 'For instance: `dl_jobs config noisy=false cpu_image=py36`.',
    });
  }
  const values: Record<string, unknown> = {};
  for (const [key, raw] of Object.entries(kwargs)) {
    if (!isSettingKey(key)) throw unknownSetting('dl_jobs config', key);
    const parsed = parseSetting(key, raw, typeof raw !== 'string');
    if ('expected' in parsed) {
      throw new ConfigError(
        'CONFIG_INVALID',
        `${key}: expected ${parsed.expected}, got ${describeValue(raw)}`,
        {
          hint: 'See the settings with `dl_jobs config --info`.',
        },
      );
    }
    values[key] = parsed.value;
  }
  return values;
}

/** Puts the file there; an existing one is replaced whole or not at all. */
async function place(path: string, text: string, force: boolean): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    if (!force) {
      await writeFile(path, text, { flag: 'wx' });
      return;
    }
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new ConfigError('CONFIG_EXISTS', `expected no ${CONFIG_FILE} here, but ${path} exists`, {
        hint: 'Edit it, or overwrite it with `dl_jobs config --force`.',
        cause,
      });
    }
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new InfrastructureError('STORE_FAILED', `${path} cannot be written: ${(cause as Error).message}`, {
      hint: 'Check the rights and the free space of the folder.',
      cause,
    });
  }
}

/** Runs `dl_jobs config`. @returns the exit code. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const fromOptions = settingsFromOptions(parsed.options);
  if (parsed.options.info === true) {
    if (parsed.words[0] !== undefined) {
      throw new UsageError('USAGE', `--info: expected no kwargs, got ${describeValue(parsed.words[0])}`, {
        hint: 'Options show what they change: `dl_jobs config --info --noisy false`.',
      });
    }
    const resolved = overlay(await loadSettings(io), 'command line', fromOptions, optionOf);
    io.stdout.write(parsed.options.json === true ? settingsJson(resolved) : settingsTable(resolved, io));
    return 0;
  }
  if (parsed.options.json === true) {
    throw new UsageError('USAGE', 'expected --info with --json, got --json alone', {
      hint: '`dl_jobs config --info --json` prints the settings in force.',
    });
  }
  const values = { ...fromOptions, ...presets(parsed.words) };
  const path = join(io.cwd, CONFIG_FILE);
  await place(path, generateConfig(values), parsed.options.force === true);
  io.stderr.write(`wrote ${path}\n`);
  return 0;
}
