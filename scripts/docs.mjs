// Writes the generated parts of docs/*.md: what stands between `<!-- generated: NAME -->` and
// `<!-- end of NAME -->`. The tables of settings, options and images are made from those in the code.
//
//   node scripts/docs.mjs            writes them
//   node scripts/docs.mjs --check    fails when one is stale
import { build } from 'esbuild';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));

/** The tables, straight from the source: docs can be written before the rest builds. */
async function loadTables() {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        export { SETTINGS, SETTING_KEYS } from './src/config/settings.ts';
        export { IMAGES, shortImage } from './src/config/images.ts';
        export { describeKind } from './src/config/parse.ts';
        export { formatSetting } from './src/config/generate.ts';
        export { OPTIONS } from './src/cli/options.ts';`,
      resolveDir: '.',
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
}

const tables = await loadTables();
const cell = (text) => text.replaceAll('|', '\\|');
const code = (text) => `\`${cell(text)}\``;
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const shortValue = (key, value) =>
  tables.formatSetting(key, typeof value === 'string' ? tables.shortImage(value) : value);

const PARTS = {
  settings: () =>
    table(
      ['Setting', 'What it is for', 'Value', 'Default', 'Option'],
      tables.SETTING_KEYS.map((key) => {
        const spec = tables.SETTINGS[key];
        const option = 'option' in spec ? code(`--${spec.option}`) : '';
        return [
          code(key),
          cell(spec.description),
          cell(tables.describeKind(spec)),
          code(shortValue(key, spec.default)),
          option,
        ];
      }),
    ),
  images: () =>
    table(
      ['Key', 'Address'],
      Object.entries(tables.IMAGES).map(([key, address]) => [code(key), code(address)]),
    ),
  options: () =>
    table(
      ['Option', 'What it does', 'Commands'],
      tables.OPTIONS.map((option) => [
        code(`--${option.name} ${option.metavar}`),
        cell(option.description),
        option.commands.map(code).join(' '),
      ]),
    ),
};

const check = process.argv.includes('--check');
let stale = 0;
for (const file of readdirSync('docs').filter((name) => name.endsWith('.md'))) {
  const path = join('docs', file);
  const before = readFileSync(path, 'utf8');
  const marks = /(<!-- generated: ([\w-]+) -->)[^]*?(<!-- end of \2 -->)/g;
  const filled = before.replace(marks, (_, from, name, to) => {
    if (!Object.hasOwn(PARTS, name)) throw new Error(`${path}: there is no generated part called ${name}`);
    return `${from}\n\n${PARTS[name]()}\n\n${to}`;
  });
  if (filled === before) continue;
  const after = await prettier.format(filled, {
    ...(await prettier.resolveConfig(path)),
    parser: 'markdown',
  });
  if (after === before) continue;
  stale += 1;
  if (!check) writeFileSync(path, after);
  console.log(`${path} ${check ? 'is stale: run `node scripts/docs.mjs`' : 'written'}`);
}
process.exitCode = check && stale > 0 ? 1 : 0;
