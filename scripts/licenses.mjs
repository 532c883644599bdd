// The licences of the packages that the bundles in dist/ contain, as those licences ask.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folders (relative to the working directory) of the packages of which a byte is in the output. */
function bundledPackages(metafile) {
  const folders = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
    }
  }
  return [...folders];
}

/**
 * Writes the name, version and licence text of every bundled package to `outFile`.
 *
 * @param metafile esbuild's, or an array of several
 * @throws Error when a package holds no licence text: then it must not be bundled as it is
 */
export function writeLicenses(metafile, outFile) {
  const folders = new Set([metafile].flat().flatMap(bundledPackages));
  const sections = new Map();
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /^(licen[cs]e|copying|notice)([.-]|$)/i.test(entry.name))
      .map((entry) => entry.name)
      .sort();
    if (files.length === 0) throw new Error(`${folder} is bundled but holds no licence file`);
    const text = files.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
    sections.set(`${name} ${version}`, `${name} ${version} (${license})\n\n${text}\n`);
  }
  const rule = `\n${'-'.repeat(80)}\n\n`;
  const body = [...sections.keys()].sort().map((key) => sections.get(key));
  const head = 'Parts of these packages are bundled in this one. Their licences follow.\n';
  writeFileSync(outFile, [head, ...body].join(rule));
}
