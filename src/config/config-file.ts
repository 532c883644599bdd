/** Reads `dl_jobs.config.yaml`. */
import { readFile } from 'node:fs/promises';
import { ConfigError, describeValue } from '../base/errors.js';
import { nearest } from './nearest.js';
import { parseSetting } from './parse.js';
import { isSettingKey, SETTING_KEYS } from './settings.js';
import type { FileSetting } from './file-setting.js';
import { parsedPath, readParsed, writeParsed } from './parsed-cache.js';

/** The error for a setting's name that does not exist. `where` begins the message. */
export function unknownSetting(where: string, name: string): ConfigError {
  const near = nearest(name, SETTING_KEYS);
  return new ConfigError(
    'CONFIG_INVALID',
    `${where}: expected the name of a setting, got ${describeValue(name)}`,
    {
      hint:
        near === undefined
          ? `The settings are: ${SETTING_KEYS.join(', ')}.`
          : `Did you mean \`${near}\`? The settings are: ${SETTING_KEYS.join(', ')}.`,
    },
  );
}

/**
 * Reads a configuration file. An empty one gives no settings.
 *
 * @throws ConfigError `CONFIG_INVALID` with file and line when it cannot be read, is not YAML, or has an
 *   unknown name or a value of the wrong type.
 */
export async function readConfigFile(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<FileSetting[]> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    const reason = cause instanceof TypeError ? 'it is not UTF-8 text' : (cause as Error).message;
    throw new ConfigError('CONFIG_INVALID', `${path} cannot be read: ${reason}`, {
      hint: 'Mend the file, or write a new one with `dl_jobs config --force`.',
      cause,
    });
  }
  const remembered = parsedPath(text, env);
  const known = readParsed(remembered);
  if (known !== null) return known;
  const settings = await parseConfig(path, text);
  // Values of variables may be secret: they stay in the one file that the user wrote them to.
  if (!settings.some(({ key }) => key === 'env')) writeParsed(remembered, settings);
  return settings;
}

async function parseConfig(path: string, text: string): Promise<FileSetting[]> {
  const { parseDocument, LineCounter, isMap, isScalar, isNode } = await import('./yaml.js');
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, logLevel: 'error', prettyErrors: false });
  const lineOf = (node: unknown): number =>
    isNode(node) && node.range ? counter.linePos(node.range[0]).line : 1;
  const problem = document.errors[0];
  if (problem !== undefined) {
    const line = counter.linePos(problem.pos[0]).line;
    throw new ConfigError('CONFIG_INVALID', `${path}:${line}: expected YAML: ${problem.message}`, {
      hint: 'Write one `name: value` a line, without tabs and each name once.',
    });
  }
  const root: unknown = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return [];
  if (!isMap(root)) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${path}:${lineOf(root)}: expected \`name: value\` lines, got something else`,
      {
        hint: 'See what the file looks like with `dl_jobs config` in an empty folder.',
      },
    );
  }
  return root.items.map(({ key: keyNode, value: valueNode }) => {
    const line = lineOf(keyNode);
    const key = isScalar(keyNode) ? String(keyNode.value) : String(keyNode);
    if (!isSettingKey(key)) throw unknownSetting(`${path}:${line}`, key);
    let raw: unknown;
    try {
      raw = isNode(valueNode) ? (valueNode.toJS(document) as unknown) : null;
    } catch (cause) {
      throw new ConfigError('CONFIG_INVALID', `${path}:${line}: ${key}: ${(cause as Error).message}`, {
        hint: 'Write the value itself instead of a reference.',
        cause,
      });
    }
    const parsed = parseSetting(key, raw, true);
    if ('expected' in parsed) {
      throw new ConfigError(
        'CONFIG_INVALID',
        `${path}:${line}: ${key}: expected ${parsed.expected}, got ${describeValue(raw)}`,
        { hint: `Change the value, or delete the line to use the default.` },
      );
    }
    return { key, value: parsed.value, line };
  });
}
